mod history;
mod holds;
mod machine;

use cqrs_es::test::{AggregateTestExecutor, TestFramework};

use super::*;
use crate::Money;
use crate::examples::{ALICE, CARD, MALLORY, eur, every_decline, low_risk, november, slot, usd, window};

fn given(history: Vec<Event>) -> AggregateTestExecutor<Payment> {
    TestFramework::with(()).given(history)
}

fn initiate() -> Command {
    Command::Initiate {
        user_id: ALICE,
        card_id: CARD,
        amount: usd(9_999),
        merchant: "example-merchant.com".into(),
        merchant_category: "electronics".into(),
        device_id: Some("device_uuid_123".into()),
        screening: low_risk(),
        hold: Some(slot()),
        request_digest: Some("9f86d081".into()),
        network: None,
        now: november(3),
    }
}

fn initiated() -> Event {
    match Payment::default().decide(initiate()) {
        Ok(mut events) if events.len() == 1 => events.remove(0),
        other => panic!("a payment starts with one event, not {other:?}"),
    }
}

fn capture(amount: Money, reference: &str) -> Command {
    Command::Capture {
        gateway: "sandbox".into(),
        gateway_reference: reference.into(),
        amount,
        is_final: true,
        now: november(4),
    }
}

fn captured(amount: Money) -> Event {
    Event::Captured {
        gateway: "sandbox".into(),
        gateway_reference: "ch_1".into(),
        amount,
        is_final: true,
        at: november(4),
    }
}

fn refusal() -> Decline {
    Decline::GatewayDeclined { gateway: "sandbox".into(), gateway_code: "insufficient_funds".into() }
}

fn decline(reason: Decline) -> Command {
    Command::Decline { reason, now: november(4) }
}

fn declined() -> Event {
    Event::Declined { reason: refusal(), at: november(4) }
}

fn a_pending_payment() -> Vec<Event> {
    vec![initiated()]
}

fn a_payment_without_a_hold() -> Vec<Event> {
    let mut initiated = initiated();
    if let Event::Initiated { hold, slot, .. } = &mut initiated {
        (*hold, *slot) = (None, None);
    }
    vec![initiated]
}

fn a_captured_payment() -> Vec<Event> {
    vec![initiated(), captured(usd(9_999))]
}

fn a_declined_payment() -> Vec<Event> {
    vec![initiated(), declined()]
}

fn state(events: &[Event]) -> Payment {
    let mut payment = Payment::default();
    events.iter().for_each(|event| payment.apply(event));
    payment
}

#[test]
fn an_initiated_payment_records_what_was_asked() {
    let payment = state(&a_pending_payment());
    assert_eq!(payment.status(), Some(Status::Pending));
    assert_eq!((payment.user_id(), payment.card_id()), (Some(ALICE), Some(CARD)));
    assert_eq!((payment.amount(), payment.hold()), (Some(usd(9_999)), Some(slot())));
    assert_eq!(payment.merchant(), Some("example-merchant.com"));
    assert_eq!(payment.merchant_category(), Some("electronics"));
    assert_eq!(payment.device_id(), Some("device_uuid_123"));
    assert_eq!(payment.screening(), Some(&low_risk()));
    assert_eq!(payment.request_digest(), Some("9f86d081"));
    assert_eq!((payment.initiated_at(), payment.updated_at()), (Some(november(3)), Some(november(3))));
}

#[test]
fn a_payment_from_before_slots_is_held_where_its_card_counted_it() {
    let mut old = initiated();
    if let Event::Initiated { hold, slot, .. } = &mut old {
        (*hold, *slot) = (Some(window()), None);
    }
    assert_eq!(state(&[old]).hold(), Some(slot()));
}

#[test]
fn the_same_request_again_changes_nothing() {
    for history in [a_pending_payment(), a_captured_payment(), a_declined_payment()] {
        given(history).when(initiate()).then_expect_events(vec![]);
    }
}

#[test]
fn a_repeat_may_be_screened_differently_and_later() {
    let mut repeat = initiate();
    if let Command::Initiate { screening, hold, now, .. } = &mut repeat {
        (screening.approved, *hold, *now) = (false, None, november(9));
    }
    given(a_pending_payment()).when(repeat).then_expect_events(vec![]);
}

#[test]
fn a_key_used_for_another_request_is_refused() {
    let changes: [fn(&mut Command); 4] = [
        |command| set(command, |user_id, _, _, _| *user_id = MALLORY),
        |command| set(command, |_, amount, _, _| *amount = usd(1)),
        |command| set(command, |_, _, merchant, _| *merchant = "elsewhere.example".into()),
        |command| set(command, |_, _, _, digest| *digest = None),
    ];
    for change in changes {
        let mut other = initiate();
        change(&mut other);
        given(a_pending_payment()).when(other).then_expect_error(Error::KeyReused);
    }
}

type Change = fn(&mut crate::UserId, &mut Money, &mut String, &mut Option<String>);

fn set(command: &mut Command, change: Change) {
    if let Command::Initiate { user_id, amount, merchant, request_digest, .. } = command {
        change(user_id, amount, merchant, request_digest);
    }
}

