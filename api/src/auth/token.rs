//! Access tokens: RS256 JWTs as RFC 9068 has them, checked as RFC 8725 demands.

use std::{sync::Arc, time::Duration};

use aggregates::{ClientId, CredentialId, Permission, Proof, Role, SessionId, UserId};
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use chrono::{DateTime, Utc};
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation, decode, decode_header, encode};
use quick_cache::sync::Cache;
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use store::{keys::SigningKeys, sessions::Session};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use uuid::Uuid;

use super::rights::Rights;
use crate::{config, problem::Problem};

const TYPE: &str = "at+jwt";
/// What our own app is called among clients.
const OWN_APP: &str = "virtual-cards";
/// Clocks of our own machines may differ by this much, seconds.
const LEEWAY: u64 = 5;
/// Verified tokens kept in memory. The least used one makes room.
const VERIFIED: usize = 100_000;
/// Tokens that may be signed or wait to be signed at once. One more is refused as busy before anything happens.
const SIGNING: usize = 64;
/// Our own tokens have about 900 characters.
const LONGEST: usize = 4096;

/// Signs and verifies access tokens.
pub struct Tokens {
    issuer: String,
    audience: String,
    lifetime: Duration,
    signing: Arc<(Header, EncodingKey)>,
    /// The header of ID tokens, whose type keeps them from being taken for access tokens.
    id_header: Header,
    verifying: Vec<(String, DecodingKey)>,
    validation: Validation,
    /// By SHA-256 of the whole token, signature included, so that only the very token that was verified is found.
    verified: Cache<[u8; 32], Claimed>,
    places: Arc<Semaphore>,
    threads: Arc<Semaphore>,
}

/// What a verified token, or an API key, says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Claimed {
    pub user_id: UserId,
    /// For an API key its own id: it is checked and ended like a session.
    pub session_id: SessionId,
    pub client_id: Option<ClientId>,
    pub api_key: Option<CredentialId>,
    pub rights: Rights,
    /// Seconds since 1970.
    pub(super) expires_at: u64,
}

#[derive(Debug, Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: UserId,
    jti: Uuid,
    sid: SessionId,
    iat: u64,
    exp: u64,
    auth_time: i64,
    amr: Vec<String>,
    roles: Vec<Role>,
    /// RFC 9068 §2.2: a third party's id, or [`OWN_APP`]; none in tokens of former releases, which were our own app's.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    client_id: Option<String>,
    /// Permissions, separated by spaces (RFC 9068 §2.2.3); none: all that the roles permit.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    scope: Option<String>,
}

/// OpenID Connect Core 1.0 §2.
#[derive(Serialize)]
struct IdClaims {
    iss: String,
    sub: UserId,
    aud: Option<ClientId>,
    iat: u64,
    exp: u64,
    auth_time: i64,
    amr: Vec<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    nonce: Option<String>,
    at_hash: String,
}

/// A place in the queue for signing. Taken before a session is opened, so that an open session always gets its token.
pub struct SigningPlace {
    _held: OwnedSemaphorePermit,
}

/// A signed token and how long it is good for.
pub struct Issued {
    pub token: String,
    pub expires_in: Duration,
}

