//! Card issuing: an issuer makes a card and tells its number once.

mod sandbox;

use aggregates::{
    CardId, Money, UserId,
    card::{CardType, Expiry, IssuerStatus},
};
use async_trait::async_trait;
use uuid::Uuid;

use crate::{CardNumber, Cvv, Failure};

pub use sandbox::Sandbox;

/// An issuer of virtual cards.
#[async_trait]
pub trait Issuer: Send + Sync {
    /// The issuer's name as it stands in events and metrics.
    fn name(&self) -> &'static str;

    /// Makes a card, with the card id as idempotency key: a repeat answers the card that the first one made.
    async fn issue(&self, card: CardId, request: &IssueRequest) -> Result<IssuedCard, Failure>;

    /// Tells the issuer what a card is from now on. Answers what the card is there then: not what was asked for, where
    /// the issuer has ended the card. `key` is the idempotency key of this change.
    async fn set_status(
        &self,
        issuer_reference: &str,
        status: IssuerStatus,
        key: Uuid,
    ) -> Result<IssuerStatus, Failure>;
}

/// What card to make.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IssueRequest {
    pub user_id: UserId,
    pub card_type: CardType,
    /// What the card may spend in a calendar month; its currency is the card's.
    pub monthly_limit: Money,
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
