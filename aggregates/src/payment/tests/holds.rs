//! What the network has asked and taken, and which of the card's holds that is.

use super::machine::{authorized, of_network, slot};
use super::*;
use crate::card::{HoldKind, Slot};

#[test]
fn the_answer_to_a_request_is_remembered() {
    let approved = state(&[of_network(true), authorized()]);
    assert_eq!((approved.answer("iauth_1"), approved.answer("iauth_1#1")), (Some(true), None));
    assert_eq!(state(&[of_network(false), declined()]).answer("iauth_1"), Some(false));
    let refused = Event::IncrementDeclined {
        reference: "iauth_1#1".into(),
        amount: usd(1),
        reason: Decline::CardFrozen,
        at: november(4),
    };
    assert_eq!(state(&[of_network(true), authorized(), refused]).answer("iauth_1#1"), Some(false));
    let too_late =
        Event::Reversed { reference: "iauth_1".into(), amount: usd(9_999), cause: Release::TooLate, at: november(4) };
    let late = state(&[of_network(true), authorized(), too_late]);
    assert_eq!((late.answer("iauth_1"), late.status()), (Some(false), Some(Status::Voided)));
}

#[test]
fn a_release_names_the_holds_it_comes_from_the_newest_first() {
    let more = Event::Incremented {
        reference: "iauth_1#1".into(),
        amount: usd(500),
        forced: false,
        slot: Slot::utc(november(20)),
        at: november(20),
    };
    let payment = state(&[of_network(true), authorized(), more]);
    let parts: Vec<_> =
        payment.parts(usd(700), None).iter().map(|part| (part.slot, part.amount, part.partial)).collect();
    assert_eq!(parts, [(Slot::utc(november(20)), usd(500), true), (slot(), usd(200), true)]);
    let whole: Vec<_> = payment.parts(usd(10_499), None).iter().map(|part| (part.amount, part.partial)).collect();
    assert_eq!(whole, [(usd(500), true), (usd(9_999), false)]);
}

/// A request of November is withdrawn in December: its own window gets the amount back, and a later hold stands.
#[test]
fn a_withdrawn_request_gives_back_its_own_hold_first() {
    let december = Slot::utc(november(3) + chrono::TimeDelta::days(30));
    let more = Event::Incremented {
        reference: "iauth_1#1".into(),
        amount: usd(500),
        forced: false,
        slot: december,
        at: december.at,
    };
    let mut payment = state(&[of_network(true), authorized(), more]);
    let parts = |payment: &Payment, cents, of| {
        let parts = payment.parts(usd(cents), of).into_iter();
        parts.map(|part| (part.slot, part.amount.minor_units, part.partial)).collect::<Vec<_>>()
    };
    assert_eq!(parts(&payment, 9_999, Some("iauth_1")), [(slot(), 9_999, false)]);
    assert_eq!(parts(&payment, 10_000, Some("iauth_1")), [(slot(), 9_999, false), (december, 1, true)]);
    assert_eq!(parts(&payment, 501, Some("iauth_1#1")), [(december, 500, true), (slot(), 1, true)]);
    assert_eq!(parts(&payment, 1, Some("iauth_1#7")), [(december, 1, true)]);

    let (reference, amount, now) = ("iauth_1".to_owned(), usd(9_999), december.at);
    let withdrawn = Command::Reverse { reference, amount, cause: Release::IssuerDeclined, now };
    assert_eq!(withdrawn.withdraws(), Some("iauth_1"));
    payment.decide(withdrawn).into_iter().flatten().for_each(|event| payment.apply(&event));
    assert_eq!(parts(&payment, 500, None), [(december, 500, true)]);
}

/// The network approved without us, and its captures are heard of first: of the approval only the rest is held.
#[test]
fn what_was_captured_by_force_is_part_of_the_ruling_that_comes_later() {
    let mut payment = state(&[of_network(false)]);
    let now = november(4);
    let force = |reference: &str, cents| Command::Increment {
        reference: reference.into(),
        amount: usd(cents),
        forced: true,
        slot: slot(),
        now,
    };
    let acknowledge =
        |reference: &str, cents| Command::Acknowledge { reference: reference.into(), amount: usd(cents), now };
    let mut decide = |command| {
        let events = payment.decide(command)?;
        events.iter().for_each(|event| payment.apply(event));
        let snapshot = serde_json::to_string(&payment).expect("states have string keys");
        payment = serde_json::from_str(&snapshot).expect("what was written");
        Ok((events.len(), payment.unruled(), payment.held()))
    };
    let left = |events, unruled, held| Ok((events, Some(usd(unruled)), Some(usd(held))));
    assert_eq!(decide(force("ipi_1", 1_000)), left(1, 1_000, 1_000));
    assert_eq!(decide(force("ipi_2", 500)), left(1, 1_500, 1_500));
    assert_eq!(decide(acknowledge("iauth_1", 1_501)), Err(Error::NotHeld));
    assert_eq!(decide(acknowledge("iauth_1", 1_200)), left(1, 300, 1_500));
    assert_eq!(decide(acknowledge("iauth_1", 1_200)), left(0, 300, 1_500));
    assert_eq!(decide(force("iauth_1#1", 700)), left(1, 0, 2_200));
    assert_eq!(decide(force("iauth_12", 1)), left(1, 1, 2_201));
    assert_eq!(payment.answer("iauth_1"), Some(true));
}

/// A tip is not a second payment.
#[test]
fn what_is_forced_on_a_counted_payment_counts_no_more() {
    let forced = Event::Incremented {
        reference: "ipi_1".into(),
        amount: usd(1_200),
        forced: true,
        slot: slot(),
        at: november(4),
    };
    let tipped = state(&[of_network(true), authorized(), forced.clone()]);
    let parts: Vec<_> = tipped.parts(usd(11_199), None).iter().map(|part| part.partial).collect();
    assert_eq!((tipped.forced_kind(), parts), (HoldKind::ForcedIncrement, vec![true, false]));
    assert_eq!(state(&[of_network(false)]).forced_kind(), HoldKind::Forced);
    let unasked = state(&[of_network(false), forced]);
    assert_eq!((unasked.forced_kind(), unasked.parts(usd(1_200), None)[0].partial), (HoldKind::ForcedIncrement, false));
}

#[test]
fn movements_are_bounded() {
    let mut payment = state(&[of_network(true), authorized()]);
    let refund =
        |n: usize| Command::Refund { reference: format!("ref_{n}"), amount: usd(1), heard: true, now: november(9) };
    for n in 1.. {
        match payment.decide(refund(n)) {
            Ok(events) => events.iter().for_each(|event| payment.apply(event)),
            Err(error) => {
                assert_eq!((n, error), (1_000, Error::TooManyMovements { most: 1_000 }));
                break;
            }
        }
    }
    let (cause, now) = (Release::Closed, november(10));
    let release = |cents| Command::Reverse { reference: "evt_1".into(), amount: usd(cents), cause, now };
    assert_eq!(payment.decide(release(9_998)), Err(Error::TooManyMovements { most: 1_000 }));
    let released = payment.decide(release(9_999)).expect("what is held can always be given back");
    released.iter().for_each(|event| payment.apply(event));
    assert_eq!(payment.held(), Some(usd(0)));
}
