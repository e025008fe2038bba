use chrono::{DateTime, Utc};

use crate::{BlindIndex, Sealed, SessionId};

use super::SessionEnd;

#[derive(Clone, Debug)]
pub enum Command {
    /// A repeat with the same e-mail is accepted silently.
    Register {
        email: Sealed,
        email_index: BlindIndex,
        first_name: Sealed,
        last_name: Sealed,
        now: DateTime<Utc>,
    },
    /// Opens a session after the caller has checked the password. Past `MAX_SESSIONS` the oldest is closed.
    OpenSession {
        session_id: SessionId,
        device_id: Option<String>,
        now: DateTime<Utc>,
        expires_at: DateTime<Utc>,
    },
    CloseSession {
        session_id: SessionId,
        reason: SessionEnd,
        now: DateTime<Utc>,
    },
}
