use crate::Generation;

/// The read models could not be connected to at all: the address is wrong.
#[derive(Debug, thiserror::Error)]
#[error("Redis address: {0}")]
pub struct AddressError(pub(crate) redis::RedisError);

/// Why a batch was not applied, or a generation not switched.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The batch does not follow: read the events between `checkpoint` and `next` from the log. Nothing of this
    /// part of the batch was applied.
    #[error("the read models are at {checkpoint}, the batch goes on at {next}")]
    Gap { checkpoint: i64, next: i64 },
    /// Another writer was first, or another generation went live. Nothing was changed; reopen, then go on.
    #[error("another writer was first")]
    Fenced,
    /// There is no generation to write to: Redis is empty, or was emptied. Start one, from position 1.
    #[error("the read models are missing")]
    Missing,
    /// The rebuilt generation is not as far as the live one. Apply the events in between, then switch again.
    #[error("the new generation is at {at}, the live one at {live_at}")]
    Behind { at: i64, live_at: i64 },
    /// More streams would be parked than [`MAX_PARKED`](crate::MAX_PARKED): this looks like a broken release, not
    /// like a few broken events. Nothing was changed, and nothing will be until somebody looks.
    #[error("{parked} parked streams are too many")]
    TooManyParked { parked: usize },
    /// The live generation was written by a newer release. This one must not put its own, older one in its place.
    #[error("generation {0} belongs to a newer release")]
    Newer(Generation),
    /// Redis failed or did not answer in time. A write may or may not have happened; applying the same batch again
    /// finds out.
    #[error("Redis: {0}")]
    Unavailable(String),
}

impl From<redis::RedisError> for ApplyError {
    fn from(error: redis::RedisError) -> Self {
        ApplyError::Unavailable(error.to_string())
    }
}

impl From<redis::ParsingError> for ApplyError {
    fn from(error: redis::ParsingError) -> Self {
        ApplyError::Unavailable(error.to_string())
    }
}

/// Why the read models give no answer. In each case the relational tables do.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// No generation is live: Redis was emptied, and a rebuild has not finished.
    #[error("the read models are being built")]
    NotReady,
    /// The position that was asked for did not arrive within the configured time.
    #[error("position {wanted} is not projected yet, only {at}")]
    Behind { wanted: i64, at: i64 },
    #[error("Redis: {0}")]
    Unavailable(String),
}

impl From<redis::RedisError> for ReadError {
    fn from(error: redis::RedisError) -> Self {
        ReadError::Unavailable(error.to_string())
    }
}

impl From<redis::ParsingError> for ReadError {
    fn from(error: redis::ParsingError) -> Self {
        ReadError::Unavailable(error.to_string())
    }
}
