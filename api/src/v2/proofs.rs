//! What several operations of second factors share: proofs as they are sent, and the objects of WebAuthn, which pass
//! through unread.

use flows::factors::SecondProof;
use poem_openapi::{Object, registry::MetaSchema};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    json,
    problem::Problem,
    schema::{described, read_by_serde},
};

/// What `navigator.credentials` is to be called with.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
pub struct PasskeyOptions(pub Value);

/// What the authenticator answered.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
pub struct Credential(Map<String, Value>);

described!(
    PasskeyOptions,
    MetaSchema {
        description: Some(
            "`PublicKeyCredentialCreationOptionsJSON` or `PublicKeyCredentialRequestOptionsJSON` (WebAuthn Level 3, \
             §5.1.8 and §5.1.9), for `PublicKeyCredential.parse…OptionsFromJSON`."
        ),
        ..MetaSchema::new("object")
    }
);
described!(
    Credential,
    MetaSchema {
        description: Some("`PublicKeyCredential.toJSON()` of what the authenticator made (WebAuthn Level 3, §5.1)."),
        ..MetaSchema::new("object")
    }
);
read_by_serde!(PasskeyOptions);
read_by_serde!(Credential);

impl Credential {
    pub fn value(self) -> Value {
        Value::Object(self.0)
    }
}

/// A passkey's answer, with the ticket of the challenge that it answers.
#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields)]
pub struct SignedChallenge {
    pub ticket: String,
    pub credential: Credential,
}

/// A second proof for a step-up: exactly one of the three.
#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none)]
pub struct StepUpProof {
    /// The ticket of the challenge.
    pub ticket: String,
    /// The six digits that the authenticator app shows.
    #[oai(nullable)]
    pub totp: Option<String>,
    /// One of the recovery codes; each is good once.
    #[oai(nullable)]
    pub recovery_code: Option<String>,
    /// What the passkey answered to the challenge's options.
    #[oai(nullable)]
    pub passkey: Option<Credential>,
}

/// A second proof for a login: exactly one of the three.
#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none)]
pub struct LoginProof {
    /// From the first step.
    pub mfa_token: String,
    /// The six digits that the authenticator app shows.
    #[oai(nullable)]
    pub totp: Option<String>,
    /// One of the recovery codes; each is good once.
    #[oai(nullable)]
    pub recovery_code: Option<String>,
    #[serde(default, deserialize_with = "json::maybe_object")]
    #[oai(nullable)]
    pub passkey: Option<SignedChallenge>,
}

/// The one proof of three places for one.
pub fn only(
    totp: Option<String>,
    recovery_code: Option<String>,
    passkey: Option<Credential>,
) -> Result<SecondProof, Problem> {
    match (totp, recovery_code, passkey) {
        (Some(code), None, None) => Ok(SecondProof::Totp(SecretString::from(code))),
        (None, Some(code), None) => Ok(SecondProof::RecoveryCode(SecretString::from(code))),
        (None, None, Some(credential)) => Ok(SecondProof::Passkey(credential.value())),
        _ => Err(Problem::invalid("body", "has exactly one of totp, recovery_code and passkey")),
    }
}
