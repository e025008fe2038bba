//! Sends the mail that waits. Every process does: the queue gives each mail to one of them.

use std::time::Duration;

use flows::System;
use tokio_util::sync::CancellationToken;

use crate::Failure;

/// Between two looks at an empty queue: people wait for their mail.
const PAUSE: Duration = Duration::from_millis(200);

/// Until shut down; what is being handed over then is handed over still.
pub(crate) async fn run(system: System, shutdown: CancellationToken) -> Result<(), Failure> {
    while !shutdown.is_cancelled() {
        let more = flows::mail::deliver(&system).await.unwrap_or_else(|error| {
            tracing::warn!(%error, "the mail queue could not be read");
            false
        });
        if !more {
            shutdown.run_until_cancelled(tokio::time::sleep(PAUSE)).await;
        }
    }
    Ok(())
}
