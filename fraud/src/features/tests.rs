use aggregates::{Currency, card::Slot, payment::Decline};
use chrono::Duration;
use proptest::prelude::*;

use super::*;
use crate::examples::{bought, captured, initiated, noon, usd};

/// Of payments that each begin anew.
fn state(events: &[Event]) -> PersonState {
    let mut state = PersonState::default();
    events.iter().for_each(|event| state.step(event, Tally::default()));
    state
}

/// Given payments, each with its events in order: when they have happened one after another.
fn given(payments: &[&[Event]]) -> PersonState {
    let mut state = PersonState::default();
    for events in payments {
        let mut tally = Tally::default();
        for event in *events {
            state.step(event, tally);
            tally.step(event);
        }
    }
    state
}

fn more(forced: bool) -> Event {
    let slot = Slot { at: noon(), day: noon().date_naive() };
    Event::Incremented { reference: "iauth_1#1".into(), amount: usd(3_000), forced, slot, at: noon() }
}

fn refunded(cents: i64) -> Event {
    Event::Refunded { reference: format!("ref_{cents}"), amount: usd(cents), at: noon() }
}

fn authorized() -> Event {
    Event::Authorized { reference: "iauth_1".into(), amount: usd(1_000), at: noon() }
}

/// Attempts, captured payments, their mean, and all that was captured.
fn counts(state: &PersonState) -> (i64, i64, i64, i64) {
    (state.attempts_day(noon()), state.captured_count(), state.captured_mean(), state.captured_day(noon()))
}

#[test]
fn an_authorisation_is_one_attempt_however_often_its_merchant_asks_and_takes() {
    let hotel = [bought(false, noon()), authorized(), more(false), more(true), captured(usd(1_000), noon())];
    let part = captured(usd(500), noon());
    let in_parts = [&hotel[..], &[part.clone(), part, refunded(700)]].concat();
    assert_eq!(counts(&given(&[&hotel])), (1, 1, 10_000, 10_000));
    // 20 dollars in three parts are one payment of 20 dollars.
    assert_eq!(counts(&given(&[&in_parts])), (1, 1, 20_000, 20_000));
    let another = [initiated(None, noon()), captured(usd(4_000), noon())];
    assert_eq!(counts(&given(&[&another, &in_parts])), (2, 2, 30_000, 60_000));
}

#[test]
fn what_a_merchant_does_unasked_is_no_attempt() {
    let posted = [bought(true, noon()), more(true), captured(usd(3_000), noon())];
    let refund = [bought(true, noon()), refunded(1_000)];
    assert_eq!(counts(&given(&[&posted])), (0, 1, 30_000, 30_000));
    assert_eq!(given(&[&posted]).first_seen(), None);
    assert_eq!(counts(&given(&[&refund])), (0, 0, 0, 0));
    let refused = [bought(false, noon()), declined(noon())];
    assert_eq!((counts(&given(&[&refused])).0, given(&[&refused]).declined_day(noon())), (1, 1));
}

fn declined(at: DateTime<Utc>) -> Event {
    Event::Declined { reason: Decline::CardFrozen, at }
}

#[test]
fn an_attempt_counts_whatever_becomes_of_it() {
    let state = state(&[initiated(None, noon()), declined(noon()), initiated(None, noon()), captured(usd(1), noon())]);
    assert_eq!(state.attempts_10_minutes(noon()), 2);
    assert_eq!(state.attempts_hour(noon()), 2);
    assert_eq!(state.attempts_day(noon()), 2);
    assert_eq!((state.declined_day(noon()), state.captured_count()), (1, 1));
}

#[test]
fn attempts_are_forgotten_in_time() {
    let state = state(&[initiated(None, noon())]);
    let later = |seconds| noon() + Duration::seconds(seconds);
    assert_eq!((state.attempts_10_minutes(later(1_200)), state.attempts_hour(later(1_200))), (0, 1));
    assert_eq!((state.attempts_hour(later(7_200)), state.attempts_day(later(7_200))), (0, 1));
    assert_eq!(state.attempts_day(later(2 * DAY)), 0);
}

