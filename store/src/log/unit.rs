use std::{any::Any, sync::Arc};

use aggregates::{Context, Fact, Kind, Root};
use uuid::{ContextV7, Timestamp, Uuid};

use super::cache::{Loaded, NextState};

/// A new id that sorts by time (UUIDv7), for events and aggregates.
pub fn new_id() -> Uuid {
    static COUNTER: std::sync::Mutex<ContextV7> = std::sync::Mutex::new(ContextV7::new());
    Uuid::new_v7(Timestamp::now(&COUNTER))
}

/// Where a unit ended up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Appended {
    /// The position of the unit's last event. A reader that has reached it sees the whole unit.
    pub position: i64,
}

/// Events for one or more streams that are written together or not at all.
pub struct Unit {
    context: Context,
    rows: Rows,
    states: Vec<NextState>,
}

/// A unit as the rows that the append function takes.
#[derive(Default)]
pub(crate) struct Rows {
    pub streams: Vec<StreamRow>,
    pub events: Vec<EventRow>,
    pub claims: Vec<ClaimRow>,
}

pub(crate) struct StreamRow {
    pub kind: Kind,
    pub id: Uuid,
    pub expected: i64,
}

pub(crate) struct EventRow {
    pub kind: Kind,
    pub aggregate: Uuid,
    pub sequence: i64,
    pub id: Uuid,
    pub name: &'static str,
    pub version: i16,
    pub correlation: Uuid,
    pub causation: Option<Uuid>,
    pub traceparent: Option<String>,
    pub actor: String,
    pub data: String,
}

pub(crate) struct ClaimRow {
    pub scope: &'static str,
    pub key: Vec<u8>,
    pub owner: Uuid,
    pub is_release: bool,
}

impl Unit {
    pub fn new(context: Context) -> Unit {
        Unit { context, rows: Rows::default(), states: Vec::new() }
    }

    /// Adds `events` to the stream that was loaded as `at`; the unit fails if the stream has moved on since. With no
    /// events this only demands that it has not.
    #[must_use]
    pub fn stream<A: Root>(mut self, at: &Loaded<A>, events: Vec<A::Event>) -> Unit {
        self.rows.streams.push(StreamRow { kind: A::KIND, id: at.id, expected: at.version });
        if events.is_empty() {
            return self;
        }
        let mut state = A::clone(&at.state);
        let mut sequence = at.version;
        for event in &events {
            sequence += 1;
            state.evolve(event);
            self.rows.events.push(self.row::<A>(at.id, sequence, event));
        }
        self.states.push(NextState {
            kind: A::KIND,
            id: at.id,
            before: at.version,
            version: sequence,
            state: Arc::new(state) as Arc<dyn Any + Send + Sync>,
            snapshot: |state| state.downcast_ref::<A>().and_then(|state| serde_json::to_string(state).ok()),
            snapshot_version: A::SNAPSHOT_VERSION,
        });
        self
    }

    /// Demands that nobody but `owner` has `key` within `scope`, and takes it. Claiming again is no conflict.
    #[must_use]
    pub fn claim(mut self, scope: &'static str, key: &[u8], owner: Uuid) -> Unit {
        self.rows.claims.push(ClaimRow { scope, key: key.to_vec(), owner, is_release: false });
        self
    }

    /// Gives a claim of `owner` back, in the same transaction. One that `owner` does not have stays as it is.
    #[must_use]
    pub fn release(mut self, scope: &'static str, key: &[u8], owner: Uuid) -> Unit {
        self.rows.claims.push(ClaimRow { scope, key: key.to_vec(), owner, is_release: true });
        self
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.rows.events.is_empty()
    }

    fn row<A: Root>(&self, aggregate: Uuid, sequence: i64, event: &A::Event) -> EventRow {
        EventRow {
            kind: A::KIND,
            aggregate,
            sequence,
            id: new_id(),
            name: event.name(),
            version: event.version(),
            correlation: self.context.correlation_id,
            causation: self.context.causation_id,
            traceparent: self.context.traceparent.clone(),
            actor: self.context.actor.to_string(),
            data: event.write().get().to_owned(),
        }
    }

    pub(crate) fn into_parts(self) -> (Rows, Vec<NextState>) {
        (self.rows, self.states)
    }
}
