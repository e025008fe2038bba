use crate::KycCaseId;

/// The rules of identity verification.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("identity is verified already")]
    AlreadyApproved,
    #[error("case {case_id} is still being verified")]
    CaseOpen { case_id: KycCaseId },
    #[error("no such case")]
    NoSuchCase,
}
