//! What clients were told.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
};

use uuid::Uuid;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Told {
    Paid,
    Declined,
    /// The outcome will show; any outcome is fine, none is not.
    Pending,
}

impl Told {
    /// The status as version 1 of the API writes it.
    pub fn parse(status: &str) -> Option<Told> {
        match status {
            "success" => Some(Told::Paid),
            "declined" => Some(Told::Declined),
            "pending" => Some(Told::Pending),
            _ => None,
        }
    }
}

/// An acknowledged payment.
#[derive(Clone, Debug)]
pub struct Payment {
    pub card_id: Uuid,
    pub minor_units: i64,
    pub told: Told,
}

#[derive(Default)]
pub struct Entries {
    pub payments: HashMap<Uuid, Payment>,
    pub people: Vec<Uuid>,
    pub cards: Vec<Uuid>,
    /// Requests that had no answer, or one that promises nothing.
    pub unanswered: u64,
    /// Answers that contradict earlier ones.
    pub contradictions: Vec<String>,
    /// Reads that did not show what their reader had been told before.
    pub stale_reads: Vec<String>,
}

#[derive(Default)]
pub struct Ledger(Mutex<Entries>);

impl Ledger {
    pub fn entries(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes an answer to a payment. The same payment may be answered again, but never otherwise.
    pub fn note(&self, payment_id: Uuid, payment: Payment) {
        let mut entries = self.entries();
        let earlier = entries.payments.get(&payment_id).cloned();
        match earlier {
            None | Some(Payment { told: Told::Pending, .. }) => {
                entries.payments.insert(payment_id, payment);
            }
            Some(earlier) if payment.told == Told::Pending || payment.told == earlier.told => {}
            Some(earlier) => {
                let contradiction = format!("payment {payment_id}: told {:?}, then {:?}", earlier.told, payment.told);
                entries.contradictions.push(contradiction);
            }
        }
    }

    /// How much was acknowledged.
    pub fn acknowledged(&self) -> usize {
        let entries = self.entries();
        entries.payments.len() + entries.people.len() + entries.cards.len()
    }
}