#[test]
fn a_payment_is_of_a_positive_amount() {
    for cents in [0, -1, i64::MIN] {
        let mut command = initiate();
        if let Command::Initiate { amount, .. } = &mut command {
            *amount = usd(cents);
        }
        let error = Error::AmountNotPositive { amount: usd(cents) };
        given(vec![]).when(command).then_expect_error(error);
    }
}

#[test]
fn a_held_payment_can_be_captured() {
    let captured_amounts = [1, 9_998, 9_999];
    for cents in captured_amounts {
        given(a_pending_payment()).when(capture(usd(cents), "ch_1")).then_expect_events(vec![captured(usd(cents))]);
    }
}

#[test]
fn no_more_than_authorised_can_be_captured() {
    for attempted in [usd(10_000), usd(i64::MAX), eur(9_999)] {
        given(a_pending_payment())
            .when(capture(attempted, "ch_1"))
            .then_expect_error(Error::CaptureExceedsAuthorized { authorized: usd(9_999), attempted });
    }
}

#[test]
fn nothing_or_less_cannot_be_captured() {
    for amount in [usd(0), usd(-1)] {
        given(a_pending_payment()).when(capture(amount, "ch_1")).then_expect_error(Error::AmountNotPositive { amount });
    }
}

#[test]
fn what_is_not_held_cannot_be_captured() {
    given(a_payment_without_a_hold()).when(capture(usd(9_999), "ch_1")).then_expect_error(Error::NotHeld);
}

#[test]
fn the_same_capture_again_changes_nothing() {
    given(a_captured_payment()).when(capture(usd(9_999), "ch_1")).then_expect_events(vec![]);
}

#[test]
fn a_payment_is_captured_once() {
    given(a_captured_payment()).when(capture(usd(9_999), "ch_2")).then_expect_error(Error::AlreadyCaptured);
}

#[test]
fn a_declined_payment_cannot_be_captured() {
    given(a_declined_payment()).when(capture(usd(9_999), "ch_1")).then_expect_error(Error::AlreadyDeclined);
}

#[test]
fn a_pending_payment_can_be_declined_for_every_reason() {
    for reason in every_decline() {
        given(a_pending_payment())
            .when(decline(reason.clone()))
            .then_expect_events(vec![Event::Declined { reason, at: november(4) }]);
    }
}

#[test]
fn the_first_reason_for_a_decline_stands() {
    for reason in every_decline() {
        given(a_declined_payment()).when(decline(reason)).then_expect_events(vec![]);
    }
}

#[test]
fn a_captured_payment_cannot_be_declined() {
    given(a_captured_payment()).when(decline(refusal())).then_expect_error(Error::AlreadyCaptured);
}

#[test]
fn a_payment_that_never_began_has_no_outcome() {
    given(vec![]).when(capture(usd(1), "ch_1")).then_expect_error(Error::NotFound);
    given(vec![]).when(decline(refusal())).then_expect_error(Error::NotFound);
    assert_eq!(Payment::default().status(), None);
}

#[test]
fn the_outcome_is_kept() {
    let captured = state(&a_captured_payment());
    assert_eq!(captured.status(), Some(Status::Captured));
    assert_eq!((captured.captured(), captured.gateway_reference()), (Some(usd(9_999)), Some("ch_1")));
    assert_eq!((captured.decline(), captured.updated_at()), (None, Some(november(4))));

    let declined = state(&a_declined_payment());
    assert_eq!(declined.status(), Some(Status::Declined));
    assert_eq!((declined.decline(), declined.gateway_reference()), (Some(&refusal()), None));
    assert_eq!((declined.captured(), declined.updated_at()), (None, Some(november(4))));
}

#[test]
fn every_reason_has_its_code_in_the_stored_event() {
    for reason in every_decline() {
        let stored = serde_json::to_value(&reason).expect("plain fields");
        assert_eq!(stored["code"], reason.code());
    }
}

#[test]
fn the_state_survives_its_snapshot() {
    for events in [vec![], a_pending_payment(), a_captured_payment(), a_declined_payment()] {
        let payment = state(&events);
        let snapshot = serde_json::to_string(&payment).expect("states have string keys");
        assert_eq!(serde_json::from_str::<Payment>(&snapshot).expect("what was written"), payment);
    }
}

fn resume() -> Command {
    Command::Resume { now: november(4) }
}

fn resumed() -> Event {
    Event::Resumed { at: november(4) }
}

#[test]
fn a_worker_takes_a_pending_payment_over_once() {
    given(a_pending_payment()).when(resume()).then_expect_events(vec![resumed()]);
    given(vec![initiated(), resumed()]).when(resume()).then_expect_events(vec![]);
}

#[test]
fn an_ended_payment_cannot_be_taken_over() {
    given(vec![initiated(), captured(usd(9_999))]).when(resume()).then_expect_error(Error::AlreadyCaptured);
    given(vec![initiated(), declined()]).when(resume()).then_expect_error(Error::AlreadyDeclined);
    given(vec![]).when(resume()).then_expect_error(Error::NotFound);
}

#[test]
fn a_payment_that_was_taken_over_can_still_be_captured_or_declined() {
    let history = vec![initiated(), resumed()];
    given(history.clone()).when(capture(usd(9_999), "ch_1")).then_expect_events(vec![captured(usd(9_999))]);
    given(history).when(decline(refusal())).then_expect_events(vec![declined()]);
}
