use async_nats::{
    HeaderMap, HeaderName,
    jetstream::{
        consumer::DeliverPolicy,
        message::StreamMessage,
        stream::{RawMessageError, RawMessageErrorKind, Stream},
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
const FOREIGN: usize = 256;

pub(crate) fn position(headers: &HeaderMap) -> Option<i64> {
    headers.get(POSITION)?.as_str().parse().ok()
}

impl Bus {
    /// Reads the stream's tail from the server; creates the stream if it is missing.
    ///
    /// Two requests, more after a loss, and the stream may change in between. That is harmless: publishing after a
    /// tail that is no longer true is refused.
    pub async fn tail(&self) -> Result<Tail, BusError> {
        self.on_this_connection(async { self.tail_of(&self.stream().await?).await }).await
    }

    async fn tail_of(&self, stream: &Stream) -> Result<Tail, BusError> {
        let state = &stream.cached_info().state;
        let empty = Tail { last_sequence: state.last_sequence, position: 0, event_id: None };
        Ok(match self.last_event(stream).await? {
            Some((sequence, last)) => Tail {
                last_sequence: state.last_sequence.max(sequence),
                position: last.position,
                event_id: Some(last.id),
            },
            None => empty,
        })
    }

    /// The last message that is an event, with its sequence.
    async fn last_event(&self, stream: &Stream) -> Result<Option<(u64, Envelope)>, BusError> {
        let Some(newest) = self.newest(stream).await? else { return Ok(None) };
        let (newest, mut message) = (newest.sequence, Some(newest));
        let oldest = stream.cached_info().state.first_sequence.max(1);
        for sequence in (oldest..=newest).rev().take(FOREIGN) {
            if sequence < newest {
                message = self.at(stream, sequence).await?;
            }
            let event = message.as_ref().map(|message| Envelope::from_cloud_event(&message.payload));
            if let Some(Ok(event)) = event {
                return Ok(Some((newest, event)));
            }
        }
        // A short stream was read to its beginning; of a long one this is not known.
        if newest.saturating_sub(oldest) < FOREIGN as u64 {
            Ok(None)
        } else {
            Err(BusError::Foreign { sequence: newest })
        }
    }

    /// The last message that is still there: nearly always the last that was stored, else searched by halving,
    /// since somebody deleted messages from the end. (The server's own search by subject is no help: 2.9 forgets
    /// all messages of a subject whose last one was deleted.)
    async fn newest(&self, stream: &Stream) -> Result<Option<StreamMessage>, BusError> {
        let state = &stream.cached_info().state;
        if state.messages == 0 {
            return Ok(None);
        }
        if let Some(message) = self.at(stream, state.last_sequence).await? {
            return Ok(Some(message));
        }
        let (mut low, mut high, mut newest) = (state.first_sequence, state.last_sequence, None);
        while low < high {
            let middle = low + (high - low) / 2;
            match self.at_or_after(stream, middle).await? {
                Some(message) => {
                    low = message.sequence + 1;
                    newest = Some(message);
                }
                None => high = middle,
            }
        }
        Ok(newest)
    }

    async fn at(&self, stream: &Stream, sequence: u64) -> Result<Option<StreamMessage>, BusError> {
        found(stream.get_raw_message(sequence).await)
    }

    async fn at_or_after(&self, stream: &Stream, sequence: u64) -> Result<Option<StreamMessage>, BusError> {
        found(stream.get_first_raw_message_by_subject(self.topology.all(), sequence).await)
    }

    /// Looks an event up in the stream, for operators. `None` if the stream does not hold it (any more), or was
    /// damaged so often that it is not worth searching.
    pub async fn stored(&self, position: i64) -> Result<Option<Stored>, BusError> {
        let find = async {
            let stream = self.stream().await?;
            let tail = self.tail_of(&stream).await?;
            self.find(&stream, tail, position).await
        };
        Ok(self.on_this_connection(find).await?.map(|message| Stored {
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
            let Some(message) = self.at_or_after(stream, guess).await? else { break };
            let Some(position) = position(&message.headers) else { break };
            if position == wanted {
                return Ok(Some(message));
            }
            (sequence, found) = (message.sequence, position);
        }
        Ok(None)
    }
}

fn found(answer: Result<StreamMessage, RawMessageError>) -> Result<Option<StreamMessage>, BusError> {
    match answer {
        Ok(message) => Ok(Some(message)),
        Err(e) if e.kind() == RawMessageErrorKind::NoMessageFound => Ok(None),
        Err(e) => Err(BusError::refused("read a message")(e)),
    }
}
