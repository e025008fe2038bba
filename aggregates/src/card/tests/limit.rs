use super::*;
use crate::{
    Currency,
    examples::{MALLORY, eur},
};

fn exceeded(used: i64, attempted: i64) -> Error {
    Error::LimitExceeded { limit: LIMIT, used: usd(used), attempted: usd(attempted), window: Window::of(november(3)) }
}

/// A hold of one cent in each of the months from November 2026 on.
fn a_card_used_for(months: u32) -> Vec<Event> {
    let month = |number: u32| on(2026 + (10 + number as i32) / 12, (10 + number) % 12 + 1, 3);
    an_active_card().into_iter().chain((0..months).map(|number| held(1, month(number)))).collect()
}

#[test]
fn a_hold_takes_from_the_month_it_falls_in() {
    given(an_active_card()).when(hold(usd(9_999), november(3))).then_expect_events(vec![held(9_999, november(3))]);
}

#[test]
fn the_limit_can_be_used_up_but_not_passed() {
    for (used, attempted, allowed) in
        [(0, 500_000, true), (0, 500_001, false), (499_999, 1, true), (499_999, 2, false), (1, i64::MAX, false)]
    {
        let history = if used > 0 { a_card_with(used, november(2)) } else { an_active_card() };
        let outcome = given(history).when(hold(usd(attempted), november(3))).inspect_result();
        let expected = if allowed { Ok(vec![held(attempted, november(3))]) } else { Err(exceeded(used, attempted)) };
        assert_eq!(outcome, expected, "{attempted} after {used}");
    }
}

#[test]
fn each_month_has_its_own_limit() {
    let december = on(2026, 12, 1);
    given(a_card_with(500_000, november(30)))
        .when(hold(usd(500_000), december))
        .then_expect_events(vec![held(500_000, december)]);
}

#[test]
fn a_month_ends_at_midnight_utc() {
    let last = november(30) + chrono::Duration::seconds(12 * 3_600 - 1);
    assert_eq!(Window::of(last), Window::of(november(1)));
    assert_eq!(Window::of(last + chrono::Duration::seconds(1)), Window::of(on(2026, 12, 9)));
    assert_eq!(Window::of(last).to_string(), "2026-11");
}

#[test]
fn an_amount_is_positive_and_in_the_cards_currency() {
    for amount in [usd(0), usd(-1), usd(i64::MIN)] {
        let error = Error::AmountNotPositive { amount };
        given(an_active_card()).when(hold(amount, november(3))).then_expect_error(error.clone());
        let history = a_card_with(100, november(3));
        given(history).when(release(amount, november(3), november(4))).then_expect_error(error);
    }
    let mismatch = Error::CurrencyMismatch { card: Currency::USD, payment: Currency::EUR };
    given(an_active_card()).when(hold(eur(1), november(3))).then_expect_error(mismatch.clone());
    let history = a_card_with(100, november(3));
    given(history).when(release(eur(1), november(3), november(4))).then_expect_error(mismatch);
}

/// Each hold breaks the rule it is paired with and every rule below it.
#[test]
fn the_first_broken_rule_is_the_answer() {
    let long_after = on(2031, 1, 1);
    let theirs = |now| Command::Hold {
        user_id: MALLORY,
        payment_id: PAYMENT,
        kind: HoldKind::Authorization,
        purchase: purchase(eur(-1)),
        earlier: 0,
        now,
    };
    for (history, command, error) in [
        (vec![], theirs(long_after), Error::NotFound),
        (a_requested_card(), theirs(long_after), Error::NotOwner),
        (a_requested_card(), hold(eur(-1), long_after), Error::NotIssued),
        (a_card_that_was_not_issued(), hold(eur(-1), long_after), Error::NotIssued),
        (a_terminated_card(), hold(eur(-1), long_after), Error::Terminated),
        (a_frozen_card(), hold(eur(-1), long_after), Error::Frozen),
        (an_active_card(), hold(eur(-1), long_after), Error::Expired { expiry: expiry() }),
        (an_active_card(), hold(eur(-1), november(3)), Error::AmountNotPositive { amount: eur(-1) }),
        (
            an_active_card(),
            hold(eur(500_001), november(3)),
            Error::CurrencyMismatch { card: Currency::USD, payment: Currency::EUR },
        ),
    ] {
        given(history).when(command).then_expect_error(error);
    }
}

#[test]
fn a_card_is_good_through_its_expiry_month() {
    for (now, good) in [(on(2029, 9, 30), true), (on(2029, 10, 31), true), (on(2029, 11, 1), false)] {
        let outcome = given(an_active_card()).when(hold(usd(1), now)).inspect_result();
        let expected = if good { Ok(vec![held(1, now)]) } else { Err(Error::Expired { expiry: expiry() }) };
        assert_eq!(outcome, expected, "{now}");
    }
}

#[test]
fn what_the_network_took_counts_whatever_the_rules_say() {
    let forced = |kind| Command::Hold {
        user_id: MALLORY,
        payment_id: PAYMENT,
        kind,
        purchase: purchase(usd(500_001)),
        earlier: 0,
        now: november(3),
    };
    let kinds = [HoldKind::Forced, HoldKind::ForcedIncrement];
    for (history, kind) in
        [an_active_card(), a_frozen_card(), a_terminated_card()].into_iter().flat_map(|h| kinds.map(|k| (h.clone(), k)))
    {
        let events = state(&history).decide(forced(kind)).expect("forced");
        let mut card = state(&history);
        events.iter().for_each(|event| card.apply(event));
        assert_eq!(card.used(Window::of(november(3))), Some(usd(500_001)));
    }
}

