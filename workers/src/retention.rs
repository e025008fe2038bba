//! Throws away what has no use any more.

use std::time::Duration;

use chrono::Utc;
use store::Store;
use tokio_util::sync::CancellationToken;

use crate::Failure;

const PAUSE: Duration = Duration::from_secs(3_600);

/// Ended sessions are kept for questions about the recent past; that they were open stays in the log.
const SESSIONS_KEPT: chrono::Duration = chrono::Duration::days(30);

pub(crate) async fn run(store: Store, shutdown: CancellationToken) -> Result<(), Failure> {
    loop {
        match store.delete_sessions_ended_before(Utc::now() - SESSIONS_KEPT).await {
            Ok(0) => {}
            Ok(deleted) => tracing::info!(deleted, "ended sessions deleted"),
            Err(error) => tracing::warn!(%error, "ended sessions could not be deleted"),
        }
        match store.find_resurrected().await {
            Ok(0) => {}
            Ok(found) => tracing::warn!(found, "keys of erased people are back and will be destroyed again"),
            Err(error) => tracing::warn!(%error, "keys of erased people could not be looked for"),
        }
        tokio::select! {
            () = tokio::time::sleep(PAUSE) => {}
            () = shutdown.cancelled() => return Ok(()),
        }
    }
}
