//! Publishes the log to the bus, one process at a time.

use std::time::Duration;

use aggregates::Envelope;
use nats::{Bus, Publisher, RelayConfig, Source};
use store::Store;
use tokio_util::sync::CancellationToken;

use crate::{Failure, Settings};

/// Between two looks whether the lead still holds.
const CONFIRM: Duration = Duration::from_secs(1);

struct Log(Store);

impl Source for Log {
    type Error = store::Error;

    async fn read_after(&mut self, position: i64, limit: usize) -> Result<Vec<Envelope>, store::Error> {
        self.0.read_after(position, i64::try_from(limit).unwrap_or(i64::MAX)).await
    }
}

pub(crate) async fn run(store: Store, settings: Settings, shutdown: CancellationToken) -> Result<(), Failure> {
    let bus = Bus::connect(&settings.bus).await?;
    while !shutdown.is_cancelled() {
        let mut leadership = tokio::select! {
            leadership = store.lead("relay") => leadership,
            () = shutdown.cancelled() => return Ok(()),
        };
        tracing::info!("this process relays");
        let mut publisher = Publisher::new(bus.clone());
        let mut log = Log(store.clone());
        let stop = shutdown.child_token();
        tokio::select! {
            () = nats::relay(&mut publisher, &mut log, &stop, RelayConfig::default()) => {}
            () = leadership.lost(CONFIRM) => tracing::warn!("another process may relay now"),
        }
    }
    Ok(())
}
