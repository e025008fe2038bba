use std::time::Duration;

use aggregates::{EventError, Kind};
use uuid::Uuid;

/// Something other than an append went wrong. Nothing was changed unless the variant says otherwise.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("database: {0}")]
    Database(#[from] sqlx::Error),
    #[error("migration: {0}")]
    Migration(#[from] sqlx::migrate::MigrateError),
    #[error("{kind} {id} has an event that cannot be read: {source}")]
    Event { kind: Kind, id: Uuid, source: EventError },
    #[error("position {position} holds no event of this log: {reason}")]
    BrokenLog { position: i64, reason: String },
    #[error("key files: {0}")]
    Keys(String),
    #[error("the ciphertext does not open: wrong key, or not the row it was made for")]
    Unsealable,
    #[error("the person's key was destroyed")]
    Erased,
    #[error("the token was used, or is void")]
    Void,
    #[error("too many passwords are being checked")]
    Busy,
    #[error("this card number was issued before")]
    DuplicateCardNumber,
    #[error("the rebuilt tables are at {rebuilt}, the live ones at {live}")]
    RebuildBehind { rebuilt: i64, live: i64 },
    #[error("the read tables are at {at}, the batch starts at {next}")]
    Gap { at: i64, next: i64 },
}

/// Why a unit was not written. Nothing of it is in the log, except where `Unknown` says so.
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// A stream has grown since it was loaded. Load again, decide again.
    #[error("a stream has moved on")]
    Conflict,
    /// Somebody else has a claim of the unit.
    #[error("already claimed by another")]
    Taken,
    #[error("too many appends are waiting")]
    Overloaded { retry_after: Duration },
    /// The database refused the unit itself.
    #[error("the database refused the unit: {0}")]
    Refused(String),
    /// The database could not be reached in time: the unit may or may not be written.
    #[error("the outcome of the append is unknown")]
    Unknown,
}
