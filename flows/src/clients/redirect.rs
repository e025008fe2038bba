//! Where a client may have people sent back to (RFC 9700 §2.1, RFC 8252 §7).

use url::{Host, Url};

const LONGEST: usize = aggregates::client::MAX_REDIRECT_URI_BYTES;

/// Whether an address can be registered, or why not.
pub(crate) fn check(uri: &str) -> Result<(), &'static str> {
    let canonical = "must be an absolute URI in its canonical form, at most 512 bytes long";
    // What a parser would change, such as `/../` or an upper-case host, others may read differently.
    let url = canonical_url(uri).ok_or(canonical)?;
    if url.fragment().is_some() {
        return Err("must have no fragment");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must have no user name or password");
    }
    match url.scheme() {
        "https" => Ok(()),
        "http" if is_loopback(&url) => Ok(()),
        "http" => Err("must be https; http only for 127.0.0.1 and [::1]"),
        // RFC 8252 §7.1: a domain in reverse, which `javascript` and its like are not.
        scheme if scheme.contains('.') && !url.has_host() => Ok(()),
        _ => Err("must have the scheme https, or a private one that is a domain in reverse"),
    }
}

/// Whether `uri` is one of those that the client has registered: the same to the letter, but that an app on a device
/// may choose its port on the loopback (RFC 8252 §7.3).
pub(crate) fn is_registered(registered: &[String], uri: &str) -> bool {
    registered.iter().any(|known| known == uri || is_same_but_for_port(known, uri))
}

/// Whether no other program on the person's device can receive what is sent there (RFC 8252 §8.6).
pub(crate) fn offers_itself_to_one(uri: &str) -> bool {
    uri.starts_with("https://")
}

fn is_same_but_for_port(known: &str, uri: &str) -> bool {
    let (Some(mut known), Some(mut uri)) = (canonical_url(known), canonical_url(uri)) else { return false };
    let both_loopback = [&known, &uri].iter().all(|url| url.scheme() == "http" && is_loopback(url));
    both_loopback && known.set_port(None).is_ok() && uri.set_port(None).is_ok() && known == uri
}

fn canonical_url(uri: &str) -> Option<Url> {
    let plain = uri.len() <= LONGEST && uri.bytes().all(|byte| byte.is_ascii_graphic());
    Url::parse(uri).ok().filter(|url| plain && url.as_str() == uri)
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(_)) | None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_that_lead_to_the_client_are_registered() {
        for good in [
            "https://app.example/callback",
            "https://app.example/",
            "https://app.example:8443/callback?tenant=1",
            "http://127.0.0.1/callback",
            "http://127.0.0.1:8123/callback",
            "http://[::1]:8123/callback",
            "com.example.app:/oauth",
        ] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        let long = format!("https://app.example/{}", "x".repeat(LONGEST));
        for bad in [
            "",
            "/callback",
            "https://app.example",
            "https://app.example/#here",
            "https://app.example/a/../b",
            "https://APP.example/",
            "https://app.example:443/",
            "https://user@app.example/",
            "https://user:pass@app.example/",
            "https://app.example/ b",
            "https://exämple.org/",
            "http://app.example/",
            "http://localhost/",
            "http://127.0.0.1.example.org/",
            "ftp://app.example/",
            "javascript:alert(1)",
            "data:text/html,x",
            "file:///etc/passwd",
            "com.example.app://host/oauth",
            &long,
        ] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn an_address_is_compared_to_the_letter() {
        let registered = ["https://app.example/cb".to_owned(), "com.example.app:/cb".to_owned()];
        for same in &registered {
            assert!(is_registered(&registered, same));
        }
        for other in [
            "https://app.example/cb/",
            "https://app.example/cb2",
            "https://app.example/cb?x=1",
            "https://app.example/cb#x",
            "https://app.example/CB",
            "https://App.example/cb",
            "https://app.example:443/cb",
            "https://app.example:8443/cb",
            "https://app.example/x/../cb",
            "https://app.example/%63b",
            "https://app.example@evil.example/cb",
            "https://evil.example/https://app.example/cb",
            "https://app.example.evil.example/cb",
            "http://app.example/cb",
            "com.example.app:/cb2",
            "",
        ] {
            assert!(!is_registered(&registered, other), "{other}");
        }
    }

    #[test]
    fn only_the_port_of_the_loopback_may_differ() {
        let registered = ["http://127.0.0.1/cb".to_owned()];
        for same in ["http://127.0.0.1/cb", "http://127.0.0.1:8123/cb"] {
            assert!(is_registered(&registered, same), "{same}");
        }
        for other in [
            "http://127.0.0.1:8123/cb2",
            "http://127.0.0.1:8123/cb?x",
            "http://127.0.0.2:8123/cb",
            "http://[::1]:8123/cb",
            "http://localhost:8123/cb",
            "https://127.0.0.1:8123/cb",
            "http://127.0.0.1:8123@evil.example/cb",
            "http://user@127.0.0.1:8123/cb",
        ] {
            assert!(!is_registered(&registered, other), "{other}");
        }
    }
}
