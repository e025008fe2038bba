//! The relay: moves events from the log to the stream, in order, for as long as it runs.
//!
//! It remembers nothing. After any trouble the [`Publisher`] reads the stream's tail, and the relay goes on from
//! the log at the position after it. Two relays at once are safe (one's messages are refused) but wasteful.

use std::{fmt::Display, time::Duration};

use aggregates::Envelope;
use chrono::Utc;
use tokio_util::sync::CancellationToken;

use crate::{BusError, PublishError, Publisher, Tail, retry::Pauses};

/// The log, as far as the relay must see it.
pub trait Source: Send {
    type Error: Display + Send;

    /// At most `limit` events after `position`, in order and without hole; none if there are none yet.
    fn read_after(
        &mut self,
        position: i64,
        limit: usize,
    ) -> impl Future<Output = Result<Vec<Envelope>, Self::Error>> + Send;
}

/// How eagerly the log is read.
#[derive(Clone, Copy, Debug)]
pub struct RelayConfig {
    /// Events read, and published, at a time.
    pub page: usize,
    /// Pause after a page that was not full. Events of this time travel as one batch: less processor time for each,
    /// at the price of half as much lag on average.
    pub shortest_pause: Duration,
    /// The pause grows to this while nothing happens.
    pub longest_pause: Duration,
    /// Age at which the stream's tail is read again although nothing happened: how long a loss without a broken
    /// connection, such as a deleted stream, goes unnoticed while there is nothing to publish.
    pub recheck: Duration,
}

impl Default for RelayConfig {
    fn default() -> Self {
        Self {
            page: 1000,
            shortest_pause: Duration::from_millis(5),
            longest_pause: Duration::from_millis(25),
            recheck: Duration::from_secs(10),
        }
    }
}

const ADVICE: &str = "The stream belongs to another log, or the log was restored from an older backup; nothing is \
                      published until one of them is put right, for instance by deleting the stream";

#[derive(Debug, thiserror::Error)]
enum Trouble {
    #[error("the log cannot be read: {0}")]
    Log(String),
    #[error("the stream ends at position {0}, which the log does not have. {ADVICE}")]
    AheadOfLog(i64),
    #[error("position {0} is another event in the stream than in the log. {ADVICE}")]
    OtherLog(i64),
    #[error(transparent)]
    Bus(#[from] BusError),
    #[error(transparent)]
    Publish(#[from] PublishError),
}

impl Trouble {
    fn log(error: impl Display) -> Self {
        Self::Log(error.to_string())
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Log(_) => "log",
            Self::AheadOfLog(_) => "ahead_of_log",
            Self::OtherLog(_) => "other_log",
            Self::Bus(_) => "bus",
            Self::Publish(e) => e.reason(),
        }
    }
}

/// Publishes what `source` has until `shutdown` is cancelled, which may be at any moment.
///
/// No error ends it: the first of a kind is logged, all are counted (`relay_errors_total{reason}`), and it tries
/// again after 50 ms to 2 s. Also kept: `relay_published_total`, `relay_position`, and `relay_lag_seconds`, the time
/// from recording the last event of a batch until the stream has it.
pub async fn relay<S: Source>(
    publisher: &mut Publisher,
    source: &mut S,
    shutdown: &CancellationToken,
    config: RelayConfig,
) {
    shutdown.run_until_cancelled(run(publisher, source, config)).await;
}

async fn run<S: Source>(publisher: &mut Publisher, source: &mut S, config: RelayConfig) {
    let mut pauses = Pauses::new();
    let mut idle = config.shortest_pause;
    let mut known_trouble = None;
    let mut limits_set = false;
    loop {
        match turn(publisher, source, config).await {
            Ok(published) => {
                if !std::mem::replace(&mut limits_set, true) {
                    publisher.set_limits().await;
                }
                if known_trouble.take().is_some() {
                    tracing::info!("the relay works again");
                    pauses = Pauses::new();
                }
                if published > 0 {
                    idle = config.shortest_pause;
                }
                if published < config.page {
                    tokio::time::sleep(idle).await;
                }
                if published == 0 {
                    idle = (idle * 2).min(config.longest_pause);
                }
            }
            Err(trouble) => {
                let reason = trouble.reason();
                metrics::counter!("relay_errors_total", "reason" => reason).increment(1);
                if known_trouble.replace(reason) != Some(reason) {
                    tracing::error!(reason, "the relay cannot publish: {trouble}");
                }
                publisher.forget_tail();
                publisher.pause(pauses.next()).await;
            }
        }
    }
}

/// One page from the log to the stream; how many events that was.
async fn turn<S: Source>(publisher: &mut Publisher, source: &mut S, config: RelayConfig) -> Result<usize, Trouble> {
    let tail = match publisher.known_tail(config.recheck) {
        Some(tail) => tail,
        None => {
            let tail = publisher.read_tail().await?;
            check_same_log(source, tail).await?;
            tail
        }
    };
    let page = source.read_after(tail.position, config.page).await.map_err(Trouble::log)?;
    let Some(last) = page.last() else { return Ok(0) };
    publisher.publish(&page).await?;
    let lag = (Utc::now() - last.recorded_at).to_std().unwrap_or_default();
    metrics::histogram!("relay_lag_seconds").record(lag);
    metrics::counter!("relay_published_total").increment(page.len() as u64);
    metrics::gauge!("relay_position").set(last.position as f64);
    Ok(page.len())
}

/// A stream that does not end with an event of this log must not be continued.
async fn check_same_log<S: Source>(source: &mut S, tail: Tail) -> Result<(), Trouble> {
    let Some(event_id) = tail.event_id else { return Ok(()) };
    let here = source.read_after(tail.position - 1, 1).await.map_err(Trouble::log)?;
    match here.first() {
        None => Err(Trouble::AheadOfLog(tail.position)),
        Some(event) if event.id != event_id => Err(Trouble::OtherLog(tail.position)),
        Some(_) => Ok(()),
    }
}