#[test]
fn the_first_attempt_is_remembered() {
    let first = noon() - Duration::days(900);
    assert_eq!(state(&[initiated(None, first), initiated(None, noon())]).first_seen(), Some(first));
}

#[test]
fn the_mean_is_of_captured_amounts_only() {
    let state = state(&[captured(usd(1_000), noon()), captured(usd(3_000), noon()), initiated(None, noon())]);
    assert_eq!((state.captured_mean(), state.captured_day(noon())), (20_000, 40_000));
}

#[test]
fn habits_may_change() {
    let mut state = PersonState::default();
    (0..500).for_each(|_| state.step(&captured(usd(1_000), noon()), Tally::default()));
    (0..500).for_each(|_| state.step(&captured(usd(9_000), noon()), Tally::default()));
    assert!(state.captured_mean() > 89_000, "{}", state.captured_mean());
}

#[test]
fn amounts_are_compared_in_major_units() {
    let clf = Currency::from_code("CLF").expect("the Chilean unit of account has four decimals");
    for (amount, expected) in [
        (usd(150), 1_500),
        (Money::new(1_500, Currency::KWD), 1_500),
        (Money::new(15, Currency::JPY), 15_000),
        (Money::new(15_009, clf), 1_500),
        (usd(i64::MAX), i64::MAX),
    ] {
        assert_eq!(thousandths(amount), expected, "{amount}");
    }
}

#[test]
fn a_device_is_known_once_a_payment_from_it_was_held() {
    let mut refused = initiated(Some("stolen"), noon());
    if let Event::Initiated { hold, .. } = &mut refused {
        *hold = None;
    }
    let state = state(&[initiated(Some("phone"), noon()), refused]);
    assert!(state.knows_device("phone"));
    assert!(!state.knows_device("stolen"));
}

#[test]
fn the_device_longest_unused_makes_room() {
    let names: Vec<_> = (0..=DEVICES_KEPT).map(|number| format!("device {number}")).collect();
    let mut state = PersonState::default();
    for name in &names[..DEVICES_KEPT] {
        state.step(&initiated(Some(name), noon()), Tally::default());
    }
    state.step(&initiated(Some(&names[0]), noon()), Tally::default());
    state.step(&initiated(Some(&names[DEVICES_KEPT]), noon()), Tally::default());
    assert!(state.knows_device(&names[0]));
    assert!(!state.knows_device(&names[1]));
    assert!(state.knows_device(&names[DEVICES_KEPT]));
}

#[test]
fn the_fingerprint_is_fnv_1a() {
    for (text, hash) in [("", 0xcbf2_9ce4_8422_2325), ("a", 0xaf63_dc4c_8601_ec8c), ("foobar", 0x8594_4171_f739_67e8)] {
        assert_eq!(fingerprint(text), hash, "{text}");
    }
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let at = || (0..3 * DAY).prop_map(|seconds| noon() + Duration::seconds(seconds));
    let device = prop::option::of("[a-z]{1,2}");
    let event = prop_oneof![
        (device, at()).prop_map(|(device, at)| initiated(device.as_deref(), at)),
        (1..=i64::MAX, at()).prop_map(|(cents, at)| captured(usd(cents), at)),
        at().prop_map(declined),
    ];
    prop::collection::vec(event, 0..60)
}

proptest! {
    /// Invariants 6 and 7: however often the state was written and read in between, it is that of a replay.
    #[test]
    fn a_state_read_back_goes_on_as_if_never_written(events in events()) {
        let mut read_back = PersonState::default();
        for event in &events {
            let text = serde_json::to_string(&read_back).expect("states have string keys");
            read_back = serde_json::from_str(&text).expect("what was written");
            read_back.step(event, Tally::default());
        }
        prop_assert_eq!(read_back, state(&events));
    }

    #[test]
    fn the_state_stays_small(events in events()) {
        let text = serde_json::to_string(&state(&events)).expect("states have string keys");
        prop_assert!(text.len() < 700, "{}", text);
    }
}
