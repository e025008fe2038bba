use std::{error::Error, sync::Arc, time::Duration};

use async_nats::{Client, ConnectOptions, Event, connection::State, jetstream};
use tokio::sync::watch;

use crate::{Config, topology::Topology};

/// How long an answer of the server may take before the request counts as failed.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(5);
/// A connection whose server fell silent is given up after three of these.
const PING_INTERVAL: Duration = Duration::from_secs(5);
const LONGEST_RECONNECT_DELAY: Duration = Duration::from_secs(1);

#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    #[error("namespace {0:?} is not made of lower-case letters, digits, `-` and `_`")]
    Namespace(String),
    #[error("the NATS URL is not `nats://host:port` or a comma-separated list of such")]
    Url,
    #[error("the NATS client cannot start: {0}")]
    Client(#[from] async_nats::ConnectError),
}

/// What can go wrong on the bus while it is in use. All of it may pass: the caller tries again later.
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    #[error("not connected to NATS")]
    Disconnected,
    #[error("JetStream did not {attempted}: {reason}")]
    Refused { attempted: &'static str, reason: String },
    #[error("the stream ends, up to message {sequence}, with messages that are not events of the log")]
    Foreign { sequence: u64 },
    #[error("the subscription ended: {0}")]
    Lost(String),
}

impl BusError {
    pub(crate) fn refused<E: Error>(attempted: &'static str) -> impl FnOnce(E) -> BusError {
        move |e| BusError::Refused { attempted, reason: e.to_string() }
    }
}

/// A connection to NATS that restores itself for ever. Cheap to clone; clones share the connection.
#[derive(Clone, Debug)]
pub struct Bus {
    pub(crate) client: Client,
    pub(crate) jetstream: jetstream::Context,
    pub(crate) topology: Arc<Topology>,
    /// How many connections were made so far. A change means that the server may have lost what it had.
    pub(crate) connections: watch::Receiver<u64>,
}

impl Bus {
    /// Starts connecting and returns at once: an absent server is waited for in the background, without end. Gauge
    /// `nats_connected` and [`Bus::is_connected`] say how it went.
    pub async fn connect(config: &Config) -> Result<Bus, ConnectError> {
        config.check()?;
        let (made, connections) = watch::channel(0);
        let client = ConnectOptions::new()
            .name(format!("virtual-cards {}", config.namespace))
            .retry_on_initial_connect()
            .max_reconnects(None)
            .reconnect_delay_callback(reconnect_delay)
            .ping_interval(PING_INTERVAL)
            .request_timeout(Some(REQUEST_TIMEOUT))
            .event_callback(move |event| {
                observe(&event, &made);
                std::future::ready(())
            })
            .connect(config.servers()?)
            .await?;
        metrics::gauge!("nats_connected").set(0.0);
        let mut jetstream = jetstream::new(client.clone());
        jetstream.set_timeout(REQUEST_TIMEOUT);
        Ok(Bus { client, jetstream, topology: Arc::new(Topology::new(config)), connections })
    }

    pub fn is_connected(&self) -> bool {
        self.client.connection_state() == State::Connected
    }

    /// Waits until what was sent so far, such as acknowledgements, has left this process; at most two seconds.
    pub async fn flush(&self) {
        let _ = tokio::time::timeout(Duration::from_secs(2), self.client.flush()).await;
    }

    /// Gives up on `request` when the connection is another: its answer will not come.
    pub(crate) async fn on_this_connection<T>(
        &self,
        request: impl Future<Output = Result<T, BusError>>,
    ) -> Result<T, BusError> {
        let (mut connections, now) = (self.connections.clone(), self.connection());
        tokio::select! {
            // Biased, since an answer that is there is worth more than the news of a reconnect.
            biased;
            answer = request => answer,
            _ = connections.wait_for(|made| *made != now) => Err(BusError::Disconnected),
        }
    }

    /// Sleeps, but not past the next connection, which may well be the end of the trouble.
    pub(crate) async fn pause(&self, duration: Duration) {
        let (mut connections, now) = (self.connections.clone(), self.connection());
        let _ = tokio::time::timeout(duration, connections.wait_for(|made| *made != now)).await;
    }

    pub(crate) fn connection(&self) -> u64 {
        *self.connections.borrow()
    }

    /// Requests made without a connection would wait in a buffer and be sent later, when they no longer mean
    /// anything.
    pub(crate) fn must_be_connected(&self) -> Result<(), BusError> {
        if self.is_connected() { Ok(()) } else { Err(BusError::Disconnected) }
    }
}

fn reconnect_delay(attempts: usize) -> Duration {
    let exponent = attempts.min(12) as u32;
    Duration::from_millis(2_u64.pow(exponent)).min(LONGEST_RECONNECT_DELAY)
}

fn observe(event: &Event, made: &watch::Sender<u64>) {
    match event {
        Event::Connected => {
            metrics::gauge!("nats_connected").set(1.0);
            metrics::counter!("nats_connections_total").increment(1);
            made.send_modify(|count| *count += 1);
        }
        Event::Disconnected | Event::Closed => metrics::gauge!("nats_connected").set(0.0),
        // A subscription's channel ran over, which bounded pulls should make impossible: messages were dropped.
        Event::SlowConsumer(_) => metrics::counter!("nats_slow_consumer_total").increment(1),
        Event::ServerError(error) => tracing::warn!(%error, "nats-server reports an error"),
        Event::ClientError(error) => tracing::debug!(%error, "NATS is not reachable"),
        Event::LameDuckMode | Event::Draining => {}
    }
}
