use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::card::Slot;

use super::Tally;

/// The money of one payment: its sums, where the card holds it, and what third parties have named.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ledger {
    pub tally: Tally,
    /// What the card holds, the newest last, less what was given back.
    holds: Vec<Held>,
    /// What captures have forced before the network's own approval of it was heard.
    pub unruled: i64,
    /// Everything that has an id of a third party's, so that it counts once.
    known: BTreeSet<(Named, String)>,
}

/// What the card counts in one slot for the payment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Held {
    /// The request that it was made for; none of a payment that the network did not bring.
    reference: Option<String>,
    slot: Slot,
    amount: i64,
    /// Whether the card counts it as a payment.
    counted: bool,
}

/// Part of a hold that is to be given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Part {
    pub slot: Slot,
    pub amount: i64,
    /// The hold goes on counting as a payment, or never did.
    pub partial: bool,
}

/// Kinds of what third parties name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Named {
    Authorization,
    Declined,
    Withdrawn,
    Reversal,
    Capture,
    Refund,
}

impl Ledger {
    pub fn knows(&self, named: Named, reference: &str) -> bool {
        self.known.contains(&(named, reference.to_owned()))
    }

    pub fn known(&self) -> usize {
        self.known.len()
    }

    pub fn learn(&mut self, named: Named, reference: &str) {
        self.known.insert((named, reference.to_owned()));
    }

    /// Whether `amount` more can be counted at all.
    pub fn has_room(&self, amount: i64) -> bool {
        [self.tally.authorized, self.tally.returned].iter().all(|sum| sum.checked_add(amount).is_some())
    }

    pub fn hold(&mut self, reference: Option<&str>, slot: Slot, amount: i64, counted: bool) {
        self.holds.push(Held { reference: reference.map(str::to_owned), slot, amount, counted });
    }

    /// Whether one of the holds stands for the payment where the card counts payments.
    pub fn is_counted(&self) -> bool {
        self.holds.iter().any(|held| held.counted)
    }

    /// Which holds `amount` is taken from: that of the withdrawn request, so that its own windows get back what it took;
    /// then the newest first, so that the payment's first one stays the longest.
    pub fn parts(&self, amount: i64, withdrawn: Option<&str>) -> Vec<Part> {
        let mut left = amount.min(self.tally.held());
        let mut parts = Vec::new();
        for held in self.in_order(withdrawn).into_iter().map(|n| &self.holds[n]) {
            let taken = held.amount.min(left);
            if taken > 0 {
                let partial = taken < held.amount || !held.counted;
                parts.push(Part { slot: held.slot, amount: taken, partial });
                left -= taken;
            }
        }
        parts
    }

    /// Takes `amount` off the holds, in the same order.
    pub fn release(&mut self, amount: i64, withdrawn: Option<&str>) {
        let mut left = amount;
        for n in self.in_order(withdrawn) {
            let held = &mut self.holds[n];
            let taken = held.amount.min(left);
            held.amount -= taken;
            left -= taken;
        }
        self.holds.retain(|held| held.amount > 0);
    }

    fn in_order(&self, withdrawn: Option<&str>) -> Vec<usize> {
        let is_withdrawn = |n: &usize| withdrawn.is_some() && self.holds[*n].reference.as_deref() == withdrawn;
        let (mut order, others): (Vec<_>, Vec<_>) = (0..self.holds.len()).rev().partition(is_withdrawn);
        order.extend(others);
        order
    }
}
