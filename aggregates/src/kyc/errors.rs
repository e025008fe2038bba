use crate::KycCaseId;

/// The rules of identity verification.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("identity is verified already")]
    AlreadyApproved,
    #[error("case {case_id} is still being verified")]
    CaseOpen { case_id: KycCaseId },
    #[error("case {case_id} is being put together already")]
    DraftOpen { case_id: KycCaseId },
    #[error("no such case")]
    NoSuchCase,
    #[error("no such document")]
    NoSuchDocument,
    /// The names are those of the API: `details`, `address`, `front`, `back`, `selfie`.
    #[error("the case lacks {}", missing.join(", "))]
    Incomplete { missing: Vec<&'static str> },
    #[error("the case was rejected {limit} times, which is the most")]
    TooManyAttempts { limit: u32 },
    /// Pictures, details and the like; of all drafts of one day.
    #[error("a case is changed {limit} times a day at most; it can be handed in as it is")]
    TooManyChanges { limit: u32 },
    #[error("the case is not in review")]
    NotInReview,
    #[error("nobody decides about themselves")]
    OwnCase,
    #[error("a second operator has to decide")]
    SecondOperatorNeeded,
    #[error("a case has at most {limit} notes")]
    TooManyNotes { limit: usize },
}
