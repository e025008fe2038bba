//! Who we are to authenticators (WebAuthn), and the ceremonies with them.

use serde::{Deserialize, de::Error as _};
use url::Url;
use webauthn_rs::prelude::{
    AuthenticationResult, CreationChallengeResponse, DiscoverableAuthentication, Passkey, PasskeyAuthentication,
    PasskeyRegistration, PublicKeyCredential, RegisterPublicKeyCredential, RequestChallengeResponse, Uuid, Webauthn,
    WebauthnBuilder, WebauthnError,
};

/// The party that passkeys are made for. Checked when the configuration is read.
#[derive(Clone, Debug)]
pub struct RelyingParty {
    name: String,
    webauthn: Webauthn,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Names {
    /// A domain of ours: passkeys are bound to it, so it can never change. Their pages are on it or below it.
    rp_id: String,
    /// Where those pages are, such as `https://app.example.com`. On localhost any port will do.
    rp_origins: Vec<Url>,
    /// What people read when they make a passkey or set up an authenticator app.
    rp_name: String,
}

impl Default for Names {
    fn default() -> Names {
        let local = Url::parse("http://localhost").into_iter().collect();
        Names { rp_id: "localhost".into(), rp_origins: local, rp_name: "Virtual Cards".into() }
    }
}

/// Somebody whose passkeys are known already.
pub(crate) struct Known<'a> {
    pub id: Uuid,
    pub name: &'a str,
    pub display_name: &'a str,
    pub passkeys: &'a [Passkey],
}

impl RelyingParty {
    fn of(names: Names) -> Result<RelyingParty, String> {
        let Names { rp_id, rp_origins, rp_name } = names;
        let (first, others) = rp_origins.split_first().ok_or("webauthn.rp_origins is empty")?;
        if let Some(alien) = others.iter().find(|origin| WebauthnBuilder::new(&rp_id, origin).is_err()) {
            return Err(format!("webauthn.rp_origins: {alien} is not within {rp_id}"));
        }
        let builder = WebauthnBuilder::new(&rp_id, first)
            .map_err(|_| format!("webauthn.rp_origins: {first} is not within {rp_id}"))?;
        let builder = others.iter().fold(builder, WebauthnBuilder::append_allowed_origin);
        let builder = builder.rp_name(&rp_name).allow_any_port(rp_id == "localhost");
        let webauthn = builder.build().map_err(|e| e.to_string())?;
        Ok(RelyingParty { name: rp_name, webauthn })
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub(crate) fn begin_registration(
        &self,
        person: &Known<'_>,
    ) -> Result<(CreationChallengeResponse, PasskeyRegistration), WebauthnError> {
        let known = person.passkeys.iter().map(|passkey| passkey.cred_id().clone()).collect();
        self.webauthn.start_passkey_registration(person.id, person.name, person.display_name, Some(known))
    }

    pub(crate) fn finish_registration(
        &self,
        credential: &RegisterPublicKeyCredential,
        ceremony: &PasskeyRegistration,
    ) -> Result<Passkey, WebauthnError> {
        self.webauthn.finish_passkey_registration(credential, ceremony)
    }

    /// For somebody who is known: one of these passkeys has to sign.
    pub(crate) fn begin_authentication(
        &self,
        passkeys: &[Passkey],
    ) -> Result<(RequestChallengeResponse, PasskeyAuthentication), WebauthnError> {
        self.webauthn.start_passkey_authentication(passkeys)
    }

    pub(crate) fn finish_authentication(
        &self,
        credential: &PublicKeyCredential,
        ceremony: &PasskeyAuthentication,
    ) -> Result<AuthenticationResult, WebauthnError> {
        self.webauthn.finish_passkey_authentication(credential, ceremony)
    }

    /// For somebody whom the authenticator will name.
    pub(crate) fn begin_login(&self) -> Result<(RequestChallengeResponse, DiscoverableAuthentication), WebauthnError> {
        self.webauthn.start_discoverable_authentication()
    }

    /// Whom the authenticator names.
    pub(crate) fn named(&self, credential: &PublicKeyCredential) -> Option<Uuid> {
        self.webauthn.identify_discoverable_authentication(credential).ok().map(|(user, _)| user)
    }

    pub(crate) fn finish_login(
        &self,
        credential: &PublicKeyCredential,
        ceremony: DiscoverableAuthentication,
        passkey: &Passkey,
    ) -> Result<AuthenticationResult, WebauthnError> {
        self.webauthn.finish_discoverable_authentication_v2(credential, ceremony, passkey)
    }
}

impl Default for RelyingParty {
    fn default() -> RelyingParty {
        RelyingParty::of(Names::default()).expect("localhost is within localhost")
    }
}

impl<'de> Deserialize<'de> for RelyingParty {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<RelyingParty, D::Error> {
        RelyingParty::of(Names::deserialize(deserializer)?).map_err(D::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn party(rp_id: &str, origins: &[&str]) -> Result<RelyingParty, String> {
        let rp_origins = origins.iter().map(|origin| Url::parse(origin).expect("a URL")).collect();
        RelyingParty::of(Names { rp_id: rp_id.into(), rp_origins, rp_name: "Cards".into() })
    }

    #[test]
    fn every_origin_is_within_the_domain() {
        assert!(party("example.com", &["https://app.example.com", "https://example.com"]).is_ok());
        assert!(party("example.com", &[]).is_err());
        assert!(party("example.com", &["https://example.org"]).is_err());
        assert!(party("example.com", &["https://example.com", "https://badexample.com"]).is_err());
    }
}
