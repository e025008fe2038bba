use std::collections::BTreeMap;

use proptest::prelude::*;

use super::*;
use crate::examples::on;

/// One step of a card's history.
#[derive(Clone, Debug)]
enum Step {
    /// `month` counts from November 2026.
    Hold {
        cents: i64,
        month: u32,
    },
    /// Gives back the `which`th hold that was made, a part of `cents` at most.
    Release {
        which: usize,
        cents: i64,
        month: u32,
    },
    Freeze,
    Unfreeze,
    Terminate,
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    // Amounts near the limit make refusals about as likely as holds; the last months are past the expiry.
    let cents = || prop_oneof![1..1_000_i64, 100_000..LIMIT.minor_units + 2, Just(i64::MAX)];
    let month = || 0..40_u32;
    let step = prop_oneof![
        20 => (cents(), month()).prop_map(|(cents, month)| Step::Hold { cents, month }),
        10 => (any::<usize>(), cents(), month()).prop_map(|(which, cents, month)| Step::Release { which, cents, month }),
        2 => Just(Step::Freeze),
        4 => Just(Step::Unfreeze),
        1 => (0..40_u8).prop_map(|dice| if dice == 0 { Step::Terminate } else { Step::Unfreeze }),
    ];
    prop::collection::vec(step, 0..120)
}

fn day_in(month: u32) -> DateTime<Utc> {
    on(2026 + ((10 + month) / 12) as i32, (10 + month) % 12 + 1, 15)
}

/// What a card has held, counted apart from its state.
#[derive(Default)]
struct Ledger {
    holds: Vec<(Slot, i64)>,
    used: BTreeMap<Window, i64>,
}

impl Ledger {
    fn command(&self, step: &Step) -> Command {
        let now = november(1);
        match *step {
            Step::Hold { cents, month } => hold(usd(cents), day_in(month)),
            Step::Release { which, cents, month } => match self.holds.get(which % self.holds.len().max(1)) {
                Some((slot, held)) => Command::ReleaseHold {
                    payment_id: PAYMENT,
                    amount: usd(cents.min(*held)),
                    slot: *slot,
                    partial: false,
                    now: day_in(month),
                },
                None => release(usd(cents), now, day_in(month)),
            },
            Step::Freeze => Command::Freeze { by: Authority::Person, reason: Reason::Requested, now },
            Step::Unfreeze => {
                Command::Unfreeze { by: Authority::Person, whose: Authority::Person, reason: Reason::Requested, now }
            }
            Step::Terminate => Command::Terminate { by: Authority::Person, reason: Reason::Requested, now },
        }
    }

    fn count(&mut self, event: &Event) {
        match event {
            Event::Held { amount, window, at, .. } => {
                self.holds.push((Slot::utc(*at), amount.minor_units));
                *self.used.entry(*window).or_default() += amount.minor_units;
            }
            Event::HoldReleased { amount, window, .. } => {
                *self.used.entry(*window).or_default() -= amount.minor_units;
            }
            Event::Requested { .. }
            | Event::Issued { .. }
            | Event::IssueFailed { .. }
            | Event::LockedToMerchant { .. }
            | Event::ControlsSet { .. }
            | Event::Activated { .. }
            | Event::Frozen { .. }
            | Event::Unfrozen { .. }
            | Event::Terminated { .. }
            | Event::Expired { .. }
            | Event::ExpiryAnnounced { .. }
            | Event::Replaced { .. }
            | Event::IssuerStatusRecorded { .. }
            | Event::Revealed { .. } => {}
        }
    }
}

fn run(steps: &[Step]) -> (Card, Vec<Event>, Ledger) {
    let (mut events, mut ledger) = (an_active_card(), Ledger::default());
    let mut card = state(&events);
    for step in steps {
        for event in card.decide(ledger.command(step)).unwrap_or_default() {
            card.apply(&event);
            ledger.count(&event);
            events.push(event);
        }
        let most = ledger.used.values().max().copied().unwrap_or(0);
        assert!(most <= LIMIT.minor_units, "{most} used of a month's limit after {step:?}");
    }
    (card, events, ledger)
}

fn bytes(card: &Card) -> Vec<u8> {
    serde_json::to_vec(card).expect("states have string keys")
}

proptest! {
    /// Invariant 2, for one card.
    #[test]
    fn no_month_ever_exceeds_the_limit(steps in steps()) {
        let (card, _, ledger) = run(&steps);
        for (window, used) in ledger.used.iter().rev().take(13) {
            prop_assert_eq!(card.used(*window), Some(usd(*used)));
        }
    }

    /// Invariant 7.
    #[test]
    fn a_replay_gives_the_same_bytes(steps in steps()) {
        let (card, events, _) = run(&steps);
        let replayed = state(&events);
        prop_assert_eq!(&replayed, &card);
        prop_assert_eq!(bytes(&replayed), bytes(&card));
    }

    #[test]
    fn a_snapshot_anywhere_in_the_history_changes_nothing(steps in steps(), at: prop::sample::Index) {
        let (card, events, _) = run(&steps);
        let (before, after) = events.split_at(at.index(events.len() + 1));
        let mut restored: Card = serde_json::from_slice(&bytes(&state(before))).expect("what was written");
        prop_assert_eq!(&restored, &state(before));
        after.iter().for_each(|event| restored.apply(event));
        prop_assert_eq!(bytes(&restored), bytes(&card));
    }

    #[test]
    fn the_state_stays_small(steps in steps()) {
        prop_assert!(bytes(&run(&steps).0).len() < 4_000);
    }
}