impl Tokens {
    pub fn new(keys: &SigningKeys, config: &config::Tokens) -> Result<Tokens, jsonwebtoken::errors::Error> {
        let current = keys.current();
        let mut header = Header::new(Algorithm::RS256);
        header.typ = Some(TYPE.into());
        header.kid = Some(current.kid.clone());
        let id_header = Header { typ: Some("JWT".into()), ..header.clone() };
        let signing = EncodingKey::from_rsa_pem(current.private_pem.expose_secret().as_bytes())?;
        let verifying = keys.all().iter().map(|key| {
            let decoding = DecodingKey::from_rsa_components(&key.n, &key.e)?;
            Ok((key.kid.clone(), decoding))
        });
        let mut validation = Validation::new(Algorithm::RS256);
        validation.leeway = LEEWAY;
        validation.set_issuer(&[&config.issuer]);
        validation.set_audience(&[&config.audience]);
        validation.set_required_spec_claims(&["exp", "iss", "aud", "sub"]);
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Tokens {
            issuer: config.issuer.clone(),
            audience: config.audience.clone(),
            lifetime: Duration::from_secs(config.lifetime_minutes * 60),
            signing: Arc::new((header, signing)),
            id_header,
            verifying: verifying.collect::<Result<_, jsonwebtoken::errors::Error>>()?,
            validation,
            verified: Cache::new(VERIFIED),
            places: Arc::new(Semaphore::new(SIGNING)),
            threads: Arc::new(Semaphore::new((cores / 2).max(1))),
        })
    }

    /// A place for one signature, or [`flows::Error::Busy`] while nothing has changed yet.
    pub fn signing_place(&self) -> Result<SigningPlace, flows::Error> {
        let busy = || flows::Error::Busy { retry_after: Duration::from_secs(1) };
        self.places.clone().try_acquire_owned().map(|_held| SigningPlace { _held }).map_err(|_| busy())
    }

    /// A new token for an open session. RSA takes milliseconds, so it runs beside the request threads.
    pub async fn issue(&self, place: SigningPlace, session: &Session, roles: &[Role]) -> Result<Issued, Problem> {
        let claims = self.claims(session, roles, Utc::now());
        let expires_in = Duration::from_secs(claims.exp - claims.iat);
        let token = self.sign(place, self.signing.0.clone(), claims).await?;
        Ok(Issued { token, expires_in })
    }

    /// An ID token for the client of a session (OpenID Connect Core 1.0 §2), which goes with `access_token`.
    pub async fn issue_id_token(
        &self,
        place: SigningPlace,
        session: &Session,
        nonce: Option<String>,
        access_token: &Issued,
    ) -> Result<String, Problem> {
        let iat = Utc::now().timestamp().max(0) as u64;
        let hash = Sha256::digest(access_token.token.as_bytes());
        let claims = IdClaims {
            iss: self.issuer.clone(),
            sub: session.user_id,
            aud: session.client_id,
            iat,
            exp: iat + access_token.expires_in.as_secs(),
            auth_time: session.auth_time.timestamp(),
            amr: Proof::amr(&session.proofs),
            nonce,
            at_hash: BASE64_URL_SAFE_NO_PAD.encode(&hash[..hash.len() / 2]),
        };
        self.sign(place, self.id_header.clone(), claims).await
    }

    /// How long an access token is good, unless its session ends before.
    pub fn lifetime(&self) -> Duration {
        self.lifetime
    }

    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    pub fn audience(&self) -> &str {
        &self.audience
    }

    async fn sign(
        &self,
        place: SigningPlace,
        header: Header,
        claims: impl Serialize + Send + 'static,
    ) -> Result<String, Problem> {
        let thread = self.threads.clone().acquire_owned().await.map_err(Problem::internal)?;
        let signing = self.signing.clone();
        let signed = tokio::task::spawn_blocking(move || {
            let _held = (place, thread);
            encode(&header, &claims, &signing.1)
        });
        signed.await.map_err(Problem::internal)?.map_err(Problem::internal)
    }

    fn claims(&self, session: &Session, roles: &[Role], now: DateTime<Utc>) -> Claims {
        let iat = now.timestamp().max(0) as u64;
        // A token never outlives its session.
        let session_ends = session.expires_at.timestamp().max(0) as u64;
        Claims {
            iss: self.issuer.clone(),
            aud: self.audience.clone(),
            sub: session.user_id,
            jti: Uuid::now_v7(),
            sid: session.session_id,
            iat,
            exp: (iat + self.lifetime.as_secs()).min(session_ends).max(iat),
            auth_time: session.auth_time.timestamp(),
            amr: Proof::amr(&session.proofs).into_iter().map(String::from).collect(),
            roles: roles.to_vec(),
            client_id: Some(session.client_id.map_or_else(|| OWN_APP.to_owned(), |client| client.0.to_string())),
            scope: session.scopes.as_ref().map(|scopes| {
                let scopes: Vec<_> = scopes.iter().map(|scope| scope.as_str()).collect();
                scopes.join(" ")
            }),
        }
    }

    /// What a token says, if it is one of ours and in force. The first look at a token costs an RSA verification,
    /// later ones a hash.
    pub fn verify(&self, token: &str) -> Option<Claimed> {
        if token.len() > LONGEST {
            return None;
        }
        let key: [u8; 32] = Sha256::digest(token.as_bytes()).into();
        let now = jsonwebtoken::get_current_timestamp();
        if let Some(claimed) = self.verified.get(&key) {
            return claimed.in_force(now).then_some(claimed);
        }
        let claimed = self.verify_fully(token, now)?;
        self.verified.insert(key, claimed);
        Some(claimed)
    }

    fn verify_fully(&self, token: &str, now: u64) -> Option<Claimed> {
        let header = decode_header(token).ok()?;
        // A critical extension has to be understood or the token refused (RFC 7515 §4.1.11); we know none.
        if header.typ.as_deref() != Some(TYPE) || header.alg != Algorithm::RS256 || header.crit.is_some() {
            return None;
        }
        let kid = header.kid?;
        let (_, key) = self.verifying.iter().find(|(known, _)| *known == kid)?;
        let claims = decode::<Claims>(token, key, &self.validation).ok()?.claims;
        let client_id = match claims.client_id.as_deref() {
            None | Some(OWN_APP) => None,
            Some(id) => Some(ClientId(id.parse().ok()?)),
        };
        let scopes = claims.scope.map(|scope| scope.split(' ').filter_map(Permission::parse).collect::<Vec<_>>());
        let claimed = Claimed {
            user_id: claims.sub,
            session_id: claims.sid,
            client_id,
            api_key: None,
            rights: Rights::of(&claims.roles, scopes.as_deref(), claims.amr.iter().any(|method| method == "mfa")),
            expires_at: claims.exp,
        };
        (claims.iat <= now + LEEWAY && claimed.in_force(now)).then_some(claimed)
    }
}

impl Claimed {
    /// Seconds since 1970.
    pub fn expires_at(&self) -> u64 {
        self.expires_at
    }

    pub(super) fn in_force(&self, now: u64) -> bool {
        now < self.expires_at + LEEWAY
    }
}
