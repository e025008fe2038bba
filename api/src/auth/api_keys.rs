//! API keys of people's programs, sent as `Authorization: Bearer vck_…` like access tokens.
//!
//! A key is looked up in PostgreSQL once for each process; after that it is checked like a session, in the same round
//! trip: Redis may refuse or speed up, and never lets anybody in by itself.

use std::time::{Duration, Instant};

use aggregates::CredentialId;
use flows::{
    System,
    api_keys::{self, Holder},
};
use quick_cache::sync::Cache;
use secrecy::SecretString;
use sha2::{Digest, Sha256};

use super::{rights::Rights, token::Claimed};
use crate::{context::Context, problem::Problem};

/// Keys kept in memory. The least used one makes room and is looked up again.
const KNOWN: usize = 10_000;

/// The audit record has the first use of a key in each hour.
const NOTED_FOR: Duration = Duration::from_secs(3_600);

pub struct ApiKeys {
    system: System,
    /// By SHA-256 of the key.
    known: Cache<[u8; 32], Claimed>,
    noted: Cache<CredentialId, Instant>,
}

/// Whether a bearer token is a key by its form.
pub fn is_one(token: &str) -> bool {
    token.starts_with(api_keys::PREFIX)
}

impl ApiKeys {
    pub fn new(system: System) -> ApiKeys {
        ApiKeys { system, known: Cache::new(KNOWN), noted: Cache::new(KNOWN) }
    }

    /// A key that was looked up before.
    pub fn known(&self, key: &str) -> Option<Claimed> {
        let claimed = self.known.get(&digest(key))?;
        claimed.in_force(jsonwebtoken::get_current_timestamp()).then_some(claimed)
    }

    /// What PostgreSQL says of a key, remembered if it is a good one.
    pub async fn look_up(&self, key: &str) -> Result<Option<Claimed>, Problem> {
        let Some(holder) = api_keys::holder(&self.system, &SecretString::from(key)).await? else { return Ok(None) };
        let claimed = Claimed::from(holder);
        self.known.insert(digest(key), claimed);
        Ok(Some(claimed))
    }

    /// Records the use, once an hour. What cannot be recorded is not done.
    pub async fn used(&self, claimed: &Claimed, context: &Context) -> Result<(), Problem> {
        let Some(key_id) = claimed.api_key else { return Ok(()) };
        if self.noted.get(&key_id).is_some_and(|noted| noted.elapsed() < NOTED_FOR) {
            return Ok(());
        }
        api_keys::note_use(&self.system, claimed.user_id, key_id, &context.origin()).await?;
        self.noted.insert(key_id, Instant::now());
        Ok(())
    }
}

impl From<Holder> for Claimed {
    fn from(holder: Holder) -> Claimed {
        let Holder { user_id, key_id, roles, scopes, expires_at } = holder;
        Claimed {
            user_id,
            session_id: api_keys::as_session(key_id),
            client_id: None,
            api_key: Some(key_id),
            // A key is one factor. It never has rights of staff: none of those can be handed to a program.
            rights: Rights::of(&roles, Some(&scopes), false),
            expires_at: expires_at.timestamp().max(0) as u64,
        }
    }
}

fn digest(key: &str) -> [u8; 32] {
    Sha256::digest(key.as_bytes()).into()
}
