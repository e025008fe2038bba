//! Card payments: a gateway charges a card, once for each payment id.

mod sandbox;

use aggregates::{Money, PaymentId, card::Expiry};
use async_trait::async_trait;

use crate::{CardNumber, Cvv, Failure};

pub use sandbox::Sandbox;

/// A payment gateway.
#[async_trait]
pub trait Gateway: Send + Sync {
    /// The gateway's name as it stands in events and metrics.
    fn name(&self) -> &'static str;

    /// Charges a card, with the payment id as idempotency key: a repeat answers what the first one brought about.
    async fn charge(&self, charge: &Charge<'_>) -> Result<ChargeResult, Failure>;

    /// What became of a payment of `amount`; none where the gateway has not seen it.
    ///
    /// None is true now, not for ever: a request that was sent may still be on its way. Only repeating the charge
    /// settles such a payment for certain.
    async fn look_up(&self, payment: PaymentId, amount: Money) -> Result<Option<ChargeResult>, Failure>;
}

/// What to charge. Borrows the card's secrets, so that no copy of them is made.
#[derive(Clone, Copy, Debug)]
pub struct Charge<'a> {
    pub payment_id: PaymentId,
    pub number: &'a CardNumber,
    pub cvv: &'a Cvv,
    pub expiry: Expiry,
    pub amount: Money,
    pub merchant: &'a str,
}

/// What the gateway did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChargeResult {
    /// The card was charged with the whole amount. `reference`: 1 to 128 visible ASCII characters.
    Approved { reference: String },
    /// Nothing was charged. `code` is the gateway's own stable code, or `unspecified`.
    Declined { code: String },
}
