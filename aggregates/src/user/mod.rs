//! A person's account: registration and sessions.

mod commands;
mod errors;
mod events;
#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{BlindIndex, Kind, Sealed, SessionId, aggregate::aggregate};

pub use commands::Command;
pub use errors::Error;
pub use events::{Event, SessionEnd};

/// How many sessions a person may have open at once. The login that would pass it closes the oldest.
pub const MAX_SESSIONS: usize = 20;

/// A person as the log tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    account: Option<Account>,
    /// Oldest first; at most [`MAX_SESSIONS`] that have not expired.
    sessions: Vec<Session>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Account {
    email: Sealed,
    email_index: BlindIndex,
    first_name: Sealed,
    last_name: Sealed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Session {
    session_id: SessionId,
    expires_at: DateTime<Utc>,
}

aggregate!(User, Kind::User, snapshot_version = 1);

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

    /// When a session that was opened and not closed expires; the moment may have passed already.
    pub fn session(&self, session_id: SessionId) -> Option<DateTime<Utc>> {
        self.sessions.iter().find(|session| session.session_id == session_id).map(|session| session.expires_at)
    }

    pub fn decide(&self, command: Command) -> Result<Vec<Event>, Error> {
        match command {
            Command::Register { email, email_index, first_name, last_name, now } => match &self.account {
                // Sealing is randomised, so only the index can show that the e-mail is the same.
                Some(account) if account.email_index == email_index => Ok(vec![]),
                Some(_) => Err(Error::AlreadyRegistered),
                None => Ok(vec![Event::Registered { email, email_index, first_name, last_name, at: now }]),
            },
            Command::OpenSession { session_id, device_id, now, expires_at } => {
                self.account.as_ref().ok_or(Error::NotRegistered)?;
                if self.session(session_id).is_some() {
                    return Ok(vec![]);
                }
                let mut events = self.make_room(now);
                events.push(Event::SessionOpened { session_id, device_id, at: now, expires_at });
                Ok(events)
            }
            Command::CloseSession { session_id, reason, now } => {
                self.account.as_ref().ok_or(Error::NotRegistered)?;
                self.session(session_id).ok_or(Error::NoSuchSession)?;
                Ok(vec![Event::SessionClosed { session_id, reason, at: now }])
            }
        }
    }

    /// Closes the oldest sessions so that one more fits. Expired ones take no room.
    fn make_room(&self, now: DateTime<Utc>) -> Vec<Event> {
        let live: Vec<_> = self.sessions.iter().filter(|session| session.expires_at > now).collect();
        let surplus = (live.len() + 1).saturating_sub(MAX_SESSIONS);
        live.into_iter()
            .take(surplus)
            .map(|session| Event::SessionClosed {
                session_id: session.session_id,
                reason: SessionEnd::Superseded,
                at: now,
            })
            .collect()
    }

    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::Registered { email, email_index, first_name, last_name, at: _ } => {
                self.account = Some(Account {
                    email: email.clone(),
                    email_index: email_index.clone(),
                    first_name: first_name.clone(),
                    last_name: last_name.clone(),
                });
            }
            Event::SessionOpened { session_id, device_id: _, at, expires_at } => {
                // No event tells of an expiry; this is the moment to forget, and it keeps the list bounded.
                self.sessions.retain(|session| session.expires_at > *at);
                self.sessions.push(Session { session_id: *session_id, expires_at: *expires_at });
            }
            Event::SessionClosed { session_id, reason: _, at: _ } => {
                self.sessions.retain(|session| session.session_id != *session_id);
            }
        }
    }
}
