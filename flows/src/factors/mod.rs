//! Second factors: authenticator apps, recovery codes and passkeys; setting them up, removing them, checking them.
//!
//! The log says which factors an account has; the tables hold what is needed to check one, and count only for a factor
//! that the log knows.

mod change;
pub mod passkeys;
pub(crate) mod presence;
mod proof;
pub mod recovery_codes;
mod relying_party;
pub mod totp;

use aggregates::{CredentialId, SessionId, UserId, user::User};
use chrono::{DateTime, Utc};
use store::authentications::{Action, Outcome};

use crate::{Error, Origin, System};

use change::{Change, Codes, change, left_over};
pub use presence::Presence;
pub use proof::SecondProof;
pub(crate) use proof::{Verdict, verify};
use relying_party::Known;
pub use relying_party::RelyingParty;

/// Who acts, within which session.
#[derive(Clone, Copy, Debug)]
pub struct Principal {
    pub user_id: UserId,
    pub session_id: SessionId,
}

/// What an account has beside its password.
#[derive(Clone, Debug, PartialEq)]
pub struct Factors {
    pub totp: bool,
    /// Oldest first.
    pub passkeys: Vec<PasskeyView>,
    /// How many recovery codes are left.
    pub recovery_codes: u32,
}

/// A passkey as its owner sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct PasskeyView {
    pub passkey_id: CredentialId,
    pub label: String,
    pub created_at: DateTime<Utc>,
    pub last_used_at: Option<DateTime<Utc>>,
}

/// What the account has, from the log: never behind.
pub async fn list(system: &System, user_id: UserId) -> Result<Factors, Error> {
    let person = system.store.load_latest::<User>(user_id).await?;
    let left = match person.recovery_set() {
        Some(set) => system.store.recovery_codes_left(user_id, set).await?,
        None => 0,
    };
    Ok(Factors {
        totp: person.has_totp(),
        passkeys: passkeys::of(system, user_id, &person).await?,
        recovery_codes: left,
    })
}

pub(crate) async fn record(
    system: &System,
    principal: Principal,
    action: Action,
    outcome: Outcome,
    reason: Option<&'static str>,
    origin: &Origin,
) -> Result<(), Error> {
    let mut entry = origin.authentication(action, outcome);
    entry.user_id = Some(principal.user_id);
    entry.session_id = Some(principal.session_id);
    entry.reason = reason;
    Ok(system.store.record_authentication(&entry).await?)
}
