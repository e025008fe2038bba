use std::path::PathBuf;

use openidconnect::{AuthType, ClientId, IssuerUrl, RedirectUrl, Scope, TokenUrl};
use secrecy::SecretString;
use serde::Deserialize;
use url::{Host, Url};

use super::apple::AppleKey;
use crate::SetupError;

/// One OpenID provider, under `providers.social.<name>`. A preset fills in what it knows; what is set here goes before.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SocialConfig {
    /// `google`, `apple` or `facebook`; none for any other provider, which then needs `issuer`.
    pub preset: Option<Preset>,
    pub issuer: String,
    pub client_id: String,
    /// Apple has none: see `key_file`.
    pub client_secret: Option<SecretString>,
    /// The page of ours that people come back to. It hands `state` and `code` to the API.
    pub redirect_uri: String,
    /// Separated by spaces; `openid` is always asked for.
    pub scopes: String,
    /// Where the discovery document does not say it.
    pub token_endpoint: String,
    /// How people come back: empty for the provider's default, or `form_post`.
    pub response_mode: String,
    /// Apple: the team, the key and its file (PKCS #8 PEM), from which client secrets are made.
    pub team_id: String,
    pub key_id: String,
    pub key_file: PathBuf,
    /// A call that takes longer fails. 0 is five seconds.
    pub timeout_ms: u64,
    /// For tests: a provider on the loopback may speak http.
    pub allow_insecure_loopback: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Preset {
    Google,
    Apple,
    Facebook,
}

/// How a client proves who it is.
pub(super) enum ClientProof {
    Secret(SecretString),
    Apple(Box<AppleKey>),
}

/// A provider's settings, complete and checked.
pub(super) struct Settings {
    pub issuer: IssuerUrl,
    pub client_id: ClientId,
    pub proof: ClientProof,
    pub redirect_uri: RedirectUrl,
    pub scopes: Vec<Scope>,
    pub token_endpoint: Option<TokenUrl>,
    pub response_mode: Option<String>,
    /// None: as the provider's metadata say.
    pub auth_type: Option<AuthType>,
    pub timeout_ms: u64,
    pub allow_insecure_loopback: bool,
}

const DEFAULT_TIMEOUT_MS: u64 = 5_000;

struct Known {
    issuer: &'static str,
    scopes: &'static str,
    token_endpoint: &'static str,
    response_mode: &'static str,
    auth_type: Option<AuthType>,
}

impl Preset {
    fn known(preset: Option<Preset>) -> Known {
        let any = Known {
            issuer: "",
            scopes: "openid email profile",
            token_endpoint: "",
            response_mode: "",
            auth_type: None,
        };
        match preset {
            None => any,
            Some(Preset::Google) => Known { issuer: "https://accounts.google.com", ..any },
            // Names and addresses are sent by form only, and the name to the page alone, once.
            Some(Preset::Apple) => Known {
                issuer: "https://appleid.apple.com",
                scopes: "openid email name",
                response_mode: "form_post",
                auth_type: Some(AuthType::RequestBody),
                ..any
            },
            // Its metadata lack the token endpoint, and it does not say whether an address is verified.
            Some(Preset::Facebook) => Known {
                issuer: "https://www.facebook.com",
                scopes: "openid email public_profile",
                token_endpoint: "https://graph.facebook.com/v23.0/oauth/access_token",
                auth_type: Some(AuthType::RequestBody),
                ..any
            },
        }
    }
}

