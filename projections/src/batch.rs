//! A batch on its way through: what of it is new, and which streams it has to leave out.

use std::collections::{BTreeMap, HashSet};

use aggregates::{Envelope, EventError, envelope::AnyEvent};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{
    error::ApplyError,
    fold::{self, Needs},
    workspace::Workspace,
};

/// A stream that is left out from `position` on, until a rebuild with a release that can read it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parked {
    pub position: i64,
    /// The event that could not be applied.
    pub event: Uuid,
    pub error: String,
}

/// A recorded event with what could be read of it.
pub(crate) struct Read<'a> {
    pub envelope: &'a Envelope,
    event: Result<AnyEvent, EventError>,
}

impl<'a> Read<'a> {
    pub fn new(envelope: &'a Envelope) -> Read<'a> {
        Read { envelope, event: envelope.decode() }
    }

    /// `card/0198…`, as in the envelope's CloudEvents subject.
    fn stream(&self) -> String {
        format!("{}/{}", self.envelope.kind, self.envelope.aggregate_id)
    }
}

/// The events that follow `checkpoint`. Those at or below it were applied before; so were repeats within the batch.
pub(crate) fn follow<'a, 'b>(checkpoint: i64, batch: &'b [Read<'a>]) -> Result<Vec<&'b Read<'a>>, ApplyError> {
    let mut at = checkpoint;
    let mut fresh = Vec::with_capacity(batch.len());
    for read in batch.iter().filter(|read| read.envelope.position > checkpoint) {
        match read.envelope.position - at {
            ..=0 => {}
            1 => {
                at += 1;
                fresh.push(read);
            }
            _ => return Err(ApplyError::Gap { checkpoint, next: read.envelope.position }),
        }
    }
    Ok(fresh)
}

pub(crate) fn needs(batch: &[&Read<'_>], workspace: &mut Workspace) -> Needs {
    let mut needs = Needs::default();
    for read in batch {
        if let Ok(event) = &read.event {
            fold::needs(&mut needs, workspace, read.envelope, event);
        }
    }
    needs
}

/// The streams to leave out.
#[derive(Default)]
pub(crate) struct Outcasts {
    /// Left out since an earlier batch.
    pub before: HashSet<String>,
    /// Left out from some event of this batch on.
    pub now: BTreeMap<String, Parked>,
}

impl Outcasts {
    fn contains(&self, read: &Read<'_>) -> bool {
        // The usual case, and it needs no name.
        if self.before.is_empty() && self.now.is_empty() {
            return false;
        }
        let stream = read.stream();
        let parked_here = self.now.get(&stream).is_some_and(|parked| read.envelope.position >= parked.position);
        parked_here || self.before.contains(&stream)
    }

    fn add(&mut self, read: &Read<'_>, error: String) {
        let Envelope { position, id, .. } = *read.envelope;
        self.now.insert(read.stream(), Parked { position, event: id, error });
    }

    pub fn len(&self) -> usize {
        self.before.len() + self.now.len()
    }
}

/// The workspace holds half an event. Its stream has joined the outcasts: load anew and fold again.
pub(crate) struct Spoiled;

/// Folds the batch but for the outcasts' events; answers how many those were.
pub(crate) fn fold(batch: &[&Read<'_>], outcasts: &mut Outcasts, workspace: &mut Workspace) -> Result<usize, Spoiled> {
    let mut left_out = 0;
    for read in batch {
        if outcasts.contains(read) {
            left_out += 1;
            continue;
        }
        match &read.event {
            Ok(event) => fold::fold(workspace, read.envelope, event).map_err(|e| {
                outcasts.add(read, e.to_string());
                Spoiled
            })?,
            Err(unreadable) => {
                outcasts.add(read, unreadable.to_string());
                left_out += 1;
            }
        }
    }
    Ok(left_out)
}
