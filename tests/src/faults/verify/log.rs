//! The log, folded twice: by the aggregates, and by a plain sum that knows nothing of them.

use std::collections::HashMap;

use aggregates::{
    Envelope,
    card::{self, Card, Window},
    envelope::AnyEvent,
    payment::{self, Payment},
};
use futures::TryStreamExt;
use uuid::Uuid;

use super::{Findings, Kind, Stage};
use crate::{
    faults::ledger::{self, Ledger},
    processes::Failure,
};

/// What the log tells.
#[derive(Default)]
pub(super) struct Told {
    pub payments: HashMap<Uuid, PaymentTale>,
    pub cards: HashMap<Uuid, CardTale>,
    people: HashMap<Uuid, u32>,
    sequences: HashMap<(aggregates::Kind, Uuid), i64>,
    position: i64,
}

#[derive(Default)]
pub(super) struct PaymentTale {
    pub state: Payment,
    initiated: u32,
    captured: u32,
    declined: u32,
    /// Minor units.
    pub captured_amount: i64,
}

#[derive(Default)]
pub(super) struct CardTale {
    pub state: Card,
    requested: u32,
    /// Held and not released, minor units.
    pub used: HashMap<Window, i64>,
    /// For each payment: how often held, how often released, and what is left, minor units.
    holds: HashMap<Uuid, (u32, u32, i64)>,
}

impl Told {
    pub async fn read(stage: &Stage, findings: &mut Findings) -> Result<Told, Failure> {
        let mut told = Told::default();
        let mut pages = std::pin::pin!(stage.store.replay(0));
        while let Some(page) = pages.try_next().await? {
            page.iter().for_each(|event| told.take(event, findings));
        }
        told.check_payments(findings);
        told.check_cards(findings);
        Ok(told)
    }

    fn take(&mut self, event: &Envelope, findings: &mut Findings) {
        if event.position != self.position + 1 {
            findings.add(Kind::LogDefects, format!("position {} follows {}", event.position, self.position));
        }
        self.position = event.position;
        let id = event.aggregate_id;
        let sequence = self.sequences.entry((event.kind, id)).or_default();
        if event.sequence != *sequence + 1 {
            let defect = format!("{} {id}: sequence {} follows {sequence}", event.kind, event.sequence);
            findings.add(Kind::LogDefects, defect);
        }
        *sequence = event.sequence;
        match event.decode() {
            Ok(AnyEvent::Card(event)) => self.cards.entry(id).or_default().take(id, &event, findings),
            Ok(AnyEvent::Payment(event)) => self.payments.entry(id).or_default().take(&event),
            Ok(AnyEvent::User(aggregates::user::Event::Registered { .. })) => *self.people.entry(id).or_default() += 1,
            Ok(AnyEvent::User(_) | AnyEvent::Kyc(_) | AnyEvent::Client(_) | AnyEvent::Notification(_)) => {}
            Err(error) => findings.add(Kind::LogDefects, format!("position {}: {error}", event.position)),
        }
    }

    /// Each payment began once and ended at most once.
    fn check_payments(&self, findings: &mut Findings) {
        for (id, tale) in &self.payments {
            let (initiated, ended) = (tale.initiated, tale.captured + tale.declined);
            if initiated != 1 || ended > 1 {
                let doubled = format!("payment {id}: begun {initiated} times, ended {ended} times");
                findings.add(Kind::DoubleEffects, doubled);
            }
            let card = tale.state.card_id().and_then(|card_id| self.cards.get(&card_id.0));
            if tale.captured > 0 && card.is_none_or(|card| !card.holds.contains_key(id)) {
                findings.add(Kind::MoneyDifferences, format!("payment {id}: captured, and nothing was held"));
            }
            let authorized = tale.state.amount().map_or(0, |amount| amount.minor_units);
            if tale.captured_amount > authorized {
                let more = format!("payment {id}: {} captured of {authorized}", tale.captured_amount);
                findings.add(Kind::MoneyDifferences, more);
            }
        }
    }

    /// Each card's use of its limit is the sum of the holds of its payments that were not declined, and what the
    /// aggregate believes.
    fn check_cards(&self, findings: &mut Findings) {
        for (id, card) in &self.cards {
            for (payment_id, (held, released, left)) in &card.holds {
                let (expected, known) = match self.payments.get(payment_id) {
                    Some(tale) if tale.declined > 0 => (0, true),
                    Some(tale) => (tale.state.amount().map_or(0, |amount| amount.minor_units), true),
                    None => (0, false),
                };
                if *held != 1 || *released > 1 || !known {
                    let doubled =
                        format!("card {id}, payment {payment_id}: held {held} times, released {released} times");
                    findings.add(Kind::DoubleEffects, doubled);
                }
                if *left != expected {
                    let different = format!("card {id}, payment {payment_id}: {left} held, {expected} expected");
                    findings.add(Kind::MoneyDifferences, different);
                }
            }
            for (window, used) in &card.used {
                let believed = card.state.used(*window).map_or(0, |money| money.minor_units);
                if believed != *used {
                    let different = format!("card {id}, {window}: the aggregate says {believed}, its events {used}");
                    findings.add(Kind::MoneyDifferences, different);
                }
            }
        }
    }

