use aggregates::card;

use super::{
    Problem,
    domain::{amount_not_positive, conflict, forbidden, not_found, unprocessable},
};

impl From<card::Error> for Problem {
    fn from(error: card::Error) -> Problem {
        let said = error.to_string();
        match error {
            // Somebody else's card is not told from none.
            card::Error::NotFound | card::Error::NotOwner => not_found("card"),
            card::Error::AlreadyRequested { .. } => {
                conflict("card.already_requested", "The card was requested already").detail(said)
            }
            card::Error::LimitNotPositive { .. } => {
                unprocessable("card.limit_not_positive", "The limit must be positive").detail(said)
            }
            card::Error::AmountNotPositive { .. } => amount_not_positive(),
            card::Error::NotIssued => conflict("card.not_issued", "The card is not issued yet"),
            card::Error::IssueDecided => conflict("card.issue_decided", "The issuer has decided already"),
            card::Error::NotActivated => conflict("card.not_activated", "The card waits to be activated"),
            card::Error::Frozen => conflict("card.frozen", "The card is frozen"),
            card::Error::FrozenByOthers { .. } => {
                forbidden("card.frozen_by_others", "Others have frozen the card").detail(said)
            }
            card::Error::Terminated => conflict("card.terminated", "The card is terminated"),
            card::Error::Expired { .. } => conflict("card.expired", "The card has expired").detail(said),
            card::Error::NotExpired { .. } => conflict("card.not_expired", "The card has not expired").detail(said),
            card::Error::Replaced => conflict("card.replaced", "Another card has taken its place already"),
            card::Error::UsedUp => conflict("card.used_up", "The card was for one payment, which it has had"),
            card::Error::CurrencyMismatch { .. } => {
                unprocessable("card.currency_mismatch", "The card has another currency").detail(said)
            }
            card::Error::LimitExceeded { .. } => {
                conflict("card.limit_exceeded", "The card's limit does not allow this").detail(said)
            }
            card::Error::ControlRefused { .. } => {
                conflict("card.control_refused", "The card's controls do not allow this").detail(said)
            }
            card::Error::ControlsNotValid { field, problem } => {
                unprocessable("card.controls_not_valid", "The controls are wrong").field(field, problem)
            }
            card::Error::Loosened => {
                forbidden("auth.step_up_required", "A second proof is needed").step_up("limit_raise")
            }
            card::Error::ReleaseExceedsHeld { .. } => Problem::internal(said),
        }
    }
}
