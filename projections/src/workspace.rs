//! What one batch has loaded and changed, before anything is written.

use std::{any::Any, collections::HashMap};

use aggregates::MoneyError;
use serde::{Serialize, de::DeserializeOwned};
use uuid::Uuid;

use crate::{index::Index, keys::Key};

/// A read model's document: one JSON value under `<room>:<id>`, always written whole.
pub(crate) trait Document: Serialize + DeserializeOwned + Send + Sync + 'static {
    const ROOM: &'static str;

    fn key(id: impl Into<Uuid>) -> Key {
        Key::new(Self::ROOM, id)
    }
}

/// Why an event could not be folded. Its stream is parked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FoldError {
    #[error("there is no {0}")]
    Absent(Key),
    #[error("{0} was not loaded")]
    NotLoaded(Key),
    #[error("{key} cannot be read: {reason}")]
    Unreadable { key: Key, reason: String },
    #[error(transparent)]
    Money(#[from] MoneyError),
}

/// The documents and indexes of a batch. Folding works on these alone.
#[derive(Default)]
pub(crate) struct Workspace {
    slots: HashMap<Key, Slot>,
    indexes: HashMap<Key, Index>,
    lists: HashMap<Key, List>,
}

enum Slot {
    Absent,
    /// As loaded; most documents are read once, some never.
    Stored(Vec<u8>),
    Read {
        document: Box<dyn AnyDocument>,
        changed: bool,
    },
    Removed,
}

impl Slot {
    fn new(document: impl Document, changed: bool) -> Slot {
        Slot::Read { document: Box::new(document), changed }
    }
}

/// New entries of a list, oldest first, and how many it keeps.
pub(crate) struct List {
    pub bound: usize,
    pub added: Vec<Vec<u8>>,
}

trait AnyDocument: Any + Send {
    fn to_json(&self) -> Vec<u8>;
}

impl<D: Document> AnyDocument for D {
    fn to_json(&self) -> Vec<u8> {
        to_json(self)
    }
}

fn to_json(value: &impl Serialize) -> Vec<u8> {
    // Room for the usual document, so that writing it does not move it several times.
    let mut bytes = Vec::with_capacity(640);
    serde_json::to_writer(&mut bytes, value).expect("documents have string keys and no failing serialisers");
    bytes
}

impl Workspace {
    pub fn knows(&self, key: &Key) -> bool {
        self.slots.contains_key(key)
    }

    pub fn load(&mut self, key: Key, stored: Option<Vec<u8>>) {
        self.slots.insert(key, stored.map_or(Slot::Absent, Slot::Stored));
    }

    pub fn load_index(&mut self, key: Key, index: Index) {
        self.indexes.insert(key, index);
    }

    pub fn get<D: Document>(&mut self, id: impl Into<Uuid>) -> Result<Option<&D>, FoldError> {
        Ok(match self.read::<D>(D::key(id))? {
            Slot::Read { document, .. } => (&**document as &dyn Any).downcast_ref(),
            Slot::Absent | Slot::Removed | Slot::Stored(_) => None,
        })
    }

    /// The document, to be changed and written.
    pub fn edit<D: Document>(&mut self, id: impl Into<Uuid>) -> Result<Option<&mut D>, FoldError> {
        Ok(match self.read::<D>(D::key(id))? {
            Slot::Read { document, changed } => {
                *changed = true;
                (&mut **document as &mut dyn Any).downcast_mut()
            }
            Slot::Absent | Slot::Removed | Slot::Stored(_) => None,
        })
    }

    /// The document of something that must be there: an event created it.
    pub fn edit_known<D: Document>(&mut self, id: impl Into<Uuid>) -> Result<&mut D, FoldError> {
        let key = D::key(id);
        self.edit(key.id)?.ok_or(FoldError::Absent(key))
    }

    pub fn edit_or_default<D: Document + Default>(&mut self, id: impl Into<Uuid>) -> Result<&mut D, FoldError> {
        let key = D::key(id);
        let slot = self.read::<D>(key)?;
        if matches!(slot, Slot::Absent) {
            *slot = Slot::new(D::default(), true);
        }
        self.edit_known(key.id)
    }

    pub fn put<D: Document>(&mut self, id: impl Into<Uuid>, document: D) {
        self.slots.insert(D::key(id), Slot::new(document, true));
    }

    pub fn remove<D: Document>(&mut self, id: impl Into<Uuid>) {
        self.slots.insert(D::key(id), Slot::Removed);
    }

    /// Adds a member to a bounded index; answers with the oldest one if that had to make room.
    pub fn push_index(&mut self, key: Key, position: i64, member: Uuid) -> Result<Option<Uuid>, FoldError> {
        let index = self.indexes.get_mut(&key).ok_or(FoldError::NotLoaded(key))?;
        Ok(index.push(position, member))
    }

    /// Adds an entry to a list that keeps its newest `bound`.
    pub fn push_list<T: Serialize>(&mut self, key: Key, bound: usize, entry: &T) {
        let list = self.lists.entry(key).or_insert_with(|| List { bound, added: Vec::new() });
        list.added.push(to_json(entry));
    }

    /// Parses the document if that was not done yet.
    fn read<D: Document>(&mut self, key: Key) -> Result<&mut Slot, FoldError> {
        let slot = self.slots.get_mut(&key).ok_or(FoldError::NotLoaded(key))?;
        if let Slot::Stored(bytes) = slot {
            let parsed: Result<D, _> = serde_json::from_slice(bytes);
            let document = parsed.map_err(|e| FoldError::Unreadable { key, reason: e.to_string() })?;
            *slot = Slot::new(document, false);
        }
        Ok(slot)
    }

    pub fn into_changes(self) -> Changes {
        let mut changes = Changes { lists: self.lists, ..Changes::default() };
        for (key, slot) in self.slots {
            match slot {
                Slot::Read { document, changed: true } => changes.written.push((key, document.to_json())),
                Slot::Removed => changes.removed.push(key),
                Slot::Absent | Slot::Stored(_) | Slot::Read { changed: false, .. } => {}
            }
        }
        changes.indexes = self.indexes.into_iter().filter(|(_, index)| index.has_changed()).collect();
        changes
    }
}

/// What a batch writes: each document once, however often it changed.
#[derive(Default)]
pub(crate) struct Changes {
    pub written: Vec<(Key, Vec<u8>)>,
    pub removed: Vec<Key>,
    pub indexes: HashMap<Key, Index>,
    pub lists: HashMap<Key, List>,
}
