//! Card issuing: an issuer makes a card and tells its number once.

pub mod network;
mod sandbox;
pub mod stripe;

use std::fmt;

use aggregates::{
    CardId, Money, UserId,
    card::{CardType, Expiry, IssuerStatus, Reason},
};
use async_trait::async_trait;
use chrono::{DateTime, Utc};
use uuid::Uuid;
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::{CardNumber, Cvv, Failure};

pub use sandbox::Sandbox;
pub use stripe::{Stripe, StripeConfig};

/// An issuer of virtual cards.
#[async_trait]
pub trait Issuer: Send + Sync {
    /// The issuer's name as it stands in events and metrics.
    fn name(&self) -> &'static str;

    /// Whether people have to be made known to the issuer before they get cards.
    fn knows_holders(&self) -> bool {
        false
    }

    /// Makes the person known to the issuer, with the person's id as idempotency key, and answers the issuer's name for
    /// them: 1 to 128 visible ASCII characters. None where an issuer makes cards for whomever it is asked to.
    async fn enrol(&self, _user: UserId, _holder: &Holder) -> Result<Option<String>, Failure> {
        Ok(None)
    }

    /// What [`Issuer::enrol`] made of the person in that time; none where it surely made nothing. For requests that are
    /// older than the issuer remembers their keys.
    async fn find_holder(&self, _user: UserId, _made: Interval) -> Result<Option<String>, Failure> {
        Ok(None)
    }

    /// Makes a card, with the card id as idempotency key: a repeat answers the card that the first one made, for as long
    /// as the issuer remembers the key.
    async fn issue(&self, card: CardId, request: &IssueRequest) -> Result<IssuedCard, Failure>;

    /// The card that [`Issuer::issue`] made in that time; none where it surely made none. For requests that are older
    /// than the issuer remembers their keys.
    async fn find_card(
        &self,
        card: CardId,
        request: &IssueRequest,
        made: Interval,
    ) -> Result<Option<IssuedCard>, Failure>;

    /// Tells the issuer what a card is from now on, and why it has ended, if it has. Answers what the card is there
    /// then: not what was asked for, where the issuer has ended the card. `key` is the idempotency key of this change.
    async fn set_status(
        &self,
        issuer_reference: &str,
        status: IssuerStatus,
        ended_for: Option<Reason>,
        key: Uuid,
    ) -> Result<IssuerStatus, Failure>;

    /// What the card is at the issuer now.
    async fn status(&self, issuer_reference: &str) -> Result<IssuerStatus, Failure>;

    /// How a purchase stands now, by the issuer's id of the authorisation; none where the issuer itself says that it
    /// has none of that id.
    async fn authorization(&self, reference: &str) -> Result<Option<network::Report>, Failure>;
}

/// When something may have been made, by our clock; both ends belong to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interval {
    pub from: DateTime<Utc>,
    pub until: DateTime<Utc>,
}

/// What card to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssueRequest {
    pub user_id: UserId,
    pub card_type: CardType,
    /// What the card may spend in a calendar month; its currency is the card's.
    pub monthly_limit: Money,
    /// What [`Issuer::enrol`] answered.
    pub holder_reference: Option<String>,
}

/// Who is to hold cards. Personal data: prints nothing of itself, and is overwritten in memory when dropped.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Holder {
    pub first_name: String,
    pub last_name: String,
}

impl fmt::Debug for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Holder(…)")
    }
}

/// A card as the issuer made it. Number and CVV are for the vault.
#[derive(Debug, PartialEq, Eq)]
pub struct IssuedCard {
    /// The issuer's own name for it: 1 to 128 visible ASCII characters.
    pub issuer_reference: String,
    pub number: CardNumber,
    pub cvv: Cvv,
    pub expiry: Expiry,
}
