use chrono::{DateTime, Utc};
use cqrs_es::DomainEvent;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{BlindIndex, Fact, Kind, Sealed, SessionId};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Event {
    /// A person opened an account.
    Registered {
        email: Sealed,
        /// Finds the account at login; unique over all accounts.
        email_index: BlindIndex,
        first_name: Sealed,
        last_name: Sealed,
        at: DateTime<Utc>,
    },
    /// The person logged in: password checked, session open until `expires_at`.
    SessionOpened {
        session_id: SessionId,
        device_id: Option<String>,
        at: DateTime<Utc>,
        expires_at: DateTime<Utc>,
    },
    SessionClosed {
        session_id: SessionId,
        reason: SessionEnd,
        at: DateTime<Utc>,
    },
}

/// Why a session ended before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SessionEnd {
    LoggedOut,
    /// The person has more sessions than allowed; the oldest made room.
    Superseded,
}

impl Fact for Event {
    const KIND: Kind = Kind::User;

    fn name(&self) -> &'static str {
        match self {
            Event::Registered { .. } => "registered",
            Event::SessionOpened { .. } => "session_opened",
            Event::SessionClosed { .. } => "session_closed",
        }
    }
}

impl DomainEvent for Event {
    fn event_type(&self) -> String {
        self.name().into()
    }

    fn event_version(&self) -> String {
        self.version().to_string()
    }
}
