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

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use jsonwebtoken::{DecodingKey, Validation, decode};
    use p256::{
        SecretKey,
        pkcs8::{EncodePrivateKey, EncodePublicKey, LineEnding},
    };
    use secrecy::ExposeSecret;
    use serde_json::Value;

    use super::*;

    fn config(key_file: &std::path::Path) -> SocialConfig {
        SocialConfig {
            client_id: "com.example.cards".into(),
            team_id: "TEAM".into(),
            key_id: "KEY".into(),
            key_file: key_file.into(),
            ..SocialConfig::default()
        }
    }

    #[test]
    fn a_secret_is_signed_by_the_key_for_a_short_time() {
        let (folder, key) = (tempfile::tempdir().unwrap(), SecretKey::from_slice(&[7; 32]).unwrap());
        let file = folder.path().join("apple.p8");
        std::fs::write(&file, key.to_pkcs8_pem(LineEnding::LF).unwrap().as_bytes()).unwrap();
        let secret = AppleKey::read(&config(&file)).unwrap().secret("https://appleid.apple.com").unwrap();

        let public = key.public_key().to_public_key_pem(LineEnding::LF).unwrap();
        let mut validation = Validation::new(Algorithm::ES256);
        validation.set_audience(&["https://appleid.apple.com"]);
        validation.set_issuer(&["TEAM"]);
        let key = DecodingKey::from_ec_pem(public.as_bytes()).unwrap();
        let decoded = decode::<Value>(secret.expose_secret(), &key, &validation).unwrap();
        assert_eq!(decoded.header.kid.as_deref(), Some("KEY"));
        assert_eq!(decoded.claims["sub"], "com.example.cards");
        let lifetime = decoded.claims["exp"].as_i64().unwrap() - decoded.claims["iat"].as_i64().unwrap();
        assert_eq!(lifetime, GOOD_FOR_SECONDS);
    }

    #[test]
    fn what_is_no_key_is_refused_at_the_start() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("apple.p8");
        assert!(AppleKey::read(&config(&file)).is_err(), "no file");
        std::fs::write(&file, "no key").unwrap();
        assert!(AppleKey::read(&config(&file)).is_err());
        assert!(AppleKey::read(&SocialConfig { key_id: String::new(), ..config(&file) }).is_err());
    }
}
