use aggregates::kyc;

use super::{
    Problem,
    domain::{conflict, forbidden, not_found, unprocessable},
};

impl From<kyc::Error> for Problem {
    fn from(error: kyc::Error) -> Problem {
        let said = error.to_string();
        match error {
            kyc::Error::AlreadyApproved => conflict("kyc.already_approved", "Identity is verified already"),
            kyc::Error::CaseOpen { case_id } => conflict("kyc.case_open", "A verification is under way")
                .detail(format!("Case {case_id} has to be decided first.")),
            kyc::Error::DraftOpen { .. } => {
                conflict("kyc.draft_open", "A case is being put together already").detail(said)
            }
            kyc::Error::NoSuchCase => not_found("kyc_case"),
            kyc::Error::NoSuchDocument => not_found("kyc_document"),
            kyc::Error::Incomplete { missing } => {
                let problem = unprocessable("kyc.incomplete", "The case is not complete").detail(said);
                missing.into_iter().fold(problem, |problem, field| problem.field(field, "is missing"))
            }
            kyc::Error::TooManyAttempts { .. } => {
                forbidden("kyc.too_many_attempts", "There is no attempt left").detail(said)
            }
            kyc::Error::TooManyChanges { .. } => {
                conflict("kyc.too_many_changes", "The case was changed too often today").detail(said)
            }
            kyc::Error::NotInReview => conflict("kyc.not_in_review", "The case does not wait for a decision"),
            kyc::Error::OwnCase => forbidden("kyc.own_case", "Nobody decides about themselves"),
            kyc::Error::SecondOperatorNeeded => {
                conflict("kyc.second_operator_needed", "Another operator has to decide now")
            }
            kyc::Error::TooManyNotes { .. } => conflict("kyc.too_many_notes", "Too many notes").detail(said),
        }
    }
}