#[test]
fn a_release_gives_back_what_was_held() {
    let mut events = a_card_with(500_000, november(2));
    events.push(released(500_000, november(2), november(3)));
    assert_eq!(state(&events).used(Window::of(november(2))), Some(usd(0)));
    let again = hold(usd(500_000), november(3));
    given(events).when(again).then_expect_events(vec![held(500_000, november(3))]);
}

#[test]
fn a_release_goes_back_to_the_month_of_its_hold() {
    let (then, now) = (november(30), on(2026, 12, 2));
    let history = [a_card_with(100, then), vec![held(70, now)]].concat();
    given(history.clone()).when(release(usd(100), then, now)).then_expect_events(vec![released(100, then, now)]);
    let card = state(&[history, vec![released(100, then, now)]].concat());
    assert_eq!((card.used(Window::of(then)), card.used(Window::of(now))), (Some(usd(0)), Some(usd(70))));
}

#[test]
fn a_release_never_exceeds_what_is_held() {
    for (history, held) in [(a_card_with(100, november(3)), 100), (an_active_card(), 0)] {
        let window = Window::of(november(3));
        given(history).when(release(usd(101), november(3), november(4))).then_expect_error(Error::ReleaseExceedsHeld {
            held: usd(held),
            attempted: usd(101),
            window,
        });
    }
}

#[test]
fn a_release_to_a_forgotten_month_is_recorded_and_frees_nothing() {
    let card = state(&a_card_used_for(14));
    let events = card.decide(release(usd(1), november(3), on(2027, 12, 9))).expect("a late release is accepted");
    assert_eq!(events, vec![released(1, november(3), on(2027, 12, 9))]);
    let mut after = card.clone();
    events.iter().for_each(|event| after.apply(event));
    for month in 0..14 {
        let window = Window::of(on(2026 + (10 + month) / 12, (10 + month as u32) % 12 + 1, 3));
        assert_eq!(after.used(window), card.used(window), "{window}");
    }
}

#[test]
fn the_thirteenth_month_back_is_still_known() {
    let window = Window::of(november(3));
    assert_eq!(state(&a_card_used_for(13)).used(window), Some(usd(1)));
    assert_eq!(state(&a_card_used_for(14)).used(window), Some(usd(0)));
    given(a_card_used_for(13))
        .when(release(usd(2), november(3), november(4)))
        .then_expect_error(Error::ReleaseExceedsHeld { held: usd(1), attempted: usd(2), window });
}

#[test]
fn nothing_can_be_spent_in_a_forgotten_month() {
    given(a_card_used_for(14)).when(hold(usd(1), november(3))).then_expect_error(exceeded(LIMIT.minor_units, 1));
}

#[test]
fn a_card_without_a_currency_has_used_nothing() {
    assert_eq!(Card::default().used(Window::of(november(3))), None);
    assert_eq!(state(&an_active_card()).used(Window::of(november(3))), Some(usd(0)));
}

/// A tip, a longer stay: it is the same transaction, whose limit is asked for its total.
#[test]
fn more_for_a_payment_is_within_the_limit_of_one_transaction() {
    let controls = controls::limited(Period::Transaction, Some(1_000), None);
    let more = |kind, earlier, cents| Command::Hold {
        user_id: ALICE,
        payment_id: PAYMENT,
        kind,
        purchase: purchase(usd(cents)),
        earlier,
        now: november(3),
    };
    let refused = |used, attempted| Error::ControlRefused {
        refusal: Refusal::AmountLimit {
            period: Period::Transaction,
            limit: usd(1_000),
            used: usd(used),
            attempted: usd(attempted),
            from: None,
            until: None,
        },
    };
    use HoldKind::{Authorization, Forced, ForcedIncrement, Increment};
    for (kind, earlier, cents, expected) in [
        (Authorization, 0, 1_000, Ok(())),
        (Authorization, 0, 1_001, Err(refused(0, 1_001))),
        (Increment, 600, 400, Ok(())),
        (Increment, 600, 401, Err(refused(600, 401))),
        // What was given back makes room.
        (Increment, 0, 1_000, Ok(())),
        // After a forced part nothing more is approved.
        (Increment, 1_200, 1, Err(refused(1_200, 1))),
        (Increment, i64::MAX, 1, Err(refused(i64::MAX, 1))),
        // What the network took is recorded, beyond the limit as it is.
        (ForcedIncrement, 600, 401, Ok(())),
        (Forced, 0, 1_001, Ok(())),
    ] {
        let decided = state(&a_card_with_controls(controls.clone())).decide(more(kind, earlier, cents));
        let recorded = decided.map(|events| match &events[..] {
            [Event::Held { kind: held_as, amount, .. }] => assert_eq!((*held_as, *amount), (kind, usd(cents))),
            other => panic!("{other:?}"),
        });
        assert_eq!(recorded, expected, "{kind} of {cents} after {earlier}");
    }
}
