//! Second factors: authenticator apps, recovery codes and passkeys; setting them up, removing them, checking them.
//!
//! The log says which factors an account has; the tables hold what is needed to check one, and count only for a factor
//! that the log knows.

pub mod passkeys;
pub(crate) mod presence;
mod proof;
pub mod recovery_codes;
mod relying_party;
pub mod totp;

use aggregates::{
    Actor, CredentialId, SessionId, UserId,
    user::{SessionEnd, User},
};
use chrono::{DateTime, Utc};
use secrecy::SecretString;
use store::authentications::{Action, Outcome};

use crate::{
    Error, Origin, System, Written,
    mail::{self, Factor, Letter},
    sessions,
};

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
    let left = if person.has_second_factor() { system.store.recovery_codes_left(user_id).await? } else { 0 };
    Ok(Factors {
        totp: person.has_totp(),
        passkeys: passkeys::of(system, user_id, &person).await?,
        recovery_codes: left,
    })
}

/// A change of what is asked for at login.
#[derive(Clone, Copy)]
enum Change {
    Added(Factor),
    Removed(Factor),
}

/// What every change of factors ends with: whoever else was logged in has to prove it anew, the person is told, and it
/// is on record.
async fn conclude<T>(
    system: &System,
    principal: Principal,
    change: Change,
    done: Written<T>,
    origin: &Origin,
) -> Result<Written<T>, Error> {
    let Principal { user_id, session_id } = principal;
    let ended = sessions::end_all(system, user_id, Some(session_id), SessionEnd::CredentialsChanged, origin).await?;
    let (action, factor, letter) = match change {
        Change::Added(factor) => (Action::EnrolFactor, factor, Letter::FactorAdded(factor)),
        Change::Removed(factor) => (Action::RemoveFactor, factor, Letter::FactorRemoved(factor)),
    };
    let name = match factor {
        Factor::Totp => "totp",
        Factor::Passkey => "passkey",
    };
    record(system, principal, action, Outcome::Success, Some(name), origin).await?;
    mail::notify(system, user_id, letter).await;
    let position = done.position.max(ended.position);
    Ok(Written { value: done.value, position })
}

/// Recovery codes go with the last factor.
async fn forget_needless_codes(system: &System, user_id: UserId) -> Result<(), Error> {
    if !system.store.load_latest::<User>(user_id).await?.has_second_factor() {
        system.store.delete_recovery_codes(user_id).await?;
    }
    Ok(())
}

/// New recovery codes, where the account has a factor and none or where they are asked for.
async fn new_codes(system: &System, user_id: UserId, origin: &Origin) -> Result<Written<Vec<SecretString>>, Error> {
    let store = &system.store;
    if store.load_latest::<User>(user_id).await?.recovery_codes() == 0 {
        // What the table may still have is void, and must not come back with the log's new count.
        store.delete_recovery_codes(user_id).await?;
    }
    let count = u32::try_from(store::factors::recovery_codes::RECOVERY_CODES).unwrap_or(u32::MAX);
    let command = || aggregates::user::Command::IssueRecoveryCodes { count, now: crate::now() };
    let issued =
        crate::people::change(system, user_id, Actor::Person(user_id), origin, |person| person.decide(command()));
    // The log first: if it cannot be written, the codes that the person has stay good.
    let position = issued.await?.position;
    Ok(Written { position, value: store.issue_recovery_codes(user_id).await? })
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
