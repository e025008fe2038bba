use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{BlindIndex, CredentialId, KycCaseId, Sealed, UserId, named::named};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    #[default]
    NotStarted,
    /// Handed in, no word from the provider yet.
    Pending,
    /// A human looks at it.
    InReview,
    Approved,
    /// Another case may be submitted.
    Rejected,
    /// The approval's time is over: another case may be submitted.
    Expired,
}

impl Status {
    pub const fn as_str(self) -> &'static str {
        match self {
            Status::NotStarted => "not_started",
            Status::Pending => "pending",
            Status::InReview => "in_review",
            Status::Approved => "approved",
            Status::Rejected => "rejected",
            Status::Expired => "expired",
        }
    }

    /// Whether the last word on the case was said.
    pub const fn is_final(self) -> bool {
        match self {
            Status::Approved | Status::Rejected | Status::Expired => true,
            Status::NotStarted | Status::Pending | Status::InReview => false,
        }
    }
}

named! {
    /// How thoroughly somebody is verified, and so what they may do.
    pub enum Level {
        /// By personal data alone.
        Basic = "basic",
        /// By documents, a selfie and an address, too.
        Full = "full",
    }
}

impl Level {
    /// What cases from before there were levels are.
    pub(super) fn before_levels() -> Level {
        Level::Basic
    }

    pub(super) fn is_basic(&self) -> bool {
        *self == Level::Basic
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DocumentType {
    Passport,
    NationalId,
    DrivingLicence,
    ResidencePermit,
}

impl DocumentType {
    /// Whether what is on the back matters.
    pub const fn has_back(self) -> bool {
        match self {
            DocumentType::Passport => false,
            DocumentType::NationalId | DocumentType::DrivingLicence | DocumentType::ResidencePermit => true,
        }
    }
}

named! {
    /// What a picture shows.
    pub enum PictureKind {
        Front = "front",
        Back = "back",
        Selfie = "selfie",
    }
}

/// A picture that belongs to a case. The picture itself is in no event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Picture {
    pub document_id: CredentialId,
    pub kind: PictureKind,
    /// Keyed hash (SHA-256) of the picture as it is kept.
    pub digest: BlindIndex,
    pub bytes: u32,
    pub at: DateTime<Utc>,
}

/// A case that is being put together.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    pub case_id: KycCaseId,
    pub level: Level,
    pub opened_at: DateTime<Utc>,
    pub details: Option<Details>,
    pub address: Option<Sealed>,
    /// At most one of each kind.
    pub pictures: Vec<Picture>,
    /// Changes since `counted_from`, those of drafts before this one that were never handed in included.
    pub changes: u32,
    pub counted_from: DateTime<Utc>,
}

/// Who hands in what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Details {
    /// Sealed JSON of the applicant's data, as the flow wrote it.
    pub applicant: Sealed,
    pub document_type: DocumentType,
    /// ISO 3166-1 alpha-2 country that issued the document.
    pub country: String,
}

/// A case that was handed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    pub case_id: KycCaseId,
    pub level: Level,
    pub applicant: Sealed,
    pub document_type: DocumentType,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    pub address: Option<Sealed>,
    pub pictures: Vec<Picture>,
    pub submitted_at: DateTime<Utc>,
    /// Who reviews or has decided; none until the first verdict.
    pub provider: Option<String>,
    pub provider_reference: Option<String>,
    pub decided_at: Option<DateTime<Utc>>,
    /// Why the case was rejected, or is looked at by people, as stable codes.
    pub reasons: Vec<String>,
    /// Whether people alone decide: what the provider says is put down among the reasons.
    pub people_decide: bool,
    /// The operator who has taken the review.
    pub assigned_to: Option<UserId>,
    /// A decision that waits for a second operator.
    pub proposal: Option<Proposal>,
    pub notes: Vec<Note>,
}

/// The reason by which a provider tells of a hit on a watch list.
pub const WATCH_LIST: &str = "watchlist_hit";

/// The reason of a review that began because the provider had decided nothing in time.
pub const OVERDUE: &str = "provider_overdue";

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Proposal {
    pub operator: UserId,
    pub decision: Decision,
}

/// What an operator decides about a case in review.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    Approve,
    /// With stable codes such as `document_unreadable`.
    Reject {
        reasons: Vec<String>,
    },
}

impl Decision {
    /// Whether both say yes, or both no: the reasons of a rejection may differ.
    pub fn agrees_with(&self, other: &Decision) -> bool {
        matches!(
            (self, other),
            (Decision::Approve, Decision::Approve) | (Decision::Reject { .. }, Decision::Reject { .. })
        )
    }
}

/// What an operator has written down.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    pub operator: UserId,
    pub text: Sealed,
    pub at: DateTime<Utc>,
}

/// When a decision takes two operators.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FourEyes {
    Never,
    /// Where a watch list has named the applicant.
    #[default]
    WatchList,
    Always,
}

/// That somebody is verified, and until when.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    pub case_id: KycCaseId,
    pub level: Level,
    pub approved_at: DateTime<Utc>,
    /// None: for ever.
    pub valid_until: Option<DateTime<Utc>>,
    /// The person was told that it ends soon: another case may follow while this approval counts.
    pub expires_soon: bool,
}

impl Approval {
    /// Whether its time is not over.
    pub fn holds(&self, now: DateTime<Utc>) -> bool {
        self.valid_until.is_none_or(|end| now < end)
    }
}
