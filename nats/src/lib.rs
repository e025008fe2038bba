//! The bus: carries every recorded event from the log to those who follow it, over NATS JetStream.
//!
//! One stream, `<NAMESPACE>_EVENTS`, holds one message per event, in the order of the log: subject
//! `<namespace>.events.<kind>.<name>`, payload a CloudEvent in JSON, header `VC-Position` its place in the log.
//! PostgreSQL is the truth and the stream a copy that may lose its tail or everything; what was lost is published
//! again, found by asking the stream itself ([`publish`]), so a follower deduplicates by [`Envelope::position`] and
//! never by the stream's own sequence, which is issued anew after a loss.
//!
//! [`Bus`] is the connection, [`Publisher`] and [`relay()`] write, [`Consumer`] reads, [`topology`] declares what
//! must exist on the server.
//!
//! This crate never touches the log: it is handed a [`Source`]. It never interprets an event, and never decides that
//! one may be skipped.
//!
//! [`Envelope::position`]: aggregates::Envelope::position

mod bus;
mod config;
pub mod consume;
pub mod publish;
pub mod relay;
mod retry;
mod tail;
pub mod topology;

pub use bus::{Bus, BusError, ConnectError};
pub use config::Config;
pub use consume::{Batch, Consumer, Receipt, Undecodable};
pub use publish::{PublishError, Publisher};
pub use relay::{RelayConfig, Source, relay};
pub use tail::{Stored, Tail};
pub use topology::{ConsumerSpec, Start};
