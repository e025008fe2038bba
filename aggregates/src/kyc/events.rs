use chrono::{DateTime, Utc};
use cqrs_es::DomainEvent;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Fact, Kind, KycCaseId, Sealed};

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Event {
    /// The person handed in their data; the provider is asked next, with the case id as idempotency key.
    Submitted {
        case_id: KycCaseId,
        /// Sealed JSON of the applicant's data, as the flow wrote it.
        applicant: Sealed,
        document_type: DocumentType,
        /// ISO 3166-1 alpha-2 country that issued the document.
        country: String,
        at: DateTime<Utc>,
    },
    /// The provider wants a human to look. Stays open until approved or rejected.
    ReviewStarted {
        case_id: KycCaseId,
        provider: String,
        provider_reference: String,
        at: DateTime<Utc>,
    },
    Approved {
        case_id: KycCaseId,
        provider: String,
        provider_reference: String,
        at: DateTime<Utc>,
    },
    Rejected {
        case_id: KycCaseId,
        provider: String,
        provider_reference: String,
        /// Stable codes such as `document_unreadable`.
        reasons: Vec<String>,
        at: DateTime<Utc>,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DocumentType {
    Passport,
    NationalId,
    DrivingLicence,
    ResidencePermit,
}

impl Fact for Event {
    const KIND: Kind = Kind::Kyc;

    fn name(&self) -> &'static str {
        match self {
            Event::Submitted { .. } => "submitted",
            Event::ReviewStarted { .. } => "review_started",
            Event::Approved { .. } => "approved",
            Event::Rejected { .. } => "rejected",
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
