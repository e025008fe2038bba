//! What a service tells a person. What the system itself tells of follows from the other events.

mod commands;
mod errors;
mod events;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::{Kind, Sealed, UserId, aggregate::aggregate};

pub use commands::Command;
pub use errors::Error;
pub use events::Event;

/// One notification, sent once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notification {
    sent: Option<Sent>,
}

/// What was told, to whom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sent {
    pub user_id: UserId,
    pub topic: String,
    pub title: Sealed,
    pub message: Sealed,
    /// A JSON object, sealed.
    pub data: Sealed,
}

aggregate!(Notification, Kind::Notification, snapshot_version = 2);

impl Notification {
    /// None before it was sent.
    pub fn sent(&self) -> Option<&Sent> {
        self.sent.as_ref()
    }

    pub fn decide(&self, command: Command) -> Result<Vec<Event>, Error> {
        match command {
            Command::Send { user_id, topic, title, message, data, now } => match &self.sent {
                // Sealed text is never the same twice; whether it says the same is for whoever can open it.
                Some(sent) if sent.user_id == user_id && sent.topic == topic => Ok(vec![]),
                Some(_) => Err(Error::AlreadySent),
                None => Ok(vec![Event::Sent { user_id, topic, title, message, data, at: now }]),
            },
        }
    }

    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::Sent { user_id, topic, title, message, data, at: _ } => {
                let (title, message, data) = (title.clone(), message.clone(), data.clone());
                self.sent = Some(Sent { user_id: *user_id, topic: topic.clone(), title, message, data });
            }
        }
    }
}
