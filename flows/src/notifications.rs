//! What a person is told.

use aggregates::UserId;
use projections::{Notification, ReadError};

use crate::{Error, System};

/// The newest notifications, newest first. They live in Redis only: while it is away there are none to show, and
/// that is an error rather than an empty list.
pub async fn inbox(
    system: &System,
    user_id: UserId,
    limit: usize,
    at_least: Option<i64>,
) -> Result<Vec<Notification>, Error> {
    match system.views.inbox(user_id, limit, at_least).await {
        Ok(notifications) => Ok(notifications),
        Err(ReadError::Behind { wanted, .. }) => Err(Error::Behind { position: wanted }),
        Err(ReadError::NotReady | ReadError::Unavailable(_)) => {
            Err(Error::Unavailable { what: "notifications", resource: None })
        }
    }
}
