//! Snapshots spare a long stream from being read from its beginning. They are written behind the answer, and one
//! that is lost costs only time.

use aggregates::{Kind, Root};
use sqlx::{PgPool, Row};
use tokio::sync::mpsc;
use uuid::Uuid;

use super::cache::NextState;

/// Snapshots that may wait to be written; more are dropped, the stream's next one will do.
const QUEUE: usize = 256;

pub(crate) struct Snapshots {
    queue: mpsc::Sender<Snapshot>,
    every: i64,
}

struct Snapshot {
    kind: Kind,
    id: Uuid,
    sequence: i64,
    snapshot_version: i32,
    state: String,
}

impl Snapshots {
    pub fn start(pool: PgPool, every: i64) -> Snapshots {
        let (queue, waiting) = mpsc::channel(QUEUE);
        tokio::spawn(write_all(waiting, pool));
        Snapshots { queue, every: every.max(1) }
    }

    /// Takes a snapshot if the stream has just passed a multiple of the interval.
    pub fn consider(&self, next: &NextState) {
        if next.before / self.every == next.version / self.every {
            return;
        }
        if let (Ok(permit), Some(state)) = (self.queue.try_reserve(), (next.snapshot)(next.state.as_ref())) {
            permit.send(Snapshot {
                kind: next.kind,
                id: next.id,
                sequence: next.version,
                snapshot_version: next.snapshot_version,
                state,
            });
        }
    }
}

async fn write_all(mut waiting: mpsc::Receiver<Snapshot>, pool: PgPool) {
    while let Some(snapshot) = waiting.recv().await {
        let written = sqlx::query("SELECT put_snapshot($1, $2, $3, $4, $5)")
            .bind(snapshot.kind.as_str())
            .bind(snapshot.id)
            .bind(snapshot.sequence)
            .bind(snapshot.snapshot_version)
            .bind(snapshot.state)
            .execute(&pool)
            .await;
        if let Err(error) = written {
            tracing::warn!(%error, "a snapshot was not written");
        }
    }
}

/// The newest snapshot that this version of the code understands, with its sequence.
pub(crate) async fn read<A: Root>(pool: &PgPool, id: Uuid) -> Result<Option<(i64, A)>, sqlx::Error> {
    let row = sqlx::query("SELECT sequence, state FROM stream_snapshot($1, $2, $3)")
        .bind(A::KIND.as_str())
        .bind(id)
        .bind(A::SNAPSHOT_VERSION)
        .fetch_one(pool)
        .await?;
    let (sequence, state): (Option<i64>, Option<String>) = (row.try_get(0)?, row.try_get(1)?);
    Ok(sequence.zip(state.and_then(|state| serde_json::from_str(&state).ok())))
}
