//! Login through OpenID providers: any that speaks OpenID Connect, by settings alone; presets know the quirks of some.
//!
//! What this module answers for: that the provider asked for is the one that vouches, for this login (nonce), to us
//! (audience), with its own signature. What follows for an account is decided by whoever calls.

mod apple;
mod config;
mod metadata;
mod openid;
mod transport;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use async_trait::async_trait;
use openidconnect::{Nonce, PkceCodeVerifier};
use secrecy::{ExposeSecret, SecretString};
use zeroize::Zeroizing;

use crate::SetupError;

pub use config::{Preset, SocialConfig};

/// The providers that an operator has set up, by name.
pub type Social = BTreeMap<String, Arc<dyn IdentityProvider>>;

/// One OpenID provider.
#[async_trait]
pub trait IdentityProvider: Send + Sync {
    /// Where to send the person. `state` comes back with them.
    async fn authorization_url(&self, state: &SecretString, secrets: &Secrets) -> Result<String, Refused>;

    /// Redeems the code that the person came back with, and checks what the provider says of them. `issuer` is the
    /// `iss` that came along (RFC 9207), if one did.
    async fn vouch(&self, code: &SecretString, issuer: Option<&str>, secrets: &Secrets) -> Result<Vouched, Refused>;
}

/// What binds an answer to its question. Kept until the person comes back, and used once.
pub struct Secrets {
    pub nonce: Zeroizing<String>,
    /// PKCE (RFC 7636).
    pub verifier: Zeroizing<String>,
}

/// Whom a provider vouches for. Prints nothing of the person.
pub struct Vouched {
    pub issuer: String,
    /// Names the person at the issuer, for good.
    pub subject: String,
    pub email: Option<String>,
    pub email_verified: bool,
    pub given_name: Option<String>,
    pub family_name: Option<String>,
}

/// Why a provider does not vouch for anybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It cannot be reached, or does not speak as it should. The person can try again.
    #[error("the provider failed: {0}")]
    Failed(&'static str),
    /// The code, or what the provider says for it, is not for this login.
    #[error("the provider does not vouch: {0}")]
    NotVouched(&'static str),
}

impl Secrets {
    pub fn generate() -> Secrets {
        // 256 bits each.
        let nonce = Nonce::new_random_len(32).secret().clone();
        let (_, verifier) = openidconnect::PkceCodeChallenge::new_random_sha256();
        Secrets { nonce: Zeroizing::new(nonce), verifier: Zeroizing::new(verifier.secret().clone()) }
    }

    fn nonce(&self) -> Nonce {
        Nonce::new(self.nonce.to_string())
    }

    fn verifier(&self) -> PkceCodeVerifier {
        PkceCodeVerifier::new(self.verifier.to_string())
    }
}

/// The providers of the settings. Nothing is fetched before somebody logs in.
///
/// No two of them have people come back to the same address: which provider an answer is from would then be for the
/// answer alone to say, and not every provider says it (RFC 9700 §4.4.2.2).
pub(crate) fn providers(
    configs: &BTreeMap<String, SocialConfig>,
    connect_timeout_ms: u64,
) -> Result<Social, SetupError> {
    let build = |(name, config): (&String, &SocialConfig)| {
        let settings = config::resolve(name, config)?;
        let transport = transport::Transport::new(&settings, connect_timeout_ms)?;
        let provider: Arc<dyn IdentityProvider> = Arc::new(openid::OpenId::new(settings, transport));
        Ok((name.clone(), provider))
    };
    let mut addresses = BTreeSet::new();
    if !configs.values().all(|config| addresses.insert(&config.redirect_uri)) {
        return Err(SetupError::Social("another provider has the same redirect_uri"));
    }
    configs.iter().map(build).collect()
}

fn text(secret: &SecretString) -> String {
    secret.expose_secret().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_providers_share_the_way_back() {
        let named = |redirect_uri: &str| SocialConfig {
            issuer: "https://id.example".into(),
            client_id: "ours".into(),
            client_secret: Some("secret".to_owned().into()),
            redirect_uri: redirect_uri.into(),
            ..SocialConfig::default()
        };
        let setup = |second: &str| {
            let both = [("first", named("https://app.example/first")), ("second", named(second))];
            providers(&both.map(|(name, config)| (name.to_owned(), config)).into(), 1_000)
        };
        assert_eq!(setup("https://app.example/second").map(|providers| providers.len()).ok(), Some(2));
        assert!(setup("https://app.example/first").is_err());
    }
}
