//! Knowing the customer: a person's cases at a verification provider, one open at a time.
//!
//! A case is put together as a draft and handed in. The provider decides, or leaves it to operators. What somebody may
//! do hangs on the approval in force, which outlives a later case that is open, or that the provider rejects; an
//! operator's rejection ends it, and so does time.

mod apply;
mod commands;
mod decide;
mod errors;
mod events;
mod review;
#[cfg(test)]
mod tests;
mod types;
mod verdict;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{Kind, aggregate::aggregate};

pub use commands::{Command, ReviewStep, Verdict};
pub use errors::Error;
pub use events::Event;
pub use types::{
    Approval, Case, Decision, Details, DocumentType, Draft, FourEyes, Level, Note, OVERDUE, Picture, PictureKind,
    Proposal, Status, WATCH_LIST,
};

/// A person's verification as the log tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kyc {
    status: Status,
    case: Option<Case>,
    draft: Option<Draft>,
    approval: Option<Approval>,
    /// Cases that were rejected since the last approval.
    rejections: u32,
    /// Whether a watch list has named the person, in whatever case. Operators alone can say that it is somebody else.
    watch_listed: bool,
}

aggregate!(Kyc, Kind::Kyc, snapshot_version = 4);

impl Kyc {
    /// Where the latest case stands that was handed in.
    pub fn status(&self) -> Status {
        self.status
    }

    /// The latest case that was handed in; earlier ones are in the log only.
    pub fn case(&self) -> Option<&Case> {
        self.case.as_ref()
    }

    /// What is being put together.
    pub fn draft(&self) -> Option<&Draft> {
        self.draft.as_ref()
    }

    /// What somebody is verified for at a moment, whatever becomes of later cases. It rests while a watch list names
    /// them and people have not looked.
    pub fn approval(&self, now: DateTime<Utc>) -> Option<&Approval> {
        self.approval.as_ref().filter(|approval| !self.watch_listed && approval.holds(now))
    }

    /// The approval whose time is over without that being recorded yet.
    pub fn is_expired(&self, now: DateTime<Utc>) -> bool {
        self.approval.as_ref().is_some_and(|approval| !approval.holds(now))
    }

    /// Whether a watch list has named the person since operators approved of them last: then people alone decide.
    pub fn is_on_watch_list(&self) -> bool {
        self.watch_listed
    }

    /// Whether people have approved the latest case on this check: a hit that it tells of is no news.
    pub fn has_cleared(&self, provider_reference: &str) -> bool {
        self.case.as_ref().is_some_and(|case| case.cleared.as_deref() == Some(provider_reference))
    }

    /// Cases that were rejected since the last approval.
    pub fn rejections(&self) -> u32 {
        self.rejections
    }
}
