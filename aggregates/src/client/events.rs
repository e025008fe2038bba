use chrono::{DateTime, Utc};
use cqrs_es::DomainEvent;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{CredentialId, Fact, Kind, Permission};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Event {
    Registered {
        name: String,
        kind: ClientKind,
        redirect_uris: Vec<String>,
        /// What it may ask for at most.
        scopes: Vec<Permission>,
        at: DateTime<Utc>,
    },
    /// The secret itself was shown once, and is kept as a hash outside the log.
    SecretIssued {
        secret_id: CredentialId,
        at: DateTime<Utc>,
    },
    SecretRevoked {
        secret_id: CredentialId,
        at: DateTime<Utc>,
    },
    /// For good: its tokens are refused from now on.
    Disabled {
        at: DateTime<Utc>,
    },
}

/// RFC 6749 §2.1, and who the client acts for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClientKind {
    /// Acts for people who consented; keeps a secret.
    Confidential,
    /// Acts for people who consented; cannot keep a secret, such as an app on a device.
    Public,
    /// Acts for itself, by client credentials.
    Service,
}

impl Fact for Event {
    const KIND: Kind = Kind::Client;

    fn name(&self) -> &'static str {
        match self {
            Event::Registered { .. } => "registered",
            Event::SecretIssued { .. } => "secret_issued",
            Event::SecretRevoked { .. } => "secret_revoked",
            Event::Disabled { .. } => "disabled",
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
