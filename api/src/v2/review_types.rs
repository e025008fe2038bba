//! How operators see cases.

use aggregates::kyc;
use chrono::{DateTime, NaiveDate, Utc};
use flows::identity;
use poem_openapi::{Enum, Object, types::Example};
use serde::{Deserialize, Serialize};
use store::tables::WaitingCase;
use uuid::Uuid;

use super::{
    kyc_types::{Document, DocumentType, Level},
    me::KycStatus,
};

#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
#[oai(rename = "NewReviewNote", deny_unknown_fields, example)]
pub struct NewNote {
    #[oai(validator(min_length = 1, max_length = 2000))]
    pub text: String,
}

#[derive(Clone, Copy, Enum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case", rename = "ReviewVerdict")]
enum Verdict {
    Approve,
    Reject,
}

#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
#[oai(rename = "ReviewDecision", deny_unknown_fields, example)]
pub struct Decision {
    verdict: Verdict,
    /// Why it is rejected, as stable codes that the applicant is told, such as `document_unreadable`.
    #[serde(default)]
    #[oai(default, validator(max_items = 16))]
    reasons: Vec<String>,
}

#[derive(Object, Serialize)]
#[oai(rename = "ReviewPage", skip_serializing_if_is_none)]
pub struct ReviewPage {
    reviews: Vec<WaitingReview>,
    /// Where the next page begins; absent on the last one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

#[derive(Object, Serialize)]
#[oai(skip_serializing_if_is_none)]
struct WaitingReview {
    case_id: Uuid,
    user_id: Uuid,
    level: Level,
    country: String,
    /// Why people have to look, as stable codes; `watchlist_hit` is for people alone.
    reasons: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    assigned_to: Option<Uuid>,
    submitted_at: DateTime<Utc>,
}

#[derive(Object, Serialize)]
#[oai(skip_serializing_if_is_none)]
pub struct Review {
    case_id: Uuid,
    user_id: Uuid,
    status: KycStatus,
    level: Level,
    applicant: ReviewedApplicant,
    documents: Vec<Document>,
    reasons: Vec<String>,
    /// Where a watch list names the applicant: the runs and matches that tell of it, as the provider calls them. To
    /// approve is to say that it is somebody else: then the case stands as it did, and is approved only where it is in
    /// review of its own.
    watch_list_hits: Vec<String>,
    submitted_at: DateTime<Utc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    provider: Option<String>,
    /// What the provider calls the case.
    #[serde(skip_serializing_if = "Option::is_none")]
    provider_reference: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    assigned_to: Option<Uuid>,
    /// A decision that waits for a second operator.
    #[serde(skip_serializing_if = "Option::is_none")]
    proposal: Option<ReviewProposal>,
    notes: Vec<ReviewNote>,
}

#[derive(Object, Serialize)]
#[oai(skip_serializing_if_is_none)]
struct ReviewedApplicant {
    first_name: String,
    last_name: String,
    date_of_birth: NaiveDate,
    document_type: DocumentType,
    document_number: String,
    country: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<String>,
}

#[derive(Object, Serialize)]
struct ReviewProposal {
    operator: Uuid,
    verdict: Verdict,
}

#[derive(Object, Serialize)]
struct ReviewNote {
    operator: Uuid,
    text: String,
    at: DateTime<Utc>,
}

impl ReviewPage {
    pub fn of(waiting: Vec<WaitingCase>, size: usize) -> ReviewPage {
        let last = waiting.last().filter(|_| waiting.len() == size);
        let next_cursor = last.map(|last| last.position.to_string());
        ReviewPage { next_cursor, reviews: waiting.into_iter().map(WaitingReview::from).collect() }
    }
}

impl From<WaitingCase> for WaitingReview {
    fn from(waiting: WaitingCase) -> WaitingReview {
        WaitingReview {
            case_id: waiting.case_id.0,
            user_id: waiting.user_id.0,
            level: waiting.level.into(),
            country: waiting.country,
            reasons: waiting.reasons,
            assigned_to: waiting.assigned_to.map(Uuid::from),
            submitted_at: waiting.submitted_at,
        }
    }
}

impl From<identity::Review> for Review {
    fn from(review: identity::Review) -> Review {
        let identity::Review { user_id, status, case, hits, applicant, notes } = review;
        let identity::ApplicantView { first_name, last_name, date_of_birth, document_number, address } = applicant;
        let proposal = case.proposal.as_ref().map(|proposal| ReviewProposal {
            operator: proposal.operator.0,
            verdict: match proposal.decision {
                kyc::Decision::Approve => Verdict::Approve,
                kyc::Decision::Reject { .. } => Verdict::Reject,
            },
        });
        let (document_type, country) = (case.document_type.into(), case.country);
        let applicant = ReviewedApplicant {
            first_name,
            last_name,
            date_of_birth,
            document_type,
            document_number,
            country,
            address,
        };
        let note = |note: identity::NoteView| ReviewNote { operator: note.operator.0, text: note.text, at: note.at };
        Review {
            case_id: case.case_id.0,
            user_id: user_id.0,
            status: status.into(),
            level: case.level.into(),
            applicant,
            documents: case.pictures.iter().map(Document::of).collect(),
            reasons: case.reasons,
            watch_list_hits: hits,
            submitted_at: case.submitted_at,
            provider: case.provider,
            provider_reference: case.provider_reference,
            assigned_to: case.assigned_to.map(Uuid::from),
            proposal,
            notes: notes.into_iter().map(note).collect(),
        }
    }
}

impl From<Decision> for kyc::Decision {
    fn from(decision: Decision) -> kyc::Decision {
        match decision.verdict {
            Verdict::Approve => kyc::Decision::Approve,
            Verdict::Reject => kyc::Decision::Reject { reasons: decision.reasons },
        }
    }
}

impl Example for NewNote {
    fn example() -> NewNote {
        NewNote { text: "The hit is on a namesake born in another year.".into() }
    }
}

impl Example for Decision {
    fn example() -> Decision {
        Decision { verdict: Verdict::Reject, reasons: vec!["document_unreadable".into()] }
    }
}
