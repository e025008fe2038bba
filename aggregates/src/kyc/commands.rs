use chrono::{DateTime, Utc};

use crate::{KycCaseId, Sealed};

use super::DocumentType;

#[derive(Clone, Debug)]
pub enum Command {
    /// Opens a case. Allowed at first and again after a rejection.
    Submit { case_id: KycCaseId, applicant: Sealed, document_type: DocumentType, country: String, now: DateTime<Utc> },
    /// What the provider said of a case. Accepted in any order and any number of times; the first final verdict stands.
    RecordVerdict {
        case_id: KycCaseId,
        provider: String,
        provider_reference: String,
        verdict: Verdict,
        now: DateTime<Utc>,
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    Approved,
    Rejected { reasons: Vec<String> },
    Review,
}
