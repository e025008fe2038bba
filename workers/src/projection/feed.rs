use std::{sync::Arc, time::Duration};

use aggregates::Envelope;
use nats::{Batch, Bus, Consumer, ConsumerSpec, Start};
use projections::Writer;
use secrecy::ExposeSecret;
use store::Store;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{
    follow::follow,
    sink::{Tables, Views},
};
use crate::{Failure, Settings};

/// Messages taken from the bus at once.
const BATCH: usize = 1_000;

/// How long to wait for the first of them.
const WAIT: Duration = Duration::from_secs(1);

/// Batches that a slow sink may have waiting. Further ones are not kept for it: it reads them from the log.
const WAITING: usize = 8;

/// Leads the projections and feeds them from the bus until shut down.
///
/// The bus is acknowledged at once, not after the sinks are done: a sink that misses something sees the hole and
/// reads it from the log, which never forgets.
pub(crate) async fn run(store: Store, settings: Settings, shutdown: CancellationToken) -> Result<(), Failure> {
    let bus = Bus::connect(&settings.bus).await?;
    while !shutdown.is_cancelled() {
        let mut leadership = tokio::select! {
            leadership = store.lead("projections") => leadership,
            () = shutdown.cancelled() => return Ok(()),
        };
        tracing::info!("this process projects");
        let redis_url = settings.redis_url.expose_secret();
        let views = Views(Writer::new(redis_url, &settings.namespace, &settings.views)?);
        let tables = Tables { store: store.clone(), tables: store.read_tables() };
        let ((to_views, for_views), (to_tables, for_tables)) = (mpsc::channel(WAITING), mpsc::channel(WAITING));
        let spec = ConsumerSpec { name: "projections".into(), start: Start::Beginning };
        let consumer = Consumer::new(bus.clone(), spec);
        tokio::select! {
            () = follow(views, store.clone(), for_views) => {}
            () = follow(tables, store.clone(), for_tables) => {}
            () = feed(consumer, [to_views, to_tables]) => {}
            () = leadership.lost(WAIT) => tracing::warn!("another process may project now"),
            () = shutdown.cancelled() => {}
        }
    }
    Ok(())
}

async fn feed(mut consumer: Consumer, sinks: [mpsc::Sender<Arc<[Envelope]>>; 2]) {
    loop {
        let Batch { events, receipt } = match consumer.next_batch(BATCH, WAIT).await {
            Ok(batch) => batch,
            Err(error) => {
                // The consumer has paused already, and makes itself anew.
                tracing::warn!(%error, "the bus gives nothing");
                continue;
            }
        };
        receipt.ack().await;
        // What cannot be read is a hole like any other: the log has it.
        let mut events: Vec<Envelope> = events.into_iter().filter_map(Result::ok).collect();
        events.sort_unstable_by_key(|event| event.position);
        events.dedup_by_key(|event| event.position);
        if events.is_empty() {
            continue;
        }
        let events: Arc<[Envelope]> = events.into();
        for sink in &sinks {
            if sink.try_send(events.clone()).is_err() {
                metrics::counter!("projection_batches_skipped_total").increment(1);
            }
        }
    }
}
