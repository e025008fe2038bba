//! From events to documents, purely: which documents an event needs, and what it makes of them.

use std::collections::{HashMap, HashSet};

use aggregates::{Envelope, envelope::AnyEvent};

use crate::{
    cards, fraud_state,
    keys::Key,
    notifications, profile, transactions,
    workspace::{FoldError, Workspace},
};

/// What has to be loaded before a batch can be folded.
#[derive(Default)]
pub(crate) struct Needs {
    documents: HashSet<Key>,
    created: HashSet<Key>,
    /// Bounded indexes: their bound, and how many members the batch may add.
    indexes: HashMap<Key, (usize, usize)>,
}

impl Needs {
    pub fn load(&mut self, key: Key) {
        self.documents.insert(key);
    }

    /// The document comes to be with this event: there is nothing to load.
    pub fn create(&mut self, key: Key) {
        self.created.insert(key);
    }

    pub fn push_index(&mut self, key: Key, bound: usize) {
        self.indexes.entry(key).or_insert((bound, 0)).1 += 1;
    }

    pub fn created(&self) -> impl Iterator<Item = Key> {
        self.created.iter().copied()
    }

    /// The documents that `workspace` does not know yet.
    pub fn missing(&self, workspace: &Workspace) -> Vec<Key> {
        self.documents.iter().filter(|key| !self.created.contains(key) && !workspace.knows(key)).copied().collect()
    }

    /// Indexes as (key, bound, pushes).
    pub fn indexes(&self) -> Vec<(Key, usize, usize)> {
        self.indexes.iter().map(|(key, (bound, pushes))| (*key, *bound, *pushes)).collect()
    }
}

/// Adds what `event` needs, as far as the documents loaded so far can tell. A document may name others (a payment
/// its owner), so this is asked again until nothing is missing.
pub(crate) fn needs(needs: &mut Needs, workspace: &mut Workspace, envelope: &Envelope, event: &AnyEvent) {
    profile::needs(needs, envelope, event);
    cards::needs(needs, envelope, event);
    transactions::needs(needs, envelope, event);
    fraud_state::needs(needs, workspace, envelope, event);
}

/// Folds one event into every read model. After an error the workspace is worthless: half of the event may be in it.
pub(crate) fn fold(workspace: &mut Workspace, envelope: &Envelope, event: &AnyEvent) -> Result<(), FoldError> {
    profile::fold(workspace, envelope, event)?;
    cards::fold(workspace, envelope, event)?;
    // Reads the payment as it was before this event.
    fraud_state::fold(workspace, envelope, event)?;
    transactions::fold(workspace, envelope, event)?;
    // Reads it as `transactions` left it.
    notifications::fold(workspace, envelope, event)
}
