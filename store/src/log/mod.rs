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
        // An append that its caller has given up must not wait in PostgreSQL for the lock and be written much later.
        let patience = (timeout * 4 / 5).as_millis().to_string();
        let options = options.options([("statement_timeout", patience.as_str())]);
        tokio::spawn(writer::run(waiting, options, config.append_batch, timeout));
        Log {
            queue,
            timeout,
            cache: cache::Cache::new(config.cached_aggregates),
            snapshots: snapshots::Snapshots::start(pool, config.snapshot_every),
        }
    }
}

/// A place in the writer's queue: whoever has one is not turned away for being one too many.
pub struct Place(mpsc::OwnedPermit<Waiting>);

impl Store {
    /// Takes a place for one unit, for whoever has to know that there is one before something is used up. At most
    /// `append_queue` places are taken, one more is [`AppendError::Overloaded`].
    pub fn place(&self) -> Result<Place, AppendError> {
        let place = self.inner.log.queue.clone().try_reserve_owned();
        place.map(Place).map_err(|_| AppendError::Overloaded { retry_after: std::time::Duration::from_secs(1) })
    }

    /// Writes a unit: all of its events or none, behind everything that was acknowledged before.
    ///
    /// Acknowledged means on disk. Concurrent units share transactions; a unit that conflicts fails alone. At most
    /// `append_queue` units wait, one more is [`AppendError::Overloaded`].
    pub async fn append(&self, unit: Unit) -> Result<Appended, AppendError> {
        self.append_at(self.place()?, unit).await
    }

    /// As [`Store::append`], with a place that was taken before.
    pub async fn append_at(&self, place: Place, unit: Unit) -> Result<Appended, AppendError> {
        let log = &self.inner.log;
        let (rows, states) = unit.into_parts();
        let streams: Vec<_> = rows.streams.iter().map(|stream| (stream.kind, stream.id)).collect();
        let outcome = self.write(place, rows).await;
        match &outcome {
            Ok(_) => {
                for state in states {
                    log.snapshots.consider(&state);
                    log.cache.put(state);
                }
            }
            // Also what the unit only demanded: a stale entry must not be decided on again.
            Err(_) => streams.into_iter().for_each(|(kind, id)| log.cache.forget(kind, id)),
        }
        outcome
    }

    async fn write(&self, Place(place): Place, rows: unit::Rows) -> Result<Appended, AppendError> {
        let log = &self.inner.log;
        let (answer, outcome) = oneshot::channel();
        place.send(Waiting { rows, answer });
        // The writer answers within its own time-out; the extra second is for a writer that died.
        let outcome = tokio::time::timeout(log.timeout + std::time::Duration::from_secs(1), outcome).await;
        outcome.map_err(|_| AppendError::Unknown)?.map_err(|_| AppendError::Unknown)?
    }
}
