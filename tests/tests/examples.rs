//! Events and states that the tests begin with.

use aggregates::{
    Actor, CardId, Context, Currency, Fact, Money, PaymentId, Root, UserId,
    card::{self, Card, CardType, Channel, HoldKind, Purchase, Purpose, Slot},
    payment::{self, Check, Checks, RiskLevel, Screening},
};
use chrono::{DateTime, TimeZone, Utc};
use store::{Loaded, Store, Unit, new_id};

/// 12:00 UTC on a day of November 2026.
pub fn november(day: u32) -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, day, 12, 0, 0).single().expect("the tests name days that exist")
}

pub fn usd(cents: i64) -> Money {
    Money::new(cents, Currency::USD)
}

pub fn a_person() -> UserId {
    UserId(new_id())
}

/// A unit that nobody in particular asked for.
pub fn unit() -> Unit {
    Unit::new(Context { correlation_id: new_id(), causation_id: None, traceparent: None, actor: Actor::System("test") })
}

pub fn requested() -> card::Event {
    card::Event::Requested {
        user_id: a_person(),
        card_type: CardType::VirtualVisa,
        monthly_limit: usd(500_000),
        purpose: Purpose::Standard,
        controls: Box::default(),
        needs_activation: false,
        replaces: None,
        at: november(1),
    }
}

/// A hold for a payment that no other hold is for.
pub fn held(cents: i64) -> card::Event {
    let payment_id = PaymentId(new_id());
    let slot = Slot::utc(november(3));
    card::Event::Held {
        payment_id,
        kind: HoldKind::Authorization,
        amount: usd(cents),
        window: slot.window(),
        slot: Some(slot),
        at: slot.at,
    }
}

/// Something bought online.
pub fn purchase(amount: Money) -> Purchase {
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

pub fn initiated(user_id: UserId, card_id: CardId, cents: i64) -> payment::Event {
    payment::Event::Initiated {
        user_id,
        card_id,
        amount: usd(cents),
        merchant: "example-merchant.com".into(),
        merchant_category: "electronics".into(),
        device_id: None,
        screening: low_risk(),
        hold: Some(Slot::utc(november(3)).window()),
        slot: Some(Slot::utc(november(3))),
        request_digest: None,
        network: None,
        at: november(3),
    }
}

pub fn low_risk() -> Screening {
    Screening {
        risk_score: 0.15,
        risk_level: RiskLevel::Low,
        approved: true,
        checks: Checks {
            amount_check: Check::Pass,
            location_check: Check::Pass,
            device_check: Check::Pass,
            velocity_check: Check::Pass,
        },
        rules_version: 1,
    }
}

/// A card stream that nothing has been written to.
pub fn a_new_card() -> Loaded<Card> {
    Loaded::new(CardId(new_id()))
}

/// A card that was asked for, as the log has it.
pub async fn a_requested_card(store: &Store) -> Loaded<Card> {
    grown(store, &a_new_card(), vec![requested()]).await
}

/// Appends `events` and gives the stream as it is then.
pub async fn grown<A: Root>(store: &Store, at: &Loaded<A>, events: Vec<A::Event>) -> Loaded<A> {
    store.append(unit().stream(at, events)).await.expect("nobody else writes to this stream");
    store.load_latest(at.id).await.expect("what was written can be read")
}

/// How many events the stream has in the log.
pub async fn events_of<A: Root>(store: &Store, stream: &Loaded<A>) -> usize {
    store.stream(<A::Event as Fact>::KIND, stream.id).await.expect("the stream can be read").len()
}
