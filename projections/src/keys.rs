use std::{fmt, str::FromStr};

use uuid::Uuid;

/// The shape of the documents and indexes. Raised with every change of what the same events fold into, so that a
/// new release builds its own generation and no release reads documents that it does not understand.
const SHAPE: u32 = 5;

/// One complete set of read models, built from position 1 on. Readers see exactly one at a time, the live one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Generation {
    shape: u32,
    /// Milliseconds since 1970 at its start. Not a counter: a counter kept in Redis would start again, and hand
    /// out the same number twice, once Redis was emptied.
    started: u64,
}

impl Generation {
    pub(crate) fn starting(now: chrono::DateTime<chrono::Utc>) -> Generation {
        Generation { shape: SHAPE, started: now.timestamp_millis().unsigned_abs() }
    }

    /// The next one, for when this one is taken.
    pub(crate) fn next(self) -> Generation {
        Generation { started: self.started + 1, ..self }
    }

    pub(crate) fn is_readable(self) -> bool {
        self.shape == SHAPE
    }

    /// Whether a newer release of this program wrote it.
    pub(crate) fn is_from_the_future(self) -> bool {
        self.shape > SHAPE
    }
}

impl fmt::Display for Generation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.shape, self.started)
    }
}

#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not a generation")]
pub struct NotAGeneration(String);

impl FromStr for Generation {
    type Err = NotAGeneration;

    fn from_str(text: &str) -> Result<Self, NotAGeneration> {
        let parse = || {
            let (shape, started) = text.split_once('-')?;
            Some(Generation { shape: shape.parse().ok()?, started: started.parse().ok()? })
        };
        parse().ok_or_else(|| NotAGeneration(text.chars().take(40).collect()))
    }
}

/// The name of a document, an index or a list within a generation: its room, such as `card`, and whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Key {
    pub room: &'static str,
    pub id: Uuid,
}

impl Key {
    pub fn new(room: &'static str, id: impl Into<Uuid>) -> Key {
        Key { room, id: id.into() }
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.room, self.id)
    }
}

/// The Redis keys of one namespace. The namespace is a hash tag, so that all of them share a cluster slot.
#[derive(Clone, Debug)]
pub(crate) struct Keys {
    namespace: String,
}

impl Keys {
    pub fn new(namespace: &str) -> Keys {
        Keys { namespace: format!("{{{namespace}}}:") }
    }

    /// The pointer to the live generation.
    pub fn live(&self) -> String {
        format!("{}live", self.namespace)
    }

    /// The set of all generations that may have keys.
    pub fn generations(&self) -> String {
        format!("{}generations", self.namespace)
    }

    pub fn checkpoint(&self, generation: Generation) -> String {
        format!("{}{generation}:checkpoint", self.namespace)
    }

    /// The hash of parked streams.
    pub fn parked(&self, generation: Generation) -> String {
        format!("{}{generation}:parked", self.namespace)
    }

    pub fn key(&self, generation: Generation, key: Key) -> String {
        format!("{}{generation}:{key}", self.namespace)
    }

    /// What all keys of one generation, or of the namespace, start with.
    pub fn prefix(&self, generation: Option<Generation>) -> String {
        match generation {
            Some(generation) => format!("{}{generation}:", self.namespace),
            None => self.namespace.clone(),
        }
    }

    /// The generation that a key of this namespace belongs to.
    pub fn generation_of(&self, key: &str) -> Option<Generation> {
        key.strip_prefix(&self.namespace)?.split_once(':')?.0.parse().ok()
    }
}
