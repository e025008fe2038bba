use chrono::{DateTime, Utc};
use cqrs_es::DomainEvent;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Fact, Kind, Sealed, UserId};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Event {
    /// A service told a person something.
    Sent {
        user_id: UserId,
        /// What it is about, such as `transaction_success`.
        topic: String,
        title: Sealed,
        message: Sealed,
        /// A JSON object.
        data: Sealed,
        at: DateTime<Utc>,
    },
}

impl Fact for Event {
    const KIND: Kind = Kind::Notification;

    fn name(&self) -> &'static str {
        match self {
            Event::Sent { .. } => "sent",
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
