//! Mail: a provider takes messages and delivers them.

mod sandbox;

use std::fmt;

use async_trait::async_trait;
use uuid::Uuid;

use crate::Failure;

pub use sandbox::Sandbox;

/// A provider that delivers mail.
#[async_trait]
pub trait Mail: Send + Sync {
    /// The provider's name as it stands in metrics.
    fn name(&self) -> &'static str;

    /// Hands a message over, with its id as idempotency key: a repeat is not delivered twice.
    async fn send(&self, message: &Message<'_>) -> Result<(), Failure>;
}

/// A message in plain text. Prints only its id: address and text are personal, and may hold a token.
#[derive(Clone, Copy)]
pub struct Message<'a> {
    pub id: Uuid,
    pub from: &'a str,
    pub to: &'a str,
    pub subject: &'a str,
    pub text: &'a str,
}

impl fmt::Debug for Message<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Message").field("id", &self.id).finish_non_exhaustive()
    }
}
