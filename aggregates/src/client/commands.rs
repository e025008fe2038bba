use chrono::{DateTime, Utc};

use crate::{CredentialId, Permission};

use super::ClientKind;

#[derive(Clone, Debug)]
pub enum Command {
    /// A repeat of the same registration is accepted silently.
    Register {
        name: String,
        kind: ClientKind,
        /// Compared exactly (RFC 9700 §2.1). Empty for a service.
        redirect_uris: Vec<String>,
        scopes: Vec<Permission>,
        now: DateTime<Utc>,
    },
    /// At most [`super::MAX_SECRETS`] at a time, so that one can take over from the other.
    IssueSecret {
        secret_id: CredentialId,
        now: DateTime<Utc>,
    },
    RevokeSecret {
        secret_id: CredentialId,
        now: DateTime<Utc>,
    },
    Disable {
        now: DateTime<Utc>,
    },
}
