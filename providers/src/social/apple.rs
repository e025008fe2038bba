//! Apple's client secret: a token that we sign ourselves, good for a short time.

use chrono::Utc;
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use secrecy::SecretString;
use serde::Serialize;

use super::SocialConfig;
use crate::SetupError;

/// Apple allows six months; a call takes seconds.
const GOOD_FOR_SECONDS: i64 = 300;

pub(super) struct AppleKey {
    header: Header,
    key: EncodingKey,
    team_id: String,
    client_id: String,
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    iat: i64,
    exp: i64,
    aud: &'a str,
    sub: &'a str,
}

impl AppleKey {
    pub fn read(config: &SocialConfig) -> Result<AppleKey, SetupError> {
        if config.team_id.is_empty() || config.key_id.is_empty() {
            return Err(SetupError::Social("Apple needs team_id, key_id and key_file"));
        }
        let unreadable = "its key_file is no EC key in PKCS #8 PEM";
        let pem = std::fs::read(&config.key_file).map(zeroize::Zeroizing::new);
        let pem = pem.map_err(|_| SetupError::Social("its key_file cannot be read"))?;
        let key = EncodingKey::from_ec_pem(&pem).map_err(|_| SetupError::Social(unreadable))?;
        let mut header = Header::new(Algorithm::ES256);
        header.kid = Some(config.key_id.clone());
        Ok(AppleKey { header, key, team_id: config.team_id.clone(), client_id: config.client_id.clone() })
    }

    /// A client secret for the next call.
    pub fn secret(&self, audience: &str) -> Option<SecretString> {
        let now = Utc::now().timestamp();
        let claims =
            Claims { iss: &self.team_id, iat: now, exp: now + GOOD_FOR_SECONDS, aud: audience, sub: &self.client_id };
        encode(&self.header, &claims, &self.key).ok().map(SecretString::from)
    }
}
