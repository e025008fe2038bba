use chrono::{DateTime, Utc};
use cqrs_es::DomainEvent;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{BlindIndex, CredentialId, Fact, Kind, KycCaseId, Sealed, UserId};

use super::{Decision, DocumentType, Level, PictureKind};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Event {
    /// The person began to put a case together.
    DraftOpened { case_id: KycCaseId, level: Level, at: DateTime<Utc> },
    DetailsGiven {
        case_id: KycCaseId,
        /// Sealed JSON of the applicant's data, as the flow wrote it.
        applicant: Sealed,
        document_type: DocumentType,
        /// ISO 3166-1 alpha-2 country that issued the document.
        country: String,
        at: DateTime<Utc>,
    },
    AddressGiven {
        case_id: KycCaseId,
        /// Sealed JSON, as the flow wrote it.
        address: Sealed,
        at: DateTime<Utc>,
    },
    /// A picture was uploaded; one of the same kind was replaced. The picture itself is kept elsewhere, sealed.
    DocumentAdded {
        case_id: KycCaseId,
        document_id: CredentialId,
        kind: PictureKind,
        /// Keyed hash (HMAC-SHA256, hex) of the picture as it is kept.
        digest: BlindIndex,
        bytes: u32,
        at: DateTime<Utc>,
    },
    /// The person handed in their data; the provider is asked next, with the case id as idempotency key.
    Submitted {
        case_id: KycCaseId,
        /// Sealed JSON of the applicant's data, as the flow wrote it.
        applicant: Sealed,
        document_type: DocumentType,
        /// ISO 3166-1 alpha-2 country that issued the document.
        country: String,
        #[serde(default = "Level::before_levels", skip_serializing_if = "Level::is_basic")]
        level: Level,
        at: DateTime<Utc>,
    },
    /// A human has to look. Stays open until approved or rejected.
    ReviewStarted {
        case_id: KycCaseId,
        provider: String,
        provider_reference: String,
        /// Why, as stable codes such as `watchlist_hit`.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        reasons: Vec<String>,
        /// Whether people alone decide: the provider was too late, or spoke of something else.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        people_decide: bool,
        at: DateTime<Utc>,
    },
    /// A watch list names the person. What they were approved for rests, and operators look, whatever the latest case,
    /// of which this is put down, has come to.
    WatchListNamed {
        case_id: KycCaseId,
        provider: String,
        /// What told of it: a run, or a match that monitoring has found.
        provider_reference: String,
        at: DateTime<Utc>,
    },
    /// Operators have said that what the lists name is somebody else. The approval counts again, and the latest case
    /// stands as it stood apart from this.
    WatchListCleared {
        case_id: KycCaseId,
        /// All that was named.
        provider_references: Vec<String>,
        decided_by: Vec<UserId>,
        at: DateTime<Utc>,
    },
    /// An operator has taken the review.
    Assigned { case_id: KycCaseId, operator: UserId, at: DateTime<Utc> },
    Noted {
        case_id: KycCaseId,
        operator: UserId,
        /// Sealed under the applicant's key.
        note: Sealed,
        at: DateTime<Utc>,
    },
    /// An operator looked at a picture.
    DocumentViewed { case_id: KycCaseId, document_id: CredentialId, operator: UserId, at: DateTime<Utc> },
    /// An operator looked at the case, with the applicant's personal data.
    CaseViewed { case_id: KycCaseId, operator: UserId, at: DateTime<Utc> },
    /// The first of two operators has decided. A contrary proposal takes the place of an earlier one.
    DecisionProposed { case_id: KycCaseId, operator: UserId, decision: Decision, at: DateTime<Utc> },
    Approved {
        case_id: KycCaseId,
        provider: String,
        provider_reference: String,
        /// The operators who have decided; nobody: the provider has.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        decided_by: Vec<UserId>,
        /// Until when it holds; absent: for ever.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        valid_until: Option<DateTime<Utc>>,
        at: DateTime<Utc>,
    },
    Rejected {
        case_id: KycCaseId,
        provider: String,
        provider_reference: String,
        /// Stable codes such as `document_unreadable`.
        reasons: Vec<String>,
        /// The operators who have decided; nobody: the provider has.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        decided_by: Vec<UserId>,
        at: DateTime<Utc>,
    },
    /// The approval ends soon, and the person is told. Another case may follow from now on.
    ExpiryAnnounced { case_id: KycCaseId, valid_until: DateTime<Utc>, at: DateTime<Utc> },
    /// The approval's time is over, or the person goes by another name than the one that was verified. What the
    /// person has stays; for more they have to be verified again.
    Expired { case_id: KycCaseId, at: DateTime<Utc> },
}

impl Fact for Event {
    const KIND: Kind = Kind::Kyc;

    fn name(&self) -> &'static str {
        match self {
            Event::DraftOpened { .. } => "draft_opened",
            Event::DetailsGiven { .. } => "details_given",
            Event::AddressGiven { .. } => "address_given",
            Event::DocumentAdded { .. } => "document_added",
            Event::Submitted { .. } => "submitted",
            Event::ReviewStarted { .. } => "review_started",
            Event::WatchListNamed { .. } => "watch_list_named",
            Event::WatchListCleared { .. } => "watch_list_cleared",
            Event::Assigned { .. } => "assigned",
            Event::Noted { .. } => "noted",
            Event::DocumentViewed { .. } => "document_viewed",
            Event::CaseViewed { .. } => "case_viewed",
            Event::DecisionProposed { .. } => "decision_proposed",
            Event::Approved { .. } => "approved",
            Event::Rejected { .. } => "rejected",
            Event::ExpiryAnnounced { .. } => "expiry_announced",
            Event::Expired { .. } => "expired",
        }
    }
}

impl DomainEvent for Event {
    fn event_type(&self) -> String {
        self.name().into()
    }

    fn event_version(&self) -> String {
        self.version().to_string()
    }
}
