//! Knowing the customer: a person's cases at a verification provider, one open at a time.

mod commands;
mod errors;
mod events;
#[cfg(test)]
mod tests;

use chrono::{DateTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Kind, KycCaseId, Sealed, aggregate::aggregate};

pub use commands::{Command, Verdict};
pub use errors::Error;
pub use events::{DocumentType, Event};

/// A person's verification as the log tells it: where it stands, and the latest case.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kyc {
    status: Status,
    case: Option<Case>,
}

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
}

impl Status {
    pub const fn as_str(self) -> &'static str {
        match self {
            Status::NotStarted => "not_started",
            Status::Pending => "pending",
            Status::InReview => "in_review",
            Status::Approved => "approved",
            Status::Rejected => "rejected",
        }
    }

    /// Whether the provider has had its last word on the case.
    pub const fn is_final(self) -> bool {
        match self {
            Status::Approved | Status::Rejected => true,
            Status::NotStarted | Status::Pending | Status::InReview => false,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    pub case_id: KycCaseId,
    pub applicant: Sealed,
    pub document_type: DocumentType,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    pub submitted_at: DateTime<Utc>,
    /// Who reviews or has decided; none until the first verdict.
    pub provider: Option<String>,
    pub decided_at: Option<DateTime<Utc>>,
    /// Why the case was rejected, as stable codes.
    pub reasons: Vec<String>,
}

aggregate!(Kyc, Kind::Kyc, snapshot_version = 1);

impl Kyc {
    pub fn status(&self) -> Status {
        self.status
    }

    /// The latest case; earlier ones were rejected and are in the log only.
    pub fn case(&self) -> Option<&Case> {
        self.case.as_ref()
    }

    pub fn decide(&self, command: Command) -> Result<Vec<Event>, Error> {
        match command {
            Command::Submit { case_id, applicant, document_type, country, now } => {
                // The applicant's data are sealed anew each time, so a repeat is known by its case id alone.
                if self.case.as_ref().is_some_and(|case| case.case_id == case_id) {
                    return Ok(vec![]);
                }
                match (self.status, &self.case) {
                    (Status::Approved, _) => Err(Error::AlreadyApproved),
                    (Status::Pending | Status::InReview, Some(open)) => Err(Error::CaseOpen { case_id: open.case_id }),
                    (Status::NotStarted | Status::Rejected | Status::Pending | Status::InReview, _) => {
                        Ok(vec![Event::Submitted { case_id, applicant, document_type, country, at: now }])
                    }
                }
            }
            Command::RecordVerdict { case_id, provider, provider_reference, verdict, now } => {
                self.case.as_ref().filter(|case| case.case_id == case_id).ok_or(Error::NoSuchCase)?;
                if self.status.is_final() {
                    return Ok(vec![]);
                }
                Ok(match verdict {
                    Verdict::Approved => vec![Event::Approved { case_id, provider, provider_reference, at: now }],
                    Verdict::Rejected { reasons } => {
                        vec![Event::Rejected { case_id, provider, provider_reference, reasons, at: now }]
                    }
                    Verdict::Review if self.status == Status::InReview => vec![],
                    Verdict::Review => vec![Event::ReviewStarted { case_id, provider, provider_reference, at: now }],
                })
            }
        }
    }

    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::Submitted { case_id, applicant, document_type, country, at } => {
                self.status = Status::Pending;
                self.case = Some(Case {
                    case_id: *case_id,
                    applicant: applicant.clone(),
                    document_type: *document_type,
                    country: country.clone(),
                    submitted_at: *at,
                    provider: None,
                    decided_at: None,
                    reasons: vec![],
                });
            }
            Event::ReviewStarted { provider, case_id: _, provider_reference: _, at: _ } => {
                self.conclude(Status::InReview, provider, None, &[]);
            }
            Event::Approved { provider, at, case_id: _, provider_reference: _ } => {
                self.conclude(Status::Approved, provider, Some(*at), &[]);
            }
            Event::Rejected { provider, reasons, at, case_id: _, provider_reference: _ } => {
                self.conclude(Status::Rejected, provider, Some(*at), reasons);
            }
        }
    }

    fn conclude(&mut self, status: Status, provider: &str, decided_at: Option<DateTime<Utc>>, reasons: &[String]) {
        self.status = status;
        if let Some(case) = &mut self.case {
            case.provider = Some(provider.to_owned());
            case.decided_at = decided_at;
            case.reasons = reasons.to_vec();
        }
    }
}
