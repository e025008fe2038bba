//! The domain: what a person, a KYC case, a card, a payment, a client and a notification may do, and what happened to
//! them.
//!
//! Everything here is pure. `decide` turns a state and a command into events or a refusal; `apply` turns a state
//! and an event into the next state. Identifiers, the time and the fraud score arrive inside commands. This crate
//! never performs I/O, reads a clock, draws a random number or looks at the environment, so that replaying the log
//! gives the same state for ever (invariant 7).

pub mod access;
mod aggregate;
pub mod card;
pub mod client;
pub mod envelope;
#[cfg(test)]
mod examples;
mod ids;
pub mod kyc;
mod money;
mod named;
pub mod notification;
pub mod payment;
mod proof;
pub mod schema;
mod sealed;
mod text;
pub mod user;

pub use access::{Permission, Role};
pub use aggregate::{Kind, Root};
pub use envelope::{Actor, Context, Envelope, EventError, Fact};
pub use ids::{CardId, ClientId, CredentialId, KycCaseId, NotificationId, PaymentId, SessionId, UserId};
pub use money::{Currency, Money, MoneyError};
pub use proof::Proof;
pub use sealed::{BlindIndex, Sealed};
