//! One of many: a session-level advisory lock says which process does a thing that only one should do.
//!
//! The lock goes with its connection, so a process that dies frees it at once, and a machine that dies within some
//! seconds (the connection's keepalive). A process that only lost the
//! connection finds out at its next [`Leadership::confirm`], not before: what it does until then has to be harmless
//! when somebody else does it too, as publishing in sequence and applying by checkpoint are.

use std::time::Duration;

use sqlx::{Connection, PgConnection, Row, postgres::PgConnectOptions};

use crate::{Error, Store};

/// Between two attempts to become the leader.
const PAUSE: Duration = Duration::from_millis(500);

/// How long the database may take to answer.
const PATIENCE: Duration = Duration::from_secs(5);

/// First half of the lock's name; the second is a hash of the task's name.
const CLASS: i32 = 7_310_002;

/// The right to do one task. Ends when dropped.
pub struct Leadership {
    connection: PgConnection,
}

impl Store {
    /// Waits until this process is the one that does `task`, however long that takes.
    pub async fn lead(&self, task: &str) -> Leadership {
        loop {
            match tokio::time::timeout(PATIENCE, self.try_lead(task)).await {
                Ok(Ok(Some(leadership))) => return leadership,
                Ok(Ok(None)) => {}
                Ok(Err(error)) => tracing::warn!(%error, task, "cannot ask for the lead"),
                Err(_) => tracing::warn!(task, "cannot ask for the lead: no answer"),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    async fn try_lead(&self, task: &str) -> Result<Option<Leadership>, Error> {
        let options: PgConnectOptions = (*self.pool().connect_options()).clone();
        let mut connection = PgConnection::connect_with(&options.application_name(&format!("lead {task}"))).await?;
        let row = sqlx::query("SELECT pg_try_advisory_lock($1, hashtext($2))")
            .bind(CLASS)
            .bind(task)
            .fetch_one(&mut connection)
            .await?;
        Ok(row.try_get::<bool, _>(0)?.then_some(Leadership { connection }))
    }
}

impl Leadership {
    /// Whether the right still holds; asks the database.
    pub async fn confirm(&mut self) -> bool {
        matches!(tokio::time::timeout(PATIENCE, self.connection.ping()).await, Ok(Ok(())))
    }

    /// Resolves once the right is gone, at most `interval` (and the time that asking takes) later.
    pub async fn lost(&mut self, interval: Duration) {
        while self.confirm().await {
            tokio::time::sleep(interval).await;
        }
    }
}
