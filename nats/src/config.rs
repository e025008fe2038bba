use async_nats::ServerAddr;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use crate::ConnectError;

/// Where the bus is and how much it keeps.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `nats://[user:password@]host:port`, or `tls://…`; several servers of one cluster separated by commas.
    pub url: SecretString,
    /// Prefix of subjects and, in upper case, of the stream: lower-case letters, digits, `-` and `_`.
    pub namespace: String,
    /// Bytes the stream keeps; past them the oldest messages go. The log keeps everything.
    pub max_bytes: i64,
    /// Copies of the stream in a JetStream cluster: 1, 3 or 5.
    pub replicas: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self { url: "nats://127.0.0.1:4222".to_owned().into(), namespace: "vc".into(), max_bytes: 8 << 30, replicas: 1 }
    }
}

impl Config {
    pub fn new(url: impl Into<SecretString>, namespace: impl Into<String>) -> Self {
        Self { url: url.into(), namespace: namespace.into(), ..Self::default() }
    }

    /// A namespace becomes part of subjects and of the stream's name, where `.`, `*`, `>` and spaces have a meaning.
    pub(crate) fn check(&self) -> Result<(), ConnectError> {
        let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-' || c == '_';
        if self.namespace.is_empty() || !self.namespace.chars().all(allowed) {
            return Err(ConnectError::Namespace(self.namespace.clone()));
        }
        Ok(())
    }

    pub(crate) fn servers(&self) -> Result<Vec<ServerAddr>, ConnectError> {
        let urls = self.url.expose_secret().split(',').map(str::trim);
        // The reason may quote the address with its password, so it is not passed on.
        urls.map(|url| url.parse().map_err(|_| ConnectError::Url)).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_namespace_that_would_change_a_subject_is_refused() {
        for bad in ["", "a.b", "a*", ">", "A", "a b"] {
            assert!(Config::new("nats://localhost".to_owned(), bad).check().is_err(), "{bad}");
        }
        assert!(Config::new("nats://localhost".to_owned(), "vc-test_1").check().is_ok());
    }

    #[test]
    fn several_servers_are_separated_by_commas() {
        let config = Config::new("nats://a:1, tls://user:secret@b:2".to_owned(), "vc");
        assert_eq!(config.servers().unwrap().len(), 2);
        assert!(!format!("{config:?}").contains("secret@"));
    }
}
