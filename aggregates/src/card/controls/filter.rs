use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{LONGEST_LIST, not_valid};
use crate::card::Error;

/// What is allowed and what is blocked. Where nothing is allowed by name, everything is but what is blocked; where
/// something is, what is not known is refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Filter<T> {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub allow: Vec<T>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub block: Vec<T>,
}

impl<T> Default for Filter<T> {
    fn default() -> Filter<T> {
        Filter { allow: vec![], block: vec![] }
    }
}

impl<T: Ord> Filter<T> {
    pub(super) fn normalize(&mut self) {
        for list in [&mut self.allow, &mut self.block] {
            list.sort();
            list.dedup();
        }
    }
}

impl<T: PartialEq> Filter<T> {
    pub fn is_open(&self) -> bool {
        self.allow.is_empty() && self.block.is_empty()
    }

    pub(super) fn check(&self, field: &'static str) -> Result<(), Error> {
        match self.allow.len().max(self.block.len()) {
            0..=LONGEST_LIST => Ok(()),
            _ => Err(not_valid(field, format!("has at most {LONGEST_LIST} entries in a list"))),
        }
    }

    pub(super) fn allows(&self, what: Option<&T>) -> bool {
        match what {
            Some(known) => (self.allow.is_empty() || self.allow.contains(known)) && !self.block.contains(known),
            None => self.allow.is_empty(),
        }
    }

    /// Whether `next` lets anything through that this does not.
    pub(super) fn is_loosened_by(&self, next: &Filter<T>) -> bool {
        let still_blocked =
            |entry: &T| next.block.contains(entry) || (!next.allow.is_empty() && !next.allow.contains(entry));
        let allowed = !self.allow.is_empty()
            && (next.allow.is_empty()
                || next.allow.iter().any(|entry| !self.allows(Some(entry)) && !next.block.contains(entry)));
        allowed || !self.block.iter().all(still_blocked)
    }
}

impl Filter<String> {
    /// The entries are in lower case.
    pub(super) fn allows_name(&self, name: &str) -> bool {
        let is = |entry: &String| name.trim().chars().flat_map(char::to_lowercase).eq(entry.chars());
        (self.allow.is_empty() || self.allow.iter().any(is)) && !self.block.iter().any(is)
    }
}
