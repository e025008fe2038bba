//! How the person logs in and where they are logged in, without a secret.

use aggregates::{ClientId, CredentialId, Permission, UserId, user::User};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use store::{sessions::OpenSession, traces::Attempt};

use crate::{Error, System};

/// Attempts to log in and the like in an export at most, the newest.
const ATTEMPTS: i64 = 1_000;

#[derive(Serialize)]
pub struct Security {
    sessions: Vec<Session>,
    /// Every device that a session or an attempt below named.
    devices: BTreeSet<String>,
    totp: bool,
    recovery_codes_left: u32,
    passkeys: Vec<CredentialId>,
    /// With their providers.
    linked_identities: BTreeMap<CredentialId, String>,
    api_keys: Vec<store::traces::ApiKey>,
    consents: BTreeMap<ClientId, Vec<Permission>>,
    /// The newest recorded attempts to prove who one is, and uses of credentials.
    attempts: Vec<Attempt>,
}

#[derive(Serialize)]
struct Session {
    session_id: aggregates::SessionId,
    device_id: Option<String>,
    client_id: Option<ClientId>,
    opened_at: chrono::DateTime<chrono::Utc>,
    refreshed_at: chrono::DateTime<chrono::Utc>,
    expires_at: chrono::DateTime<chrono::Utc>,
}

pub async fn gather(system: &System, user_id: UserId) -> Result<Security, Error> {
    let store = &system.store;
    let person = store.load_latest::<User>(user_id).await?;
    let sessions: Vec<Session> = store.sessions(user_id).await?.into_iter().map(Session::from).collect();
    let attempts = store.attempts_of(user_id, ATTEMPTS).await?;
    let of_sessions = sessions.iter().filter_map(|session| session.device_id.clone());
    let of_attempts = attempts.iter().filter_map(|attempt| attempt.device_id.clone());
    Ok(Security {
        devices: of_sessions.chain(of_attempts).collect(),
        sessions,
        totp: person.has_totp(),
        recovery_codes_left: person.recovery_codes(),
        passkeys: person.passkeys().to_vec(),
        linked_identities: person.identities().clone(),
        api_keys: store.api_keys_of(user_id).await?,
        consents: person.consents().clone(),
        attempts,
    })
}

impl From<OpenSession> for Session {
    fn from(open: OpenSession) -> Session {
        let OpenSession { session, opened_at, refreshed_at } = open;
        Session {
            session_id: session.session_id,
            device_id: session.device_id,
            client_id: session.client_id,
            opened_at,
            refreshed_at,
            expires_at: session.expires_at,
        }
    }
}
