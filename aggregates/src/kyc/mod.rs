//! Knowing the customer: a person's cases at a verification provider, one open at a time.
//!
//! A case is put together as a draft and handed in. The provider decides, or leaves it to operators. What somebody may
//! do hangs on the approval in force, which outlives a later case that is open, or that the provider rejects; an
//! operator's rejection ends it, and so does time.
//!
//! That a watch list names somebody is a fact of the person, beside the latest case: while operators have not decided
//! about it the approval rests and the case is in review, whatever became of it; the case itself stays as it is.

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
mod watch;

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
pub use watch::Listing;

/// A person's verification as the log tells it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kyc {
    /// Where the latest case stands apart from watch lists.
    status: Status,
    case: Option<Case>,
    draft: Option<Draft>,
    approval: Option<Approval>,
    /// Cases that were rejected since the last approval.
    rejections: u32,
    /// That a watch list names the person. Operators alone can say that it is somebody else.
    listing: Option<Listing>,
    /// By what names the provider told of hits that operators have cleared, the latest last.
    cleared: Vec<String>,
}

aggregate!(Kyc, Kind::Kyc, snapshot_version = 5);

impl Kyc {
    /// Where the person stands: as the latest case that was handed in, or in review while operators have not decided
    /// about a watch list's hit.
    pub fn status(&self) -> Status {
        if self.has_open_hit() { Status::InReview } else { self.status }
    }

    /// Where the latest case stands apart from watch lists; so it is again once operators have cleared a hit.
    pub fn case_status(&self) -> Status {
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
    /// them and people have not said that it is somebody else.
    pub fn approval(&self, now: DateTime<Utc>) -> Option<&Approval> {
        self.approval.as_ref().filter(|approval| self.listing.is_none() && approval.holds(now))
    }

    /// The approval of this case, also where it rests or its time is over.
    pub fn approval_of(&self, case_id: crate::KycCaseId) -> Option<&Approval> {
        self.approval.as_ref().filter(|approval| approval.case_id == case_id)
    }

    /// The approval whose time is over without that being recorded yet.
    pub fn is_expired(&self, now: DateTime<Utc>) -> bool {
        self.approval.as_ref().is_some_and(|approval| !approval.holds(now))
    }

    /// Cases that were rejected since the last approval.
    pub fn rejections(&self) -> u32 {
        self.rejections
    }
}
