//! The rules of a card. Builders name the state that a card is in; `life` holds the table of states and commands,
//! `limit` what may be spent, `history` what holds for every history.

mod changes;
mod controls;
mod history;
mod life;
mod limit;

use chrono::{DateTime, Utc};
use cqrs_es::test::{AggregateTestExecutor, TestFramework};

use super::*;
use crate::examples::{ALICE, CARD, PAYMENT, expiry, november, on, usd};

fn given(history: Vec<Event>) -> AggregateTestExecutor<Card> {
    TestFramework::with(()).given(history)
}

const LIMIT: Money = Money::new(500_000, crate::Currency::USD);

fn requested() -> Event {
    requested_with(Terms::default())
}

fn requested_with(terms: Terms) -> Event {
    Event::Requested {
        user_id: ALICE,
        card_type: CardType::VirtualVisa,
        monthly_limit: LIMIT,
        purpose: terms.purpose,
        controls: Box::new(terms.controls.normalized()),
        needs_activation: terms.needs_activation,
        replaces: terms.replaces.map(Box::new),
        at: november(1),
    }
}

fn issued() -> Event {
    Event::Issued {
        issuer: "sandbox".into(),
        issuer_reference: "iss_1".into(),
        last_four: "4242".into(),
        expiry: expiry(),
        status: Status::Active,
        at: november(1),
    }
}

fn issue_failed() -> Event {
    Event::IssueFailed { issuer: "sandbox".into(), reason: "programme_closed".into(), at: november(1) }
}

fn held(cents: i64, at: DateTime<Utc>) -> Event {
    Event::Held {
        payment_id: PAYMENT,
        kind: HoldKind::Authorization,
        amount: usd(cents),
        window: Window::of(at),
        slot: Some(Slot::utc(at)),
        at,
    }
}

fn released(cents: i64, held_at: DateTime<Utc>, at: DateTime<Utc>) -> Event {
    Event::HoldReleased {
        payment_id: PAYMENT,
        amount: usd(cents),
        window: Window::of(held_at),
        slot: Some(Slot::utc(held_at)),
        partial: false,
        at,
    }
}

fn frozen(by: Authority) -> Event {
    Event::Frozen { by, reason: Some(Reason::Requested), at: november(2) }
}

fn terminated(reason: Reason) -> Event {
    Event::Terminated { by: Authority::Person, reason: Some(reason), at: november(2) }
}

fn a_card_with_controls(controls: Controls) -> Vec<Event> {
    vec![requested_with(Terms { controls, ..Terms::default() }), issued()]
}

fn a_card_for(purpose: Purpose) -> Vec<Event> {
    vec![requested_with(Terms { purpose, ..Terms::default() }), issued()]
}

fn an_inactive_card() -> Vec<Event> {
    let terms = Terms { needs_activation: true, ..Terms::default() };
    let mut issued = issued();
    if let Event::Issued { status, .. } = &mut issued {
        *status = Status::Inactive;
    }
    vec![requested_with(terms), issued]
}

fn an_expired_card() -> Vec<Event> {
    vec![requested(), issued(), Event::Expired { at: on(2029, 11, 1) }]
}

fn a_requested_card() -> Vec<Event> {
    vec![requested()]
}

fn a_card_that_was_not_issued() -> Vec<Event> {
    vec![requested(), issue_failed()]
}

fn an_active_card() -> Vec<Event> {
    vec![requested(), issued()]
}

fn a_frozen_card() -> Vec<Event> {
    vec![requested(), issued(), frozen(Authority::Person)]
}

fn a_terminated_card() -> Vec<Event> {
    vec![requested(), issued(), terminated(Reason::Requested)]
}

fn a_card_with(cents: i64, at: DateTime<Utc>) -> Vec<Event> {
    vec![requested(), issued(), held(cents, at)]
}

fn hold(amount: Money, now: DateTime<Utc>) -> Command {
    hold_of(purchase(amount), now)
}

fn hold_of(purchase: Purchase, now: DateTime<Utc>) -> Command {
    Command::Hold { user_id: ALICE, payment_id: PAYMENT, kind: HoldKind::Authorization, purchase, earlier: 0, now }
}

/// Something bought online.
fn purchase(amount: Money) -> Purchase {
    Purchase {
        amount,
        merchant: "example-merchant.com".into(),
        merchant_category: "electronics".into(),
        mcc: None,
        country: None,
        currency: None,
        channel: Channel::Online,
    }
}

fn release(amount: Money, held_at: DateTime<Utc>, now: DateTime<Utc>) -> Command {
    Command::ReleaseHold { payment_id: PAYMENT, amount, slot: Slot::utc(held_at), partial: false, now }
}

fn state(events: &[Event]) -> Card {
    let mut card = Card::default();
    events.iter().for_each(|event| card.apply(event));
    card
}
