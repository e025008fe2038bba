//! What a service tells a person. What the system itself tells of follows from the other events.

mod commands;
mod errors;
mod events;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::{Kind, UserId, aggregate::aggregate};

pub use commands::Command;
pub use errors::Error;
pub use events::Event;

/// One notification, sent once.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notification {
    recipient: Option<UserId>,
}

aggregate!(Notification, Kind::Notification, snapshot_version = 1);

impl Notification {
    pub fn recipient(&self) -> Option<UserId> {
        self.recipient
    }

    pub fn decide(&self, command: Command) -> Result<Vec<Event>, Error> {
        match command {
            Command::Send { user_id, topic, title, message, data, now } => match self.recipient {
                Some(recipient) if recipient == user_id => Ok(vec![]),
                Some(_) => Err(Error::AlreadySent),
                None => Ok(vec![Event::Sent { user_id, topic, title, message, data, at: now }]),
            },
        }
    }

    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::Sent { user_id, topic: _, title: _, message: _, data: _, at: _ } => self.recipient = Some(*user_id),
        }
    }
}
