//! What holds for every history that a network can bring: movements in any order, twice, and more than was authorised.

use proptest::prelude::*;

use super::machine::network;
use super::*;
use crate::card::{self, Card, HoldKind, Purchase, Slot};

/// What the network tells.
#[derive(Clone, Debug)]
enum Step {
    Increment { id: u8, cents: i64 },
    Capture { id: u8, cents: i64 },
    Reverse { id: u8, cents: i64 },
    Withdraw { id: u8, cents: i64 },
    Refund { id: u8, cents: i64 },
    Close,
    Expire,
}

fn movement() -> impl Strategy<Value = Step> {
    let cents = || prop_oneof![1..2_000_i64, 5_000..12_000_i64];
    prop_oneof![
        4 => (0..8_u8, cents()).prop_map(|(id, cents)| Step::Capture { id, cents }),
        2 => (0..8_u8, cents()).prop_map(|(id, cents)| Step::Reverse { id, cents }),
        2 => (0..8_u8, cents()).prop_map(|(id, cents)| Step::Refund { id, cents }),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => movement(),
        2 => (0..8_u8, 1..2_000_i64).prop_map(|(id, cents)| Step::Increment { id, cents }),
        1 => (0..8_u8, 1..2_000_i64).prop_map(|(id, cents)| Step::Withdraw { id, cents }),
        1 => Just(Step::Close),
        1 => Just(Step::Expire),
    ];
    prop::collection::vec(step, 0..40)
}

/// A payment and its card, as a flow keeps them together.
struct Purse {
    payment: Payment,
    card: Card,
    events: Vec<Event>,
    /// Payments, as the card counts them.
    counted: u32,
}

impl Purse {
    fn open() -> Purse {
        let mut purse = Purse { payment: Payment::default(), card: Card::default(), events: vec![], counted: 0 };
        for event in crate::examples::card_events().into_iter().take(2) {
            purse.card.apply(&event);
        }
        let slot = purse.hold(usd(9_999), HoldKind::Authorization);
        let mut begin = initiate();
        if let Command::Initiate { network: of, hold, .. } = &mut begin {
            (*of, *hold) = (Some(network()), Some(slot));
        }
        purse.decide(begin);
        purse.decide(Command::Authorize { reference: "iauth_1".into(), now: november(3) });
        purse
    }

    fn hold(&mut self, amount: Money, kind: HoldKind) -> Slot {
        let purchase = Purchase {
            amount,
            merchant: "shop".into(),
            merchant_category: "books".into(),
            mcc: None,
            country: None,
            currency: None,
            channel: card::Channel::Online,
        };
        let hold = card::Command::Hold {
            user_id: ALICE,
            payment_id: crate::examples::PAYMENT,
            kind,
            purchase,
            earlier: self.payment.tally().map_or(0, |tally| tally.standing()),
            now: november(3),
        };
        self.card_decides(hold);
        self.card.slot(november(3))
    }

    fn card_decides(&mut self, command: card::Command) {
        let events = self.card.decide(command).expect("the card keeps up with its payment");
        for event in &events {
            match event {
                card::Event::Held { kind: HoldKind::Authorization | HoldKind::Forced, .. } => self.counted += 1,
                card::Event::HoldReleased { partial: false, .. } => self.counted -= 1,
                _ => {}
            }
            self.card.apply(event);
        }
    }

    fn decide(&mut self, command: Command) -> usize {
        let events = self.payment.decide(command.clone()).unwrap_or_else(|error| panic!("{command:?}: {error}"));
        events.iter().for_each(|event| self.payment.apply(event));
        let happened = events.len();
        self.events.extend(events);
        happened
    }

    fn held(&self) -> Money {
        self.payment.held().expect("it began")
    }

    fn release(&mut self, amount: Money, command: Command) {
        let parts = self.payment.parts(amount, command.withdraws());
        if self.decide(command) == 0 {
            return;
        }
        for Part { slot, amount, partial } in parts {
            let payment_id = crate::examples::PAYMENT;
            self.card_decides(card::Command::ReleaseHold { payment_id, amount, slot, partial, now: november(4) });
        }
    }

