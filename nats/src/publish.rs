//! Publishing: the stream continues the log exactly, or the server refuses.
//!
//! # The protocol
//! 1. Where to go on is read from the stream's own tail ([`Bus::tail`]): the last sequence it issued, and the
//!    position in the log of the last event it holds. It is read at the start, after every reconnect, after every
//!    error, and every ten seconds, so that a stream which lost its end, or everything, is noticed.
//! 2. Events follow in the order of the log, each with `Nats-Expected-Last-Sequence`: the tail's sequence, that
//!    plus one, plus two … The server stores a message only if it continues the stream at exactly that place.
//! 3. Only the last message of a batch asks for an answer. Publishers add one to both numbers for each event, so an
//!    event has one place in the stream and fits nowhere else; when the last is stored, all places before it are
//!    filled, by this publisher or by another with the same events.
//! 4. Any other outcome (refusal, time-out, lost connection) says nothing about how much was stored. The tail is
//!    forgotten, read again, and publishing goes on from the log after the position found there.
//!
//! So two publishers never interleave, no message that was under way during a reconnect is stored late, and nothing
//! that the stream lost stays lost. `tests/protocol_model.rs` walks through all interleavings of two publishers,
//! crashes and losses, and shows that leaving out either half breaks it: with a remembered checkpoint in place of
//! the tail, events that the stream lost are never delivered again; without the expected sequence they are stored
//! twice.
//!
//! # Why there is no `Nats-Msg-Id`
//! The server's deduplication remembers ids, not messages. If messages are removed from the end of a running stream
//! (purge, delete), it answers the rightful second publication of the same events with `duplicate: true`, stores
//! nothing, and the chain cannot go on until the window of two minutes has passed; `tests/bus/server_facts.rs` shows
//! it. The expected sequence already refuses every duplicate at any age, and the ids cost nats-server 40 to 50 %
//! more processor time for each message. The event's id is the CloudEvent's `id`; a follower that deduplicates uses
//! that or, better, the position.
//!
//! # What is left
//! Two interventions from outside move sequence and position against each other: deleting messages from the end of a
//! running stream, and publishing something else to our subjects. Should that happen in the moment in which a
//! publisher holds a tail from before, events can be missing from the stream, or a few be there twice. Both show in
//! the positions, and followers skip what they had and read holes from the log. The server's permissions should let
//! nobody else do either.

use std::{
    collections::HashMap,
    time::{Duration, Instant},
};

use aggregates::{Envelope, Kind};
use async_nats::{
    HeaderMap, Subject, client,
    header::NATS_EXPECTED_LAST_SEQUENCE,
    jetstream::context::{PublishAckFuture, PublishErrorKind},
};

use crate::{
    Bus, BusError,
    tail::{POSITION, Tail},
};

/// Messages under way before one is waited for.
pub const MAX_IN_FLIGHT: usize = 1024;
/// How long the answer to a batch may take.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);

/// Why a batch was not (known to be) published. Whatever the reason, [`Publisher::read_tail`] says how to go on.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    #[error("the tail must be read first")]
    TailUnknown,
    #[error("position {got} does not continue the stream, which ends at {tail}")]
    NotNext { tail: i64, got: i64 },
    /// Somebody else published, or the stream lost messages.
    #[error("the stream does not end where it did: {0}")]
    TailMoved(String),
    #[error("the event at position {position} is larger than the server's max_payload")]
    TooLarge { position: i64 },
    #[error("JetStream gave no answer: {0}")]
    NoAnswer(String),
    #[error(transparent)]
    Bus(#[from] BusError),
}

impl PublishError {
    /// A short stable word for metrics.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::TailUnknown => "tail_unknown",
            Self::NotNext { .. } => "not_next",
            Self::TailMoved(_) => "tail_moved",
            Self::TooLarge { .. } => "too_large",
            Self::NoAnswer(_) => "no_answer",
            Self::Bus(_) => "bus",
        }
    }
}

/// Appends events to the stream, by the protocol of this [module](self).
#[derive(Debug)]
pub struct Publisher {
    bus: Bus,
    known: Option<Known>,
    /// Every subject used so far. There are as many as kinds of event.
    subjects: [HashMap<String, Subject>; Kind::ALL.len()],
}

#[derive(Clone, Copy, Debug)]
struct Known {
    tail: Tail,
    connection: u64,
    read_at: Instant,
}

impl Publisher {
    pub fn new(bus: Bus) -> Self {
        Self { bus, known: None, subjects: Default::default() }
    }

    /// The tail as read less than `max_age` ago on this connection, moved on by what was published since. `None` if
    /// it must be read (again).
    pub fn known_tail(&self, max_age: Duration) -> Option<Tail> {
        let fresh = |known: &Known| known.connection == self.bus.connection() && known.read_at.elapsed() < max_age;
        self.known.filter(fresh).map(|known| known.tail)
    }

