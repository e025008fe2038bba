//! A payment with a virtual card: intent, screening, and what became of the money. One machine for payments that a
//! person makes through a gateway and for purchases that the card network brings.
//!
//! `refunded ≤ captured ≤ authorized` (invariant 2) by construction; see [`Tally`].

mod apply;
mod commands;
mod decide;
mod errors;
mod events;
mod ledger;
mod network;
mod screening;
mod state;
mod tally;
#[cfg(test)]
mod tests;

use crate::{Kind, aggregate::aggregate};

pub use commands::Command;
pub use errors::{Decline, Error};
pub use events::Event;
pub use network::{Network, Release};
pub use screening::{Check, Checks, RiskLevel, Screening};
pub use state::{Part, Payment, Status};
pub use tally::Tally;

aggregate!(Payment, Kind::Payment, snapshot_version = 4);
