//! Following the stream.
//!
//! A consumer is handed every event at least once, in order except after trouble: when a connection breaks, what
//! was under way comes again only after the acknowledgement's time-out, later events first; since acknowledging one
//! message acknowledges all before it, it may even not come again. Whoever applies events therefore compares
//! positions: at or below the last one applied, skip; more than one above it, read the hole from the log.
//!
//! # How it reads
//! One pull request for [`PREFETCH`](crate::topology) messages stands at the server all the time and is renewed when
//! half of it is used up, so an event is delivered without a round trip, an idle consumer costs a heartbeat every
//! five seconds, and under load requests and acknowledgements disappear among the messages. Measured against asking
//! for each batch anew: the same processor time at 20,000 events a second, less at 2,000, and half the delay.

use std::time::Duration;

use aggregates::{Envelope, EventError};
use async_nats::jetstream::{Message, consumer::pull};
use futures::{FutureExt, StreamExt};
use tokio::{task::unconstrained, time::Instant};

use crate::{Bus, BusError, ConsumerSpec, retry::Pauses, tail, topology::PREFETCH};

/// The server ends a pull request after this, and the client sends the next.
const EXPIRES: Duration = Duration::from_secs(30);
/// Two missed heartbeats end the subscription, which is then made anew. This notices whatever ends without a word,
/// such as a consumer that vanished with its server's storage.
const HEARTBEAT: Duration = Duration::from_secs(5);

/// A durable consumer of all events. Only one process at a time should follow under one name.
pub struct Consumer {
    bus: Bus,
    spec: ConsumerSpec,
    subscription: Option<Subscription>,
    pauses: Pauses,
}

struct Subscription {
    messages: pull::Stream,
    connection: u64,
}

/// Events in the order of delivery.
#[derive(Debug)]
pub struct Batch {
    pub events: Vec<Result<Envelope, Undecodable>>,
    pub receipt: Receipt,
}

/// A message of the stream that is not one of this log's events.
#[derive(Clone, Debug, thiserror::Error)]
#[error("{subject} at position {position:?}, {bytes} bytes: {reason}")]
pub struct Undecodable {
    pub subject: String,
    /// Of header `VC-Position`, if there is one: the log then tells what the event was.
    pub position: Option<i64>,
    /// The payload's length.
    pub bytes: usize,
    pub reason: EventError,
}

/// The right to acknowledge a batch, separate from its events so that these can be moved out.
#[derive(Debug, Default)]
#[must_use = "what is not acknowledged comes again"]
pub struct Receipt(Option<(Bus, u64, Message)>);

impl Consumer {
    /// Nothing is sent yet; the first [`Consumer::next_batch`] creates on the server what is missing.
    pub fn new(bus: Bus, spec: ConsumerSpec) -> Self {
        Self { bus, spec, subscription: None, pauses: Pauses::new() }
    }

    /// The next events: as soon as there is one, all that have arrived, at most `max`. An empty batch after `wait`.
    ///
    /// An error means that the subscription is gone; the next call makes it anew, together with the stream and the
    /// durable consumer if the server lost them. A failed call takes 50 ms to 2 s, so the caller may simply call
    /// again. Dropping the future half-way loses nothing.
    pub async fn next_batch(&mut self, max: usize, wait: Duration) -> Result<Batch, BusError> {
        match self.receive(max, Instant::now() + wait).await {
            Ok(batch) => {
                if !batch.events.is_empty() {
                    self.pauses = Pauses::new();
                }
                Ok(batch)
            }
            Err(error) => {
                self.subscription = None;
                metrics::counter!("nats_consumer_errors_total", "consumer" => self.spec.name.clone()).increment(1);
                self.bus.pause(self.pauses.next()).await;
                Err(error)
            }
        }
    }

    /// For when the subscription has to begin elsewhere if the server does not know the consumer (any more).
    pub fn start_from(&mut self, start: crate::Start) {
        self.spec.start = start;
    }

    async fn receive(&mut self, max: usize, deadline: Instant) -> Result<Batch, BusError> {
        let mut connections = self.bus.connections.clone();
        let first = loop {
            let Subscription { messages, connection } = self.subscribed().await?;
            let connection = *connection;
            let reconnected = connections.wait_for(|now| *now != connection);
            tokio::select! {
                message = messages.next() => break message,
                _ = reconnected => self.subscription = None,
                () = tokio::time::sleep_until(deadline) => return Ok(Batch::empty()),
            }
        };
        let lost = |e: &dyn std::fmt::Display| BusError::Lost(e.to_string());
        let first = first.ok_or_else(|| lost(&"closed"))?.map_err(|e| lost(&e))?;
        Ok(self.gather(first, max))
    }

    /// `first` and what else is here already.
    fn gather(&mut self, first: Message, max: usize) -> Batch {
        let Some(Subscription { messages, connection }) = &mut self.subscription else { return Batch::empty() };
        let connection = *connection;
        let mut events = vec![decode(&first)];
        let mut last = first;
        while events.len() < max {
            // Unconstrained, or Tokio would end every batch at 128 messages.
            match unconstrained(messages.next()).now_or_never() {
                Some(Some(Ok(message))) => {
                    events.push(decode(&message));
                    last = message;
                }
                // The next call reports it, or finds the stream closed.
                Some(Some(Err(_)) | None) => {
                    self.subscription = None;
                    break;
                }
                None => break,
            }
        }
        Batch { events, receipt: Receipt(Some((self.bus.clone(), connection, last))) }
    }

    async fn subscribed(&mut self) -> Result<&mut Subscription, BusError> {
        let subscription = match self.subscription.take() {
            Some(subscription) => subscription,
            None => self.subscribe().await?,
        };
        Ok(self.subscription.insert(subscription))
    }

    async fn subscribe(&self) -> Result<Subscription, BusError> {
        let connection = self.bus.connection();
        let durable = self.bus.on_this_connection(self.bus.durable(&self.spec)).await?;
        let stream = durable.stream().max_messages_per_batch(PREFETCH).expires(EXPIRES).heartbeat(HEARTBEAT);
        let messages = stream.messages().await.map_err(BusError::refused("subscribe"))?;
        tracing::debug!(consumer = self.spec.name, "subscribed");
        Ok(Subscription { messages, connection })
    }
}

impl Batch {
    fn empty() -> Self {
        Self { events: Vec::new(), receipt: Receipt::default() }
    }

    /// See [`Receipt::ack`].
    pub async fn ack(self) {
        self.receipt.ack().await;
    }
}

impl Receipt {
    /// Tells the server that the batch, and with it everything before, need not come again.
    ///
    /// Sent without waiting for an answer: if it is lost, the batch comes again and is skipped by position. One that
    /// has outlived its connection is not sent, since it might acknowledge other messages of a stream made anew.
    pub async fn ack(self) {
        let Some((bus, connection, message)) = self.0 else { return };
        if bus.connection() == connection
            && bus.is_connected()
            && let Err(error) = message.ack().await
        {
            tracing::debug!(%error, "an acknowledgement was not sent");
        }
    }
}

fn decode(message: &Message) -> Result<Envelope, Undecodable> {
    Envelope::from_cloud_event(&message.payload).map_err(|reason| Undecodable {
        subject: message.subject.to_string(),
        position: message.headers.as_ref().and_then(tail::position),
        bytes: message.payload.len(),
        reason,
    })
}
