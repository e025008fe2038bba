//! Keeps one sink up to date: from the bus while that goes well, from the log whenever it does not.
//!
//! Positions have no holes, so a sink always knows whether it is missing something, whatever the bus did: lost
//! messages, repeated them, or was away.

use std::{sync::Arc, time::Duration};

use aggregates::Envelope;
use store::Store;
use tokio::{sync::mpsc, time::Instant};

use super::sink::{Sink, SinkError};

/// Events read from the log at once.
const PAGE: i64 = 1_000;

/// How long a sink hears nothing new from the bus before it looks into the log.
const QUIET: Duration = Duration::from_secs(1);

/// After a failure.
const PAUSE: Duration = Duration::from_millis(500);

pub(super) async fn follow<S: Sink>(mut sink: S, store: Store, mut bus: mpsc::Receiver<Arc<[Envelope]>>) {
    loop {
        match catch_up(&mut sink, &store).await {
            Ok(position) => match listen(&mut sink, &store, &mut bus, position).await {
                Ok(()) => return,
                Err(SinkError::Gap | SinkError::Changed) => {}
                Err(SinkError::Failed(reason)) => pause::<S>(&reason).await,
            },
            Err(SinkError::Gap | SinkError::Changed) => pause::<S>("it keeps changing").await,
            Err(SinkError::Failed(reason)) => pause::<S>(&reason).await,
        }
    }
}

async fn pause<S: Sink>(reason: &str) {
    tracing::warn!(projection = S::NAME, reason, "projection stands still for a moment");
    metrics::counter!("projection_failures_total", "projection" => S::NAME).increment(1);
    tokio::time::sleep(PAUSE).await;
}

/// From wherever the sink is to the head of the log. A sink that is empty is rebuilt beside what readers see.
async fn catch_up<S: Sink>(sink: &mut S, store: &Store) -> Result<i64, SinkError> {
    let known = sink.position().await?;
    let position = known.unwrap_or(0);
    if known.is_none() {
        tracing::info!(projection = S::NAME, "rebuilding from the log");
        sink.rebuild().await?;
    }
    let position = read_up(sink, store, position, &|_| {}).await?;
    if known.is_none() {
        sink.go_live().await?;
        tracing::info!(projection = S::NAME, position, "rebuilt");
    }
    Ok(position)
}

/// Applies what the log has after `position`, up to its head.
pub(super) async fn read_up<S: Sink>(
    sink: &mut S,
    store: &Store,
    mut position: i64,
    progress: &(impl Fn(i64) + Sync),
) -> Result<i64, SinkError> {
    loop {
        let page = store.read_after(position, PAGE).await?;
        if page.is_empty() {
            return Ok(position);
        }
        position = sink.apply(&page).await?;
        progress(position);
    }
}

/// Takes batches from the bus. Ends well when the bus task is gone, otherwise with what made it impossible.
async fn listen<S: Sink>(
    sink: &mut S,
    store: &Store,
    bus: &mut mpsc::Receiver<Arc<[Envelope]>>,
    mut position: i64,
) -> Result<(), SinkError> {
    let mut advanced = Instant::now();
    loop {
        match tokio::time::timeout(QUIET, bus.recv()).await {
            Ok(Some(batch)) => {
                let reached = sink.apply(&batch).await?;
                if reached > position {
                    (position, advanced) = (reached, Instant::now());
                }
            }
            Ok(None) => return Ok(()),
            Err(_) => {}
        }
        if advanced.elapsed() >= QUIET {
            // Redis may have been emptied in the quiet, or the bus may be keeping something back, or delivering what
            // is long done.
            let known = sink.position().await?;
            if known.is_none() || store.head().await? > position {
                return Err(SinkError::Changed);
            }
            advanced = Instant::now();
        }
    }
}
