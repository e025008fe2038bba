use crate::{Currency, Money};

use super::{Authority, CardType, Expiry, Refusal, Window};

/// The rules of a card, each with the data that broke it.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum Error {
    #[error("no such card")]
    NotFound,
    #[error("the card was requested already, as {card_type:?} with {monthly_limit} a month")]
    AlreadyRequested { card_type: CardType, monthly_limit: Money },
    #[error("the monthly limit must be positive, not {limit}")]
    LimitNotPositive { limit: Money },
    #[error("the amount must be positive, not {amount}")]
    AmountNotPositive { amount: Money },
    #[error("the card belongs to somebody else")]
    NotOwner,
    #[error("the card is not issued yet")]
    NotIssued,
    #[error("the issuer has decided already")]
    IssueDecided,
    #[error("the card waits to be activated")]
    NotActivated,
    #[error("the card is frozen")]
    Frozen,
    #[error("the card is frozen by others: {whose}")]
    FrozenByOthers { whose: Authority },
    #[error("the card is terminated")]
    Terminated,
    #[error("the card expired {expiry}")]
    Expired { expiry: Expiry },
    #[error("the card is good through {expiry}")]
    NotExpired { expiry: Expiry },
    #[error("another card has taken its place already")]
    Replaced,
    #[error("the card had one payment, which it has had")]
    UsedUp,
    #[error("the card is in {card}, the payment in {payment}")]
    CurrencyMismatch { card: Currency, payment: Currency },
    #[error("{attempted} exceeds the limit: {used} of {limit} used in {window}")]
    LimitExceeded { limit: Money, used: Money, attempted: Money, window: Window },
    /// One of the card's controls does not allow it.
    #[error("{refusal}")]
    ControlRefused { refusal: Refusal },
    #[error("{field} {problem}")]
    ControlsNotValid { field: &'static str, problem: String },
    #[error("the new controls allow what the old ones do not")]
    Loosened,
    #[error("{attempted} cannot be released: {held} held in {window}")]
    ReleaseExceedsHeld { held: Money, attempted: Money, window: Window },
}
