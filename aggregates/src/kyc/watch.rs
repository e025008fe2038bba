//! What watch lists say of the person.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use super::{Event, Kyc, WATCH_LIST};
use crate::UserId;

/// Names of hits that are put down before operators have decided. Those beyond are not: they are hits again once the
/// others are cleared.
const MOST_NAMED: usize = 32;

/// Names of cleared hits that are remembered. The oldest is forgotten beyond, and is looked at again if it comes back.
const MOST_CLEARED: usize = 128;

/// That a watch list names the person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listing {
    pub provider: String,
    /// By what names the provider told of it: of runs, or of what monitoring has found.
    pub references: Vec<String>,
    /// Whether operators have not decided yet. After their rejection it stays, and people decide about later cases.
    pub is_open: bool,
}

impl Kyc {
    /// Whether a watch list names the person and operators have not said that it is somebody else.
    pub fn is_on_watch_list(&self) -> bool {
        self.listing.is_some()
    }

    /// What operators have to look at, or have confirmed.
    pub fn listing(&self) -> Option<&Listing> {
        self.listing.as_ref()
    }

    /// Whether operators have cleared the hit that the provider tells of by this name: it is no news.
    pub fn has_cleared(&self, provider_reference: &str) -> bool {
        self.cleared.iter().any(|cleared| cleared == provider_reference)
    }

    /// Whether a hit waits for operators.
    pub(super) fn has_open_hit(&self) -> bool {
        self.listing.as_ref().is_some_and(|listing| listing.is_open)
    }

    /// Records the hits that are news.
    pub(super) fn hit(&self, provider: &str, references: &[String], at: DateTime<Utc>) -> Vec<Event> {
        let Some(case) = &self.case else { return vec![] };
        let known = self.listing.as_ref().map(|listing| listing.references.as_slice()).unwrap_or_default();
        let is_news = |reference: &&String| !known.contains(reference) && !self.has_cleared(reference);
        let named = |reference: &String| Event::WatchListNamed {
            case_id: case.case_id,
            provider: provider.to_owned(),
            provider_reference: reference.clone(),
            at,
        };
        let mut news: Vec<&String> = references.iter().filter(is_news).collect();
        news.sort_unstable();
        news.dedup();
        news.into_iter().take(MOST_NAMED.saturating_sub(known.len())).map(named).collect()
    }

    /// Operators say that what the lists name is somebody else.
    pub(super) fn clearing(&self, decided_by: &[UserId], at: DateTime<Utc>) -> Option<Event> {
        let (case, listing) = (self.case.as_ref()?, self.listing.as_ref()?);
        let (case_id, decided_by) = (case.case_id, decided_by.to_vec());
        Some(Event::WatchListCleared { case_id, provider_references: listing.references.clone(), decided_by, at })
    }

    /// A list names the person, and operators have to look.
    pub(super) fn name(&mut self, provider: &str, reference: &str) {
        let new = || Listing { provider: provider.to_owned(), references: vec![], is_open: true };
        let listing = self.listing.get_or_insert_with(new);
        listing.is_open = true;
        if !listing.references.iter().any(|known| known == reference) {
            listing.references.push(reference.to_owned());
        }
        // Whoever has proposed a decision did not know of this.
        self.in_case(|case| case.proposal = None);
    }

    pub(super) fn clear(&mut self, references: &[String]) {
        self.listing = None;
        self.cleared.retain(|known| !references.contains(known));
        self.cleared.extend_from_slice(references);
        let beyond = self.cleared.len().saturating_sub(MOST_CLEARED);
        self.cleared.drain(..beyond);
        self.in_case(|case| case.proposal = None);
    }

    /// Operators have rejected the person: nothing waits for them, and the lists go on naming the person.
    pub(super) fn confirm_hits(&mut self) {
        if let Some(listing) = &mut self.listing {
            listing.is_open = false;
        }
    }
}

/// Whether the reasons tell of a hit.
pub(super) fn tell_of_hit(reasons: &[String]) -> bool {
    reasons.iter().any(|reason| reason == WATCH_LIST)
}