    /// Asks the server where the stream ends. Creates the stream if it is missing.
    pub async fn read_tail(&mut self) -> Result<Tail, BusError> {
        self.known = None;
        let connection = self.bus.connection();
        let tail = self.bus.tail().await?;
        self.known = Some(Known { tail, connection, read_at: Instant::now() });
        Ok(tail)
    }

    /// Brings the stream to the configured limits. A server that refuses them keeps the old ones, and is published to
    /// all the same.
    pub(crate) async fn set_limits(&self) {
        if let Err(error) = self.bus.ensure().await {
            tracing::warn!(%error, "the stream keeps its limits");
        }
    }

    /// Makes [`Publisher::publish`] refuse until the tail is read again.
    pub fn forget_tail(&mut self) {
        self.known = None;
    }

    /// Sleeps, but not past the next connection.
    pub(crate) async fn pause(&self, duration: Duration) {
        self.bus.pause(duration).await;
    }

    /// Stores `batch`, which must begin right after the tail's position and have no hole, and returns the new tail.
    /// One round trip for each [`MAX_IN_FLIGHT`] events.
    ///
    /// Dropping the future half-way is the same as an error.
    pub async fn publish(&mut self, batch: &[Envelope]) -> Result<Tail, PublishError> {
        let mut known = self.known.take().ok_or(PublishError::TailUnknown)?;
        for (envelope, next) in batch.iter().zip(known.tail.position + 1..) {
            if envelope.position != next {
                return Err(PublishError::NotNext { tail: next - 1, got: envelope.position });
            }
        }
        for chunk in batch.chunks(MAX_IN_FLIGHT) {
            let answer = tokio::time::timeout(ANSWER_TIMEOUT, self.publish_chunk(known, chunk));
            known.tail = answer.await.map_err(|_| PublishError::NoAnswer("timed out".into()))??;
        }
        self.known = Some(known);
        Ok(known.tail)
    }

    async fn publish_chunk(&mut self, known: Known, chunk: &[Envelope]) -> Result<Tail, PublishError> {
        self.bus.must_be_connected()?;
        let Some((last, silent)) = chunk.split_last() else { return Ok(known.tail) };
        let mut expected = known.tail.last_sequence;
        for envelope in silent {
            self.send(envelope, expected).await?;
            expected += 1;
        }
        let answer = self.send_and_ask(last, expected).await?;
        self.bus.on_this_connection(async { Ok(confirmed(answer, expected + 1, last).await) }).await?
    }

    async fn send(&mut self, envelope: &Envelope, expected: u64) -> Result<(), PublishError> {
        let subject = self.subject(envelope);
        let payload = envelope.to_cloud_event().into();
        let sent = self.bus.client.publish_with_headers(subject, headers(envelope, expected), payload).await;
        sent.map_err(|e| match e.kind() {
            client::PublishErrorKind::MaxPayloadExceeded => PublishError::TooLarge { position: envelope.position },
            _ => PublishError::NoAnswer(e.to_string()),
        })
    }

    async fn send_and_ask(&mut self, envelope: &Envelope, expected: u64) -> Result<PublishAckFuture, PublishError> {
        let subject = self.subject(envelope);
        let payload = envelope.to_cloud_event().into();
        let sent = self.bus.jetstream.publish_with_headers(subject, headers(envelope, expected), payload).await;
        sent.map_err(|e| match e.kind() {
            PublishErrorKind::MaxPayloadExceeded => PublishError::TooLarge { position: envelope.position },
            _ => PublishError::NoAnswer(e.to_string()),
        })
    }

    fn subject(&mut self, envelope: &Envelope) -> Subject {
        let subjects = &mut self.subjects[envelope.kind as usize];
        if let Some(subject) = subjects.get(&envelope.name) {
            return subject.clone();
        }
        let subject = self.bus.topology.subject(envelope.kind, &envelope.name);
        subjects.insert(envelope.name.clone(), subject.clone());
        subject
    }
}

fn headers(envelope: &Envelope, expected: u64) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(NATS_EXPECTED_LAST_SEQUENCE, expected.to_string());
    headers.insert(POSITION, envelope.position.to_string());
    headers
}

async fn confirmed(answer: PublishAckFuture, sequence: u64, last: &Envelope) -> Result<Tail, PublishError> {
    let ack = answer.await.map_err(|e| match e.kind() {
        PublishErrorKind::WrongLastSequence => PublishError::TailMoved(e.to_string()),
        _ => PublishError::NoAnswer(e.to_string()),
    })?;
    if ack.duplicate || ack.sequence != sequence {
        return Err(PublishError::TailMoved(format!("stored as {} instead of {sequence}", ack.sequence)));
    }
    Ok(Tail { last_sequence: sequence, position: last.position, event_id: Some(last.id) })
}
