//! Hot aggregates in memory. A stale entry does no harm: the append's version check refuses what was decided on
//! it, and the refusal throws the entry out.

use std::{any::Any, sync::Arc};

use aggregates::{Kind, Root};
use uuid::Uuid;

/// An aggregate's state as of `version`, its last event's sequence; 0 and the default state if it has no events.
#[derive(Debug)]
pub struct Loaded<A> {
    pub id: Uuid,
    pub version: i64,
    pub state: Arc<A>,
}

impl<A: Default> Loaded<A> {
    /// A stream that is not there yet. If it is, the append conflicts.
    pub fn new(id: impl Into<Uuid>) -> Loaded<A> {
        Loaded { id: id.into(), version: 0, state: Arc::new(A::default()) }
    }
}

impl<A> Clone for Loaded<A> {
    fn clone(&self) -> Self {
        Loaded { id: self.id, version: self.version, state: self.state.clone() }
    }
}

impl<A> std::ops::Deref for Loaded<A> {
    type Target = A;

    fn deref(&self) -> &A {
        &self.state
    }
}

/// The state that a unit leaves an aggregate in, to be cached once the unit is written.
pub(crate) struct NextState {
    pub kind: Kind,
    pub id: Uuid,
    pub before: i64,
    pub version: i64,
    pub state: Arc<dyn Any + Send + Sync>,
    /// Serialises the state for a snapshot.
    pub snapshot: fn(&(dyn Any + Send + Sync)) -> Option<String>,
    pub snapshot_version: i32,
}

type Entry = (i64, Arc<dyn Any + Send + Sync>);

pub(crate) struct Cache {
    entries: quick_cache::sync::Cache<(Kind, Uuid), Entry>,
}

impl Cache {
    pub fn new(capacity: usize) -> Cache {
        Cache { entries: quick_cache::sync::Cache::new(capacity) }
    }

    pub fn get<A: Root>(&self, id: Uuid) -> Option<Loaded<A>> {
        let (version, state) = self.entries.get(&(A::KIND, id))?;
        Some(Loaded { id, version, state: state.downcast::<A>().ok()? })
    }

    pub fn put_loaded<A: Root>(&self, loaded: &Loaded<A>) {
        self.put_newer(A::KIND, loaded.id, loaded.version, loaded.state.clone());
    }

    pub fn put(&self, next: NextState) {
        self.put_newer(next.kind, next.id, next.version, next.state);
    }

    pub fn forget(&self, kind: Kind, id: Uuid) {
        self.entries.remove(&(kind, id));
    }

    /// Two appends to one stream may finish in either order here; the later state stays.
    fn put_newer(&self, kind: Kind, id: Uuid, version: i64, state: Arc<dyn Any + Send + Sync>) {
        match self.entries.get(&(kind, id)) {
            Some((cached, _)) if cached >= version => {}
            _ => self.entries.insert((kind, id), (version, state)),
        }
    }
}
