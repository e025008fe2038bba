//! The event log.

mod cache;
mod read;
mod snapshots;
mod unit;
mod writer;

use sqlx::{PgPool, postgres::PgConnectOptions};
use tokio::sync::{mpsc, oneshot};

use crate::{AppendError, Config, Store};

pub use cache::Loaded;
pub use unit::{Appended, Unit, new_id};

pub(crate) struct Log {
    queue: mpsc::Sender<Waiting>,
    cache: cache::Cache,
    snapshots: snapshots::Snapshots,
    timeout: std::time::Duration,
}

/// A unit in the writer's queue and where its answer goes.
pub(crate) struct Waiting {
    pub rows: unit::Rows,
    pub answer: oneshot::Sender<Result<Appended, AppendError>>,
}

impl Log {
    pub fn start(pool: PgPool, options: PgConnectOptions, config: &Config) -> Log {
        let (queue, waiting) = mpsc::channel(config.append_queue);
        let timeout = std::time::Duration::from_secs(config.append_timeout_seconds);
        tokio::spawn(writer::run(waiting, options, config.append_batch, timeout));
        Log {
            queue,
            timeout,
            cache: cache::Cache::new(config.cached_aggregates),
            snapshots: snapshots::Snapshots::start(pool, config.snapshot_every),
        }
    }
}

impl Store {
    /// Writes a unit: all of its events or none, behind everything that was acknowledged before.
    ///
    /// Acknowledged means on disk. Concurrent units share transactions; a unit that conflicts fails alone. At most
    /// `append_queue` units wait, one more is [`AppendError::Overloaded`].
    pub async fn append(&self, unit: Unit) -> Result<Appended, AppendError> {
        let log = &self.inner.log;
        let (rows, states) = unit.into_parts();
        let decided_on: Vec<_> = rows.streams.iter().map(|stream| (stream.kind, stream.id)).collect();
        let (answer, outcome) = oneshot::channel();
        log.queue.try_send(Waiting { rows, answer }).map_err(|_| AppendError::Overloaded {
            retry_after: std::time::Duration::from_secs(1),
        })?;
        // The writer answers within its own time-out; the extra second is for a writer that died.
        let outcome = tokio::time::timeout(log.timeout + std::time::Duration::from_secs(1), outcome).await;
        let outcome = outcome.map_err(|_| AppendError::Unknown)?.map_err(|_| AppendError::Unknown)?;
        match &outcome {
            Ok(_) => {
                for state in states {
                    log.snapshots.consider(&state);
                    log.cache.put(state);
                }
            }
            // Any of them may be out of date, also one that the unit only demanded to be as it was.
            Err(_) => decided_on.into_iter().for_each(|(kind, id)| log.cache.forget(kind, id)),
        }
        outcome
    }
}
