//! What the network has asked and taken, and which of the card's holds that is.

use super::machine::{authorized, of_network, slot};
use super::*;
use crate::card::Slot;

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
    let parts: Vec<_> = payment.parts(usd(700), None).iter().map(|part| (part.slot, part.amount, part.partial)).collect();
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
}
