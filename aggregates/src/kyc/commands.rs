use chrono::{DateTime, TimeDelta, Utc};

use crate::{KycCaseId, Sealed, UserId};

use super::{Decision, Details, DocumentType, FourEyes, Level, Picture};

#[derive(Clone, Debug)]
pub enum Command {
    /// Begins to put a case together, in place of an earlier draft; allowed while no case is open and attempts are left.
    OpenDraft {
        case_id: KycCaseId,
        level: Level,
        attempts: u32,
        most_changes: u32,
        now: DateTime<Utc>,
    },
    /// Who hands in what; what was said before is replaced.
    GiveDetails {
        case_id: KycCaseId,
        details: Details,
        most_changes: u32,
        now: DateTime<Utc>,
    },
    GiveAddress {
        case_id: KycCaseId,
        address: Sealed,
        most_changes: u32,
        now: DateTime<Utc>,
    },
    /// Adds a picture; one of the same kind is replaced.
    AddPicture {
        case_id: KycCaseId,
        picture: Picture,
        most_changes: u32,
    },
    /// Hands the draft in, where all is there that its level demands.
    SubmitDraft {
        case_id: KycCaseId,
        now: DateTime<Utc>,
    },
    /// Opens a case of level `basic` and hands it in at once. Allowed at first, after a rejection while `attempts` are
    /// left, and once an approval has expired. A draft that is there stays.
    Submit {
        case_id: KycCaseId,
        applicant: Sealed,
        document_type: DocumentType,
        country: String,
        attempts: u32,
        now: DateTime<Utc>,
    },
    /// What the provider said of a case. Accepted in any order and any number of times; the first final verdict stands.
    RecordVerdict {
        case_id: KycCaseId,
        provider: String,
        provider_reference: String,
        verdict: Verdict,
        /// When operators have to be two: then a provider that has left a case to them does not approve it after all.
        four_eyes: FourEyes,
        /// Until when an approval holds; none: for ever.
        valid_until: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    },
    /// The provider has said nothing final of a case for as long as `patience`: people decide.
    Overdue {
        case_id: KycCaseId,
        provider: String,
        provider_reference: String,
        patience: TimeDelta,
        now: DateTime<Utc>,
    },
    /// The provider says that a watch list names the person: operators look, and an approval rests until they have
    /// decided. Nothing, where all of it is known, or was cleared.
    RecordHit {
        provider: String,
        /// What told of it: runs, or what monitoring has found.
        provider_references: Vec<String>,
        now: DateTime<Utc>,
    },
    /// An operator does something about a case of somebody else, or looks at it; in review, and then only.
    Review {
        case_id: KycCaseId,
        /// Whose case it is.
        person: UserId,
        operator: UserId,
        step: ReviewStep,
        now: DateTime<Utc>,
    },
    /// The person is about to go by other names than those that were verified. Refused while a case goes by them, or a
    /// draft with details; an approval ends.
    LeaveNames {
        now: DateTime<Utc>,
    },
    /// Tells the person, once, that the approval ends within `notice`.
    AnnounceExpiry {
        notice: TimeDelta,
        now: DateTime<Utc>,
    },
    /// The approval's time is over.
    Expire {
        now: DateTime<Utc>,
    },
}

/// What operators do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ReviewStep {
    /// Takes the review, from whoever has it.
    Assign,
    Note {
        text: Sealed,
    },
    /// Looks at the case and the applicant's personal data.
    Read,
    /// Looks at a picture, which belongs to the case.
    View {
        document_id: crate::CredentialId,
    },
    Decide {
        decision: Decision,
        four_eyes: FourEyes,
        /// Until when an approval holds; none: for ever.
        valid_until: Option<DateTime<Utc>>,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Approved,
    Rejected {
        reasons: Vec<String>,
    },
    /// People have to look, for these reasons.
    Review {
        reasons: Vec<String>,
    },
    /// What the provider said is not about this case, or lacks what it takes: people decide, for this reason, whatever
    /// it says later.
    Unusable {
        reason: String,
    },
}
