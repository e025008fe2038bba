//! The read models in Redis: profiles, cards, transactions, inboxes and what fraud screening knows of a person.
//!
//! A read model is made of documents (one JSON value each, written whole) and bounded lists of them. Folding an
//! event into it is pure; [`Writer`] loads what a batch of events needs, folds it in memory, and writes the result
//! together with the checkpoint in one transaction, so that each event takes effect once however often it arrives.
//! All read models form one [`Generation`]. A rebuild fills a second one beside the live one and switches in one
//! step; [`Views`] reads the live one.
//!
//! This crate never sends anything to anybody, never opens sealed personal data, and never reads the event log:
//! its caller brings the events, and fetches what is missing when told of a gap. Everything in it can be deleted at
//! any moment and comes back equal. Redis must not evict keys by itself (`maxmemory-policy noeviction`): one
//! missing document would look like a person without cards.

mod batch;
mod cards;
mod commit;
mod config;
mod dump;
mod error;
mod fold;
mod fraud_state;
mod generation;
mod index;
mod keys;
mod load;
mod notifications;
mod profile;
mod read;
#[cfg(test)]
mod tests;
mod transactions;
mod workspace;
mod writer;

pub use batch::Parked;
pub use cards::{CARDS_LISTED, Card};
pub use config::Config;
pub use dump::Fingerprint;
pub use error::{AddressError, ApplyError, ReadError};
pub use generation::Sweep;
pub use keys::Generation;
pub use notifications::{Content, INBOX_KEPT, Inbox, Notification, NotificationKind, Subject, Text};
pub use profile::Profile;
pub use read::Views;
pub use transactions::{TRANSACTIONS_KEPT, Transaction, TransactionPage};
pub use writer::{Applied, MAX_BATCH, MAX_PARKED, Writer};
