//! A person's account: who they are, how they prove it, what they may do, and where they are logged in.

mod apply;
mod commands;
mod decide;
mod errors;
mod events;
mod types;

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{BlindIndex, ClientId, CredentialId, Kind, Permission, Role, Sealed, SessionId, aggregate::aggregate};

pub use commands::Command;
pub use errors::Error;
pub use events::Event;
pub use types::{Mailbox, Preferences, SessionEnd};

/// How many sessions a person may have open at once. The login that would pass it closes the oldest.
pub const MAX_SESSIONS: usize = 20;
pub const MAX_PASSKEYS: usize = 20;
pub const MAX_API_KEYS: usize = 20;
pub const MAX_IDENTITIES: usize = 10;

/// A person as the log tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    account: Option<Account>,
    /// Oldest first; at most [`MAX_SESSIONS`] that have not expired.
    sessions: Vec<Session>,
    email_change: Option<EmailChange>,
    preferences: Preferences,
    /// The position up to which the person has seen what they were told.
    notifications_read: i64,
    roles: BTreeSet<Role>,
    totp: bool,
    passkeys: Vec<CredentialId>,
    recovery_codes: u32,
    recovery_set: Option<CredentialId>,
    /// The last time, by the clock of the table that holds the password.
    password_replaced_at: Option<DateTime<Utc>>,
    /// With their ends; at most [`MAX_API_KEYS`] that have not expired.
    api_keys: Vec<(CredentialId, DateTime<Utc>)>,
    identities: BTreeMap<CredentialId, String>,
    consents: BTreeMap<ClientId, Vec<Permission>>,
    standing: Standing,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Account {
    email: Sealed,
    email_index: BlindIndex,
    email_verified: bool,
    first_name: Sealed,
    last_name: Sealed,
    registered_at: DateTime<Utc>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Session {
    session_id: SessionId,
    expires_at: DateTime<Utc>,
}

/// An address that was asked for, and who has confirmed it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EmailChange {
    pub change_id: CredentialId,
    pub email: Sealed,
    pub email_index: BlindIndex,
    pub confirmed_by_old: bool,
    pub confirmed_by_new: bool,
}

/// How an account stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    #[default]
    Open,
    Closed,
    Erased,
}

aggregate!(User, Kind::User, snapshot_version = 3);

impl User {
    pub fn is_registered(&self) -> bool {
        self.account.is_some()
    }

    pub fn email_index(&self) -> Option<&BlindIndex> {
        self.account.as_ref().map(|account| &account.email_index)
    }

    pub fn email(&self) -> Option<&Sealed> {
        self.account.as_ref().map(|account| &account.email)
    }

    pub fn first_name(&self) -> Option<&Sealed> {
        self.account.as_ref().map(|account| &account.first_name)
    }

    pub fn last_name(&self) -> Option<&Sealed> {
        self.account.as_ref().map(|account| &account.last_name)
    }

    pub fn registered_at(&self) -> Option<DateTime<Utc>> {
        self.account.as_ref().map(|account| account.registered_at)
    }

    /// Told things up to this position of the log are read.
    pub fn notifications_read(&self) -> i64 {
        self.notifications_read
    }

    pub fn is_email_verified(&self) -> bool {
        self.account.as_ref().is_some_and(|account| account.email_verified)
    }

    /// The change of address that waits for its confirmations.
    pub fn email_change(&self) -> Option<&EmailChange> {
        self.email_change.as_ref()
    }

    pub fn preferences(&self) -> &Preferences {
        &self.preferences
    }

    pub fn roles(&self) -> &BTreeSet<Role> {
        &self.roles
    }

    pub fn has_totp(&self) -> bool {
        self.totp
    }

    pub fn passkeys(&self) -> &[CredentialId] {
        &self.passkeys
    }

    /// How many recovery codes are left.
    pub fn recovery_codes(&self) -> u32 {
        self.recovery_set.map_or(0, |_| self.recovery_codes)
    }

    /// The recovery codes that count; all others are void.
    pub fn recovery_set(&self) -> Option<CredentialId> {
        self.recovery_set
    }

    /// Whether a login needs a second proof beside the password.
    pub fn has_second_factor(&self) -> bool {
        self.totp || !self.passkeys.is_empty()
    }

    pub fn has_api_key(&self, key_id: CredentialId) -> bool {
        self.api_keys.iter().any(|(known, _)| *known == key_id)
    }

    /// Linked identities with their providers.
    pub fn identities(&self) -> &BTreeMap<CredentialId, String> {
        &self.identities
    }

    /// What each client may do for the person.
    pub fn consents(&self) -> &BTreeMap<ClientId, Vec<Permission>> {
        &self.consents
    }

    pub fn standing(&self) -> Standing {
        self.standing
    }

    /// When a session that was opened and not closed expires; the moment may have passed already.
    pub fn session(&self, session_id: SessionId) -> Option<DateTime<Utc>> {
        self.sessions.iter().find(|session| session.session_id == session_id).map(|session| session.expires_at)
    }

    /// The sessions that were opened and not closed.
    pub fn sessions(&self) -> impl Iterator<Item = SessionId> + '_ {
        self.sessions.iter().map(|session| session.session_id)
    }
}