    /// Everything that a client was told is in the log, once, and with the outcome that was told.
    pub fn compare_with_clients(&self, ledger: &Ledger, findings: &mut Findings) {
        let entries = ledger.entries();
        for (id, payment) in &entries.payments {
            match self.payments.get(id).map(|tale| tale.contradicts(payment)) {
                None => findings.add(Kind::AcknowledgedLost, format!("payment {id} is not in the log")),
                Some(Some(how)) => findings.add(Kind::AcknowledgedLost, format!("payment {id}: {how}")),
                Some(None) => {}
            }
        }
        for id in &entries.people {
            if self.people.get(id) != Some(&1) {
                findings.add(Kind::AcknowledgedLost, format!("person {id} is not in the log once"));
            }
        }
        for id in &entries.cards {
            if self.cards.get(id).is_none_or(|card| card.requested != 1 || card.state.last_four().is_none()) {
                findings.add(Kind::AcknowledgedLost, format!("card {id} is not issued in the log"));
            }
        }
        for contradiction in &entries.contradictions {
            findings.add(Kind::DoubleEffects, contradiction);
        }
        for stale in &entries.stale_reads {
            findings.add(Kind::StaleReads, stale);
        }
    }
}

impl PaymentTale {
    fn take(&mut self, event: &payment::Event) {
        self.state.apply(event);
        match event {
            payment::Event::Initiated { .. } => self.initiated += 1,
            payment::Event::Resumed { .. }
            | payment::Event::Authorized { .. }
            | payment::Event::Incremented { .. }
            | payment::Event::IncrementDeclined { .. }
            | payment::Event::Reversed { .. }
            | payment::Event::Expired { .. }
            | payment::Event::Refunded { .. } => {}
            payment::Event::Captured { amount, .. } => {
                self.captured += 1;
                self.captured_amount += amount.minor_units;
            }
            payment::Event::Declined { .. } => self.declined += 1,
        }
    }

    /// How the log contradicts what the client was told.
    fn contradicts(&self, told: &ledger::Payment) -> Option<String> {
        let (card, amount) = (self.state.card_id(), self.state.amount());
        if card.map(|card| card.0) != Some(told.card_id) || amount.map(|a| a.minor_units) != Some(told.minor_units) {
            return Some("is of another card or amount".into());
        }
        let same = match told.told {
            ledger::Told::Paid => self.captured == 1,
            ledger::Told::Declined => self.declined == 1,
            ledger::Told::Pending => true,
        };
        (!same).then(|| format!("the client was told {:?}, the log says {:?}", told.told, self.state.status()))
    }
}

impl CardTale {
    fn take(&mut self, id: Uuid, event: &card::Event, findings: &mut Findings) {
        self.state.apply(event);
        match event {
            card::Event::Requested { .. } => self.requested += 1,
            card::Event::Held { payment_id, amount, window, kind: _, slot: _, at: _ } => {
                let hold = self.holds.entry(payment_id.0).or_default();
                (hold.0, hold.2) = (hold.0 + 1, hold.2 + amount.minor_units);
                let used = self.used.entry(*window).or_default();
                *used += amount.minor_units;
                let limit = self.state.monthly_limit().map_or(0, |limit| limit.minor_units);
                if *used > limit {
                    findings.add(Kind::MoneyDifferences, format!("card {id}, {window}: {used} used of {limit}"));
                }
            }
            card::Event::HoldReleased { payment_id, amount, window, slot: _, partial: _, at: _ } => {
                let hold = self.holds.entry(payment_id.0).or_default();
                (hold.1, hold.2) = (hold.1 + 1, hold.2 - amount.minor_units);
                *self.used.entry(*window).or_default() -= amount.minor_units;
            }
            card::Event::Issued { .. }
            | card::Event::IssueFailed { .. }
            | card::Event::LockedToMerchant { .. }
            | card::Event::ControlsSet { .. }
            | card::Event::Activated { .. }
            | card::Event::Frozen { .. }
            | card::Event::Unfrozen { .. }
            | card::Event::Terminated { .. }
            | card::Event::Expired { .. }
            | card::Event::ExpiryAnnounced { .. }
            | card::Event::Replaced { .. }
            | card::Event::IssuerStatusRecorded { .. }
            | card::Event::Revealed { .. } => {}
        }
    }
}

#[cfg(test)]
mod tests;