    fn step(&mut self, step: &Step) {
        let now = november(4);
        match *step {
            Step::Increment { id, cents } => {
                let reference = format!("iauth_1#{id}");
                if self.payment.answer(&reference).is_none() {
                    let slot = self.hold(usd(cents), self.payment.forced_kind());
                    self.decide(Command::Increment { reference, amount: usd(cents), forced: true, slot, now });
                }
            }
            Step::Capture { id, cents } => {
                let reference = format!("ipi_{id}");
                let capture = |amount| Command::Capture {
                    gateway: "sandbox".into(),
                    gateway_reference: reference.clone(),
                    amount,
                    is_final: false,
                    now,
                };
                if let Err(Error::CaptureExceedsAuthorized { .. } | Error::AlreadyReleased | Error::NotHeld) =
                    self.payment.decide(capture(usd(cents)))
                {
                    let excess = usd(cents - self.held().minor_units);
                    let slot = self.hold(excess, self.payment.forced_kind());
                    let forced =
                        Command::Increment { reference: reference.clone(), amount: excess, forced: true, slot, now };
                    self.decide(forced);
                }
                self.decide(capture(usd(cents)));
            }
            Step::Reverse { id, cents } => {
                let amount = usd(cents.min(self.held().minor_units));
                if amount.is_positive() {
                    let (reference, cause) = (format!("evt_{id}"), Release::Merchant);
                    self.release(amount, Command::Reverse { reference, amount, cause, now });
                }
            }
            Step::Withdraw { id, cents } => {
                let amount = usd(cents.min(self.held().minor_units));
                if amount.is_positive() {
                    let (reference, cause) = (format!("iauth_1#{id}"), Release::IssuerDeclined);
                    self.release(amount, Command::Reverse { reference, amount, cause, now });
                }
            }
            Step::Refund { id, cents } => {
                self.decide(Command::Refund { reference: format!("ref_{id}"), amount: usd(cents), heard: true, now });
            }
            Step::Close => {
                let amount = self.held();
                if amount.is_positive() {
                    let (reference, cause) = (format!("close_{}", self.events.len()), Release::Closed);
                    self.release(amount, Command::Reverse { reference, amount, cause, now });
                }
            }
            Step::Expire => self.release(self.held(), Command::Expire { now }),
        }
        self.check();
    }

    /// Invariant 2.
    fn check(&self) {
        let money = |amount: Option<Money>| amount.map_or(0, |amount| amount.minor_units);
        let payment = &self.payment;
        let (authorized, captured) = (money(payment.authorized()), money(payment.captured()));
        let (refunded, held) = (money(payment.refunded()), money(payment.held()));
        assert!(0 <= refunded && refunded <= captured && captured <= authorized, "{refunded} {captured} {authorized}");
        assert!(held >= 0 && captured + held <= authorized);
        let in_parts: i64 = payment.parts(self.held(), None).iter().map(|part| part.amount.minor_units).sum();
        assert_eq!(in_parts, held, "everything that is held can be given back");
        let used = self.card.used(card::Window::of(november(3))).expect("the card is issued");
        assert_eq!(used.minor_units, captured + held, "the card counts what was or may be captured");
        let is_counted = payment.forced_kind() == HoldKind::ForcedIncrement;
        assert_eq!(self.counted, u32::from(is_counted), "a payment is counted once at most");
    }
}

fn totals(payment: &Payment) -> (Option<Money>, Option<Money>, Option<Money>, Option<Money>) {
    (payment.captured(), payment.refunded(), payment.credited(), payment.held())
}

proptest! {
    #[test]
    fn money_adds_up_whatever_the_network_tells(steps in steps()) {
        let mut purse = Purse::open();
        steps.iter().for_each(|step| purse.step(step));
        prop_assert_eq!(state(&purse.events), purse.payment, "a replay gives the same");
    }

    #[test]
    fn what_is_told_twice_counts_once(steps in steps(), again in any::<prop::sample::Index>()) {
        let mut purse = Purse::open();
        steps.iter().for_each(|step| purse.step(step));
        let told: Vec<_> = steps.iter().filter(|step| matches!(step, Step::Capture { .. } | Step::Refund { .. })).collect();
        if !told.is_empty() {
            let before = purse.payment.clone();
            purse.step(told[again.index(told.len())]);
            prop_assert_eq!(purse.payment, before);
        }
    }

    #[test]
    fn the_order_of_movements_does_not_matter_in_the_end(
        movements in prop::collection::vec(movement(), 0..12),
        seed in any::<u64>(),
    ) {
        // Each id once: the same id with another amount would be another movement.
        let mut distinct: Vec<Step> = Vec::new();
        for (n, step) in movements.into_iter().enumerate() {
            let id = n as u8;
            distinct.push(match step {
                Step::Capture { cents, .. } => Step::Capture { id, cents },
                Step::Reverse { cents, .. } => Step::Reverse { id, cents },
                Step::Refund { cents, .. } => Step::Refund { id, cents },
                other => other,
            });
        }
        let mut shuffled: Vec<Step> = distinct.iter().chain(&distinct).cloned().collect();
        let mut random = seed | 1;
        for i in (1..shuffled.len()).rev() {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            shuffled.swap(i, (random >> 33) as usize % (i + 1));
        }
        let run = |steps: &[Step]| {
            let mut purse = Purse::open();
            steps.iter().for_each(|step| purse.step(step));
            purse.step(&Step::Close);
            totals(&purse.payment)
        };
        prop_assert_eq!(run(&distinct), run(&shuffled));
    }

    #[test]
    fn a_snapshot_anywhere_changes_nothing(steps in steps(), at in any::<prop::sample::Index>()) {
        let mut purse = Purse::open();
        steps.iter().for_each(|step| purse.step(step));
        let (before, after) = purse.events.split_at(at.index(purse.events.len() + 1));
        let snapshot = serde_json::to_string(&state(before)).expect("states have string keys");
        let mut restored: Payment = serde_json::from_str(&snapshot).expect("what was written");
        after.iter().for_each(|event| restored.apply(event));
        prop_assert_eq!(restored, purse.payment);
    }
}