pub(super) fn resolve(name: &str, config: &SocialConfig) -> Result<Settings, SetupError> {
    let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
    if name.is_empty() || name.len() > 32 || !name.bytes().all(letter) {
        return Err(SetupError::Social("its name has 1 to 32 of a-z, 0-9 and _"));
    }
    let known = Preset::known(config.preset);
    let or = |set: &str, known: &str| if set.is_empty() { known.to_owned() } else { set.to_owned() };
    let issuer = or(&config.issuer, known.issuer);
    if !may_be_called(&issuer, config.allow_insecure_loopback) {
        return Err(SetupError::Social("its issuer must be an https URL"));
    }
    let token_endpoint = or(&config.token_endpoint, known.token_endpoint);
    if !token_endpoint.is_empty() && !may_be_called(&token_endpoint, config.allow_insecure_loopback) {
        return Err(SetupError::Social("its token_endpoint must be an https URL"));
    }
    if config.client_id.is_empty() {
        return Err(SetupError::Social("it needs a client_id"));
    }
    let address = |_| SetupError::Social("one of its addresses is no URL");
    let scopes = or(&config.scopes, known.scopes);
    let scopes = scopes.split_ascii_whitespace().filter(|scope| *scope != "openid");
    let endpoint = (!token_endpoint.is_empty()).then_some(token_endpoint);
    let response_mode = or(&config.response_mode, known.response_mode);
    Ok(Settings {
        issuer: IssuerUrl::new(issuer).map_err(address)?,
        client_id: ClientId::new(config.client_id.clone()),
        proof: proof(config)?,
        redirect_uri: RedirectUrl::new(config.redirect_uri.clone()).map_err(address)?,
        scopes: scopes.map(|scope| Scope::new(scope.to_owned())).collect(),
        token_endpoint: endpoint.map(TokenUrl::new).transpose().map_err(address)?,
        response_mode: (!response_mode.is_empty()).then_some(response_mode),
        auth_type: known.auth_type,
        timeout_ms: if config.timeout_ms == 0 { DEFAULT_TIMEOUT_MS } else { config.timeout_ms },
        allow_insecure_loopback: config.allow_insecure_loopback,
    })
}

fn proof(config: &SocialConfig) -> Result<ClientProof, SetupError> {
    match (&config.client_secret, config.preset) {
        (Some(secret), _) => Ok(ClientProof::Secret(secret.clone())),
        (None, Some(Preset::Apple)) => AppleKey::read(config).map(|key| ClientProof::Apple(Box::new(key))),
        (None, _) => Err(SetupError::Social("it needs a client_secret")),
    }
}

/// Whether what we send and hear there stays between us and them.
pub(super) fn may_be_called(url: &str, allow_insecure_loopback: bool) -> bool {
    let Ok(url) = Url::parse(url) else { return false };
    let loopback = match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(_)) | None => false,
    };
    let plain = url.username().is_empty() && url.password().is_none();
    plain && (url.scheme() == "https" || (allow_insecure_loopback && url.scheme() == "http" && loopback))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn config(preset: Option<Preset>) -> SocialConfig {
        SocialConfig {
            preset,
            client_id: "ours".into(),
            client_secret: Some("secret".to_owned().into()),
            redirect_uri: "https://app.example/back".into(),
            ..SocialConfig::default()
        }
    }

    #[test]
    fn a_preset_needs_no_more_than_what_the_provider_has_given_us() {
        for preset in [Preset::Google, Preset::Apple, Preset::Facebook] {
            let settings = resolve("them", &config(Some(preset))).unwrap();
            assert!(settings.issuer.as_str().starts_with("https://"));
            assert_eq!(settings.token_endpoint.is_some(), preset == Preset::Facebook);
            assert_eq!(settings.response_mode.is_some(), preset == Preset::Apple);
        }
    }

    #[test]
    fn what_is_missing_or_unsafe_is_refused_at_the_start() {
        let named = SocialConfig { issuer: "https://id.example".into(), ..config(None) };
        assert!(resolve("them", &named).is_ok());
        let insecure = SocialConfig { issuer: "http://127.0.0.1:9".into(), ..config(None) };
        let allowed = SocialConfig { allow_insecure_loopback: true, ..insecure.clone() };
        assert!(resolve("them", &allowed).is_ok());
        let elsewhere = SocialConfig { issuer: "http://id.example".into(), ..allowed };
        let anonymous = SocialConfig { client_id: String::new(), ..named.clone() };
        let secretless = SocialConfig { client_secret: None, ..named.clone() };
        let keyless = SocialConfig { client_secret: None, ..config(Some(Preset::Apple)) };
        for bad in [config(None), insecure, elsewhere, anonymous, secretless, keyless] {
            assert!(resolve("them", &bad).is_err(), "{bad:?}");
        }
        for name in ["", "Them", "the/m", &"x".repeat(33)] {
            assert!(resolve(name, &named).is_err(), "{name}");
        }
    }

    #[test]
    fn secrets_do_not_print() {
        assert!(!format!("{:?}", config(None)).contains("secret\""));
    }
}
