use async_nats::{
    HeaderMap, HeaderName,
    jetstream::{
        consumer::DeliverPolicy,
        message::StreamMessage,
        stream::{RawMessageErrorKind, Stream},
    },
};

use aggregates::{Envelope, EventError};
use uuid::Uuid;

use crate::{Bus, BusError, Start};

/// The header that holds an event's position, for operators and for searching.
pub(crate) const POSITION: HeaderName = HeaderName::from_static("VC-Position");

/// Where the stream ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tail {
    /// The last sequence that the stream issued, whether or not that message is still there.
    pub last_sequence: u64,
    /// The position of the last event that the stream holds; 0 if it holds none.
    pub position: i64,
    /// That event's id, which tells whether the stream is a copy of the log at hand.
    pub event_id: Option<Uuid>,
}

/// An event as the stream holds it.
#[derive(Debug)]
pub struct Stored {
    pub sequence: u64,
    pub subject: String,
    pub envelope: Result<Envelope, EventError>,
}

/// Guesses at an event's sequence before it counts as not found. Each corrects the last by the distance it missed
/// by, so an undamaged stream needs one and a stream that was repaired n times at most n + 1.
const GUESSES: usize = 8;
/// Messages looked at, from the end, for the last event. More than one only if somebody else wrote to our subjects.
const FOREIGN: u64 = 256;

pub(crate) fn position(headers: &HeaderMap) -> Option<i64> {
    headers.get(POSITION)?.as_str().parse().ok()
}

impl Bus {
    /// Reads the stream's tail from the server; creates the stream if it is missing.
    ///
    /// Two requests, and the stream may change in between. That is harmless: publishing after a tail that is no
    /// longer true is refused.
    pub async fn tail(&self) -> Result<Tail, BusError> {
        self.tail_of(&self.stream().await?).await
    }

    async fn tail_of(&self, stream: &Stream) -> Result<Tail, BusError> {
        let state = &stream.cached_info().state;
        let empty = Tail { last_sequence: state.last_sequence, position: 0, event_id: None };
        if state.messages == 0 {
            return Ok(empty);
        }
        let newest = match stream.get_last_raw_message_by_subject(&self.topology.all()).await {
            Ok(message) => message,
            Err(e) if e.kind() == RawMessageErrorKind::NoMessageFound => return Ok(empty),
            Err(e) => return Err(BusError::refused("read the last message")(e)),
        };
        let last_sequence = state.last_sequence.max(newest.sequence);
        Ok(match last_event(stream, newest).await? {
            Some(last) => Tail { last_sequence, position: last.position, event_id: Some(last.id) },
            None => Tail { last_sequence, ..empty },
        })
    }

    /// Looks an event up in the stream, for operators. `None` if the stream does not hold it (any more), or was
    /// damaged so often that it is not worth searching.
    pub async fn stored(&self, position: i64) -> Result<Option<Stored>, BusError> {
        let stream = self.stream().await?;
        let tail = self.tail_of(&stream).await?;
        let message = self.find(&stream, tail, position).await?;
        Ok(message.map(|message| Stored {
            sequence: message.sequence,
            subject: message.subject.to_string(),
            envelope: Envelope::from_cloud_event(&message.payload),
        }))
    }

    /// Where a new consumer begins. The stream's positions rise by one or fall back, never skip ahead, so after the
    /// message with `position + 1` nothing later in the log is missed.
    pub(crate) async fn deliver_from(&self, start: Start) -> Result<DeliverPolicy, BusError> {
        let Start::After(position) = start else { return Ok(DeliverPolicy::All) };
        let stream = self.stream().await?;
        let tail = self.tail_of(&stream).await?;
        if tail.position <= position {
            return Ok(DeliverPolicy::ByStartSequence { start_sequence: tail.last_sequence + 1 });
        }
        Ok(match self.find(&stream, tail, position + 1).await? {
            Some(message) => DeliverPolicy::ByStartSequence { start_sequence: message.sequence },
            None => DeliverPolicy::All,
        })
    }

    async fn find(&self, stream: &Stream, tail: Tail, wanted: i64) -> Result<Option<StreamMessage>, BusError> {
        let (mut sequence, mut found) = (tail.last_sequence, tail.position);
        for _ in 0..GUESSES {
            let Some(guess) = sequence.checked_add_signed(wanted - found).filter(|guess| *guess > 0) else { break };
            let message = match stream.get_first_raw_message_by_subject(self.topology.all(), guess).await {
                Ok(message) => message,
                Err(e) if e.kind() == RawMessageErrorKind::NoMessageFound => break,
                Err(e) => return Err(BusError::refused("read a message")(e)),
            };
            let Some(position) = position(&message.headers) else { break };
            if position == wanted {
                return Ok(Some(message));
            }
            (sequence, found) = (message.sequence, position);
        }
        Ok(None)
    }
}

/// `newest`, or the last message before it that is an event.
async fn last_event(stream: &Stream, newest: StreamMessage) -> Result<Option<Envelope>, BusError> {
    let foreign = match Envelope::from_cloud_event(&newest.payload) {
        Ok(event) => return Ok(Some(event)),
        Err(_) => newest.sequence,
    };
    tracing::warn!(sequence = foreign, "the stream holds a message that is not an event of the log");
    let oldest = stream.cached_info().state.first_sequence.max(1);
    for sequence in (oldest..foreign).rev().take(FOREIGN as usize) {
        match stream.get_raw_message(sequence).await {
            Ok(message) => {
                if let Ok(event) = Envelope::from_cloud_event(&message.payload) {
                    return Ok(Some(event));
                }
            }
            Err(e) if e.kind() == RawMessageErrorKind::NoMessageFound => {}
            Err(e) => return Err(BusError::refused("read a message")(e)),
        }
    }
    // With nothing but foreign messages in a short stream there is no event; in a long one that is not known.
    if foreign - oldest <= FOREIGN { Ok(None) } else { Err(BusError::Foreign { sequence: foreign }) }
}
