//! The verifier can fail: each kind of damage, done to a log by hand, is found.

#![allow(clippy::unwrap_used)]

use aggregates::{
    CardId, Currency, Fact, Money, PaymentId, UserId,
    card::{CardType, HoldKind, Purpose, Slot},
    payment::{Check, Checks, Decline, RiskLevel, Screening},
};
use chrono::{DateTime, Utc};

use super::*;

const PERSON: UserId = UserId(Uuid::from_u128(1));
const CARD: CardId = CardId(Uuid::from_u128(2));
const PAYMENT: PaymentId = PaymentId(Uuid::from_u128(3));
const NOW: DateTime<Utc> = DateTime::UNIX_EPOCH;

/// A log under construction, with positions and sequences as they should be.
#[derive(Default)]
struct Log {
    events: Vec<Envelope>,
    sequences: HashMap<Uuid, i64>,
}

impl Log {
    fn with<F: Fact>(mut self, id: impl Into<Uuid>, event: F) -> Log {
        let aggregate_id = id.into();
        let sequence = self.sequences.entry(aggregate_id).or_default();
        *sequence += 1;
        self.events.push(Envelope {
            id: Uuid::now_v7(),
            position: i64::try_from(self.events.len()).unwrap() + 1,
            kind: F::KIND,
            aggregate_id,
            sequence: *sequence,
            name: event.name().into(),
            version: event.version(),
            recorded_at: NOW,
            correlation_id: Uuid::nil(),
            causation_id: None,
            traceparent: None,
            actor: "person:1".into(),
            data: event.write(),
        });
        self
    }

    fn read(&self) -> (Told, Findings) {
        let (mut told, mut findings) = (Told::default(), Findings::default());
        self.events.iter().for_each(|event| told.take(event, &mut findings));
        told.check_payments(&mut findings);
        told.check_cards(&mut findings);
        (told, findings)
    }

    fn count(&self, kind: Kind) -> usize {
        self.read().1.count(kind)
    }
}

fn usd(cents: i64) -> Money {
    Money::new(cents, Currency::USD)
}

fn requested() -> card::Event {
    let card_type = CardType::VirtualVisa;
    card::Event::Requested {
        user_id: PERSON,
        card_type,
        monthly_limit: usd(1_000),
        purpose: Purpose::Standard,
        controls: Box::default(),
        needs_activation: false,
        replaces: None,
        at: NOW,
    }
}

fn held(cents: i64) -> card::Event {
    card::Event::Held {
        payment_id: PAYMENT,
        kind: HoldKind::Authorization,
        amount: usd(cents),
        window: Window::of(NOW),
        slot: Some(Slot::utc(NOW)),
        at: NOW,
    }
}

fn initiated(cents: i64) -> payment::Event {
    let checks = Checks {
        amount_check: Check::Pass,
        location_check: Check::Pass,
        device_check: Check::Pass,
        velocity_check: Check::Pass,
    };
    payment::Event::Initiated {
        user_id: PERSON,
        card_id: CARD,
        amount: usd(cents),
        merchant: "shop".into(),
        merchant_category: "electronics".into(),
        device_id: None,
        screening: Screening { risk_score: 0.0, risk_level: RiskLevel::Low, approved: true, checks, rules_version: 1 },
        hold: Some(Window::of(NOW)),
        slot: Some(Slot::utc(NOW)),
        request_digest: None,
        network: None,
        at: NOW,
    }
}

fn captured(cents: i64) -> payment::Event {
    payment::Event::Captured {
        gateway: "sandbox".into(),
        gateway_reference: "t".into(),
        amount: usd(cents),
        is_final: true,
        at: NOW,
    }
}

fn declined() -> payment::Event {
    payment::Event::Declined { reason: Decline::CardFrozen, at: NOW }
}

fn a_begun_payment() -> Log {
    Log::default().with(CARD, requested()).with(CARD, held(400)).with(PAYMENT, initiated(400))
}

fn told(told: ledger::Told, minor_units: i64) -> Ledger {
    let ledger = Ledger::default();
    ledger.note(PAYMENT.0, ledger::Payment { card_id: CARD.0, minor_units, told });
    ledger
}

fn lost(log: &Log, ledger: &Ledger) -> usize {
    let (read, mut findings) = log.read();
    read.compare_with_clients(ledger, &mut findings);
    findings.count(Kind::AcknowledgedLost)
}

#[test]
fn a_sound_log_gives_no_findings() {
    let log = a_begun_payment().with(PAYMENT, captured(400));
    assert_eq!(log.read().1.summary(), Findings::default().summary());
    assert_eq!(lost(&log, &told(ledger::Told::Paid, 400)), 0);
    assert_eq!(lost(&log, &told(ledger::Told::Pending, 400)), 0);
}

#[test]
fn an_acknowledged_payment_that_is_missing_or_different_is_found() {
    let log = a_begun_payment().with(PAYMENT, captured(400));
    assert_eq!(lost(&Log::default(), &told(ledger::Told::Paid, 400)), 1);
    assert_eq!(lost(&a_begun_payment(), &told(ledger::Told::Paid, 400)), 1);
    assert_eq!(lost(&log, &told(ledger::Told::Declined, 400)), 1);
    assert_eq!(lost(&log, &told(ledger::Told::Paid, 399)), 1);
}

#[test]
fn a_second_outcome_or_hold_is_found() {
    assert_eq!(a_begun_payment().with(PAYMENT, captured(400)).with(PAYMENT, declined()).count(Kind::DoubleEffects), 1);
    assert_eq!(a_begun_payment().with(CARD, held(400)).count(Kind::DoubleEffects), 1);
    assert_eq!(Log::default().with(CARD, requested()).with(CARD, held(1)).count(Kind::DoubleEffects), 1);
}

#[test]
fn money_that_does_not_add_up_is_found() {
    // A declined payment that still holds.
    assert_eq!(a_begun_payment().with(PAYMENT, declined()).count(Kind::MoneyDifferences), 1);
    assert_eq!(a_begun_payment().with(PAYMENT, captured(401)).count(Kind::MoneyDifferences), 1);
    let above_the_limit =
        Log::default().with(CARD, requested()).with(CARD, held(1_001)).with(PAYMENT, initiated(1_001));
    assert_eq!(above_the_limit.count(Kind::MoneyDifferences), 1);
    let nothing_held = Log::default().with(CARD, requested()).with(PAYMENT, initiated(1)).with(PAYMENT, captured(1));
    assert_eq!(nothing_held.count(Kind::MoneyDifferences), 1);
}

#[test]
fn a_hole_in_the_log_is_found() {
    let mut log = a_begun_payment();
    log.events.remove(1);
    // In the positions and in the card's stream; the payment then lacks its hold, which is another matter.
    assert_eq!(log.count(Kind::LogDefects), 1);
    log.events[1].sequence = 2;
    assert_eq!(log.count(Kind::LogDefects), 2);
}

#[test]
fn an_answer_that_changes_is_a_contradiction() {
    let ledger = told(ledger::Told::Pending, 400);
    let again = |told| ledger::Payment { card_id: CARD.0, minor_units: 400, told };
    ledger.note(PAYMENT.0, again(ledger::Told::Paid));
    ledger.note(PAYMENT.0, again(ledger::Told::Paid));
    assert!(ledger.entries().contradictions.is_empty());
    ledger.note(PAYMENT.0, again(ledger::Told::Declined));
    assert_eq!(ledger.entries().contradictions.len(), 1);
}
