//! Settings of what stands around the operations: who may call from where, what is served here, how versions end.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Deserializer};

use super::ConfigError;

/// Which web pages may call from a browser. Programs that are no browsers do not care.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Cors {
    /// Exact origins, such as `https://app.example.com`. None by default. In a variable: separated by commas.
    #[serde(deserialize_with = "words")]
    pub origins: Vec<String>,
}

/// How each version of the API ends. By default none does.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Versions {
    pub v1: Version,
    pub v2: Version,
}

/// What clients of a version are told by headers of each answer.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Version {
    /// From when on the version is deprecated, as RFC 3339 (`Deprecation`, RFC 9745). It goes on working.
    pub deprecated_at: Option<DateTime<Utc>>,
    /// From when on it may stop working (`Sunset`, RFC 8594).
    pub sunset_at: Option<DateTime<Utc>>,
    /// Where the version after it is: an address or a path (`Link` with `successor-version`, RFC 5829).
    pub successor: Option<String>,
    /// Where people read about it (`Link` with `deprecation`, RFC 9745).
    pub notice: Option<String>,
}

impl Cors {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        match self.origins.iter().find(|origin| !is_origin(origin)) {
            None => Ok(()),
            Some(origin) => Err(ConfigError(format!(
                "cors.origins has `{origin}`; an origin is a scheme and a host, in lower case, such as \
                 https://app.example.com, and a wildcard is none"
            ))),
        }
    }
}

/// As browsers write origins (RFC 6454 §6.2): what is written otherwise would never match.
fn is_origin(text: &str) -> bool {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    host.is_some_and(|host| {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-:[]".contains(c);
        !host.is_empty() && host.chars().all(plain)
    })
}

impl Versions {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        for (name, version) in [("v1", &self.v1), ("v2", &self.v2)] {
            let Version { deprecated_at, sunset_at, successor, notice } = version;
            let links = successor.iter().chain(notice);
            if sunset_at.is_some_and(|end| deprecated_at.is_none_or(|begin| end < begin)) {
                return Err(ConfigError(format!("versions.{name} ends before it is deprecated")));
            }
            if deprecated_at.is_none() && links.clone().next().is_some() {
                return Err(ConfigError(format!("versions.{name} has links, but is not deprecated")));
            }
            if links.clone().any(|link| link.is_empty() || !link.bytes().all(|b| b.is_ascii_graphic() && b != b'>')) {
                return Err(ConfigError(format!("versions.{name} has a link that is no address")));
            }
        }
        Ok(())
    }
}

/// A list, or in a variable of the environment the same separated by commas.
pub(super) fn words<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<String>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Words {
        List(Vec<String>),
        Text(String),
    }

    let words = match Words::deserialize(deserializer)? {
        Words::List(words) => words,
        Words::Text(text) => text.split(',').map(str::to_owned).collect(),
    };
    Ok(words.iter().map(|word| word.trim().to_owned()).filter(|word| !word.is_empty()).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_is_scheme_and_host_as_browsers_write_them() {
        for origin in ["https://app.example.com", "http://localhost:3000", "https://[2001:db8::1]:8443"] {
            assert!(is_origin(origin), "{origin}");
        }
        for other in
            ["*", "null", "", "https://", "app.example.com", "https://App.example.com", "https://a.example/", "ftp://a"]
        {
            assert!(!is_origin(other), "{other}");
        }
    }

    #[test]
    fn a_version_ends_after_it_is_deprecated() {
        let at = |day| Some(DateTime::UNIX_EPOCH + chrono::TimeDelta::days(day));
        let check = |v1| Versions { v1, ..Versions::default() }.check().is_ok();
        assert!(check(Version::default()));
        assert!(check(Version { deprecated_at: at(1), sunset_at: at(2), ..Version::default() }));
        assert!(!check(Version { deprecated_at: at(2), sunset_at: at(1), ..Version::default() }));
        assert!(!check(Version { sunset_at: at(1), ..Version::default() }));
        assert!(!check(Version { successor: Some("/api/v2".into()), ..Version::default() }));
        let link = Some("https://example.com/a b".into());
        assert!(!check(Version { deprecated_at: at(1), notice: link, ..Version::default() }));
    }
}
