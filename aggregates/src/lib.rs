//! The domain: what a person, a KYC case, a card and a payment may do, and what happened to them.
//!
//! Everything here is pure. `decide` turns a state and a command into events or a refusal; `apply` turns a state
//! and an event into the next state. Identifiers, the time and the fraud score arrive inside commands. This crate
//! never performs I/O, reads a clock, draws a random number or looks at the environment, so that replaying the log
//! gives the same state for ever (invariant 7).

mod aggregate;
pub mod card;
pub mod envelope;
#[cfg(test)]
mod examples;
mod ids;
pub mod kyc;
mod money;
pub mod payment;
pub mod schema;
mod sealed;
pub mod user;

pub use aggregate::{Kind, Root};
pub use envelope::{Actor, Context, Envelope, EventError, Fact};
pub use ids::{CardId, KycCaseId, PaymentId, SessionId, UserId};
pub use money::{Currency, Money, MoneyError};
pub use sealed::{BlindIndex, Sealed};
