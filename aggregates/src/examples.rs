//! Ids, moments and one example of every event, for the tests of all modules.

mod access;
mod cards;
mod kyc;
mod purchases;

use chrono::{DateTime, TimeZone, Utc};
use serde_json::value::RawValue;
use uuid::Uuid;

use crate::{
    Actor, BlindIndex, CardId, ClientId, CredentialId, Currency, Envelope, Fact, Kind, KycCaseId, Money, PaymentId,
    Sealed, SessionId, UserId,
    card::{self, Authority, CardType, Expiry, HoldKind, Period, Purpose, Refusal, Slot, Window},
    envelope::AnyEvent,
    payment::{self, Check, Checks, Decline, RiskLevel, Screening},
};

pub use access::{client_events, notification_events, user_events};
pub use kyc::kyc_events;
pub use purchases::{purchase_declines, purchase_events};

pub const ALICE: UserId = UserId(Uuid::from_u128(0xa11ce));
pub const MALLORY: UserId = UserId(Uuid::from_u128(0xbad));
pub const CASE: KycCaseId = KycCaseId(Uuid::from_u128(0xca5e));
pub const CARD: CardId = CardId(Uuid::from_u128(0xca2d));
pub const PAYMENT: PaymentId = PaymentId(Uuid::from_u128(0xfee));
pub const SESSION: SessionId = SessionId(Uuid::from_u128(0x5e5));
pub const CREDENTIAL: CredentialId = CredentialId(Uuid::from_u128(0xc2ed));
pub const CLIENT: ClientId = ClientId(Uuid::from_u128(0xc11e));

/// 12:00 UTC on a day of November 2026.
pub fn november(day: u32) -> DateTime<Utc> {
    on(2026, 11, day)
}

/// 12:00 UTC.
pub fn on(year: i32, month: u32, day: u32) -> DateTime<Utc> {
    Utc.with_ymd_and_hms(year, month, day, 12, 0, 0).single().expect("the tests name days that exist")
}

pub fn usd(cents: i64) -> Money {
    Money::new(cents, Currency::USD)
}

pub fn eur(cents: i64) -> Money {
    Money::new(cents, Currency::EUR)
}

pub fn sealed(text: &str) -> Sealed {
    Sealed::from_ciphertext(text.into())
}

pub fn index(text: &str) -> BlindIndex {
    BlindIndex(text.into())
}

pub fn expiry() -> Expiry {
    Expiry::new(10, 2029).expect("a month of this century")
}

pub fn window() -> Window {
    Window::of(november(3))
}

pub fn slot() -> Slot {
    Slot::utc(november(3))
}

pub fn low_risk() -> Screening {
    Screening {
        risk_score: 0.15,
        risk_level: RiskLevel::Low,
        approved: true,
        checks: Checks {
            amount_check: Check::Pass,
            location_check: Check::Pass,
            device_check: Check::Warn,
            velocity_check: Check::Pass,
        },
        rules_version: 1,
    }
}

/// Every reason for which a payment may be declined.
pub fn every_decline() -> Vec<Decline> {
    vec![
        Decline::LimitExceeded { limit: usd(500_000), used: usd(499_000), attempted: usd(9_999), window: window() },
        Decline::ControlRefused {
            refusal: Refusal::AmountLimit {
                period: Period::Day,
                limit: usd(20_000),
                used: usd(15_000),
                attempted: usd(9_999),
                from: Some(november(3)),
                until: Some(november(4)),
            },
        },
        Decline::CardFrozen,
        Decline::CardNotActivated,
        Decline::CardTerminated,
        Decline::CardNotIssued,
        Decline::CardExpired { expiry: expiry() },
        Decline::CurrencyMismatch { card: Currency::USD, payment: Currency::EUR },
        Decline::SuspectedFraud { risk_score: 0.85 },
        Decline::GatewayDeclined { gateway: "sandbox".into(), gateway_code: "insufficient_funds".into() },
        Decline::GatewayUnavailable { gateway: "sandbox".into() },
    ]
    .into_iter()
    .chain(purchase_declines())
    .collect()
}

/// One example of every event and, of the declined payment, one of every reason.
pub fn every_event() -> Vec<AnyEvent> {
    let of_user = user_events().into_iter().map(AnyEvent::User);
    let of_kyc = kyc_events().into_iter().map(AnyEvent::Kyc);
    let of_card = card_events().into_iter().map(AnyEvent::Card);
    let of_payment = payment_events().into_iter().map(AnyEvent::Payment);
    let of_client = client_events().into_iter().map(AnyEvent::Client);
    let of_notification = notification_events().into_iter().map(AnyEvent::Notification);
    of_user.chain(of_kyc).chain(of_card).chain(of_payment).chain(of_client).chain(of_notification).collect()
}

pub fn card_events() -> Vec<card::Event> {
    let issuer = "sandbox".to_string();
    vec![
        card::Event::Requested {
            user_id: ALICE,
            card_type: CardType::VirtualVisa,
            monthly_limit: usd(500_000),
            purpose: Purpose::Standard,
            controls: Box::default(),
            needs_activation: false,
            replaces: None,
            at: november(1),
        },
        card::Event::Issued {
            issuer: issuer.clone(),
            issuer_reference: "iss_1".into(),
            last_four: "4242".into(),
            expiry: expiry(),
            status: card::Status::Active,
            at: november(1),
        },
        card::Event::IssueFailed { issuer, reason: "programme_closed".into(), at: november(1) },
        held_without_slot(),
        card::Event::HoldReleased {
            payment_id: PAYMENT,
            amount: usd(9_999),
            window: window(),
            slot: None,
            partial: false,
            at: november(4),
        },
        card::Event::Held {
            payment_id: PAYMENT,
            kind: HoldKind::Increment,
            amount: usd(9_999),
            window: window(),
            slot: Some(slot()),
            at: november(3),
        },
        card::Event::HoldReleased {
            payment_id: PAYMENT,
            amount: usd(9_999),
            window: window(),
            slot: Some(slot()),
            partial: true,
            at: november(4),
        },
        card::Event::Revealed { session_id: SESSION, at: november(4) },
        card::Event::Frozen { by: Authority::Person, reason: None, at: november(5) },
        card::Event::Unfrozen {
            by: Authority::Person,
            whose: Authority::Person,
            reason: None,
            status: card::Status::Active,
            at: november(6),
        },
        card::Event::Terminated { by: Authority::Person, reason: None, at: november(7) },
    ]
    .into_iter()
    .chain(cards::full_card_events())
    .collect()
}

/// As it was written before cards had a time zone.
fn held_without_slot() -> card::Event {
    card::Event::Held {
        payment_id: PAYMENT,
        kind: HoldKind::Authorization,
        amount: usd(9_999),
        window: window(),
        slot: None,
        at: november(3),
    }
}

pub fn payment_events() -> Vec<payment::Event> {
    let initiated = |slot| payment::Event::Initiated {
        user_id: ALICE,
        card_id: CARD,
        amount: usd(9_999),
        merchant: "example-merchant.com".into(),
        merchant_category: "electronics".into(),
        device_id: Some("device_uuid_123".into()),
        screening: low_risk(),
        hold: Some(window()),
        slot,
        request_digest: Some("9f86d081".into()),
        network: None,
        at: november(3),
    };
    let captured = payment::Event::Captured {
        gateway: "sandbox".into(),
        gateway_reference: "ch_1".into(),
        amount: usd(9_999),
        is_final: true,
        at: november(3),
    };
    let declined = every_decline().into_iter().map(|reason| payment::Event::Declined { reason, at: november(3) });
    let resumed = payment::Event::Resumed { at: november(3) };
    [initiated(None), initiated(Some(slot())), resumed, captured]
        .into_iter()
        .chain(declined)
        .chain(purchase_events())
        .collect()
}

/// The event as the log holds it.
pub fn recorded(event: &AnyEvent) -> Envelope {
    fn stored<E: Fact>(event: &E) -> (Kind, &'static str, i16, Box<RawValue>) {
        (E::KIND, event.name(), event.version(), event.write())
    }
    let (kind, name, version, data) = match event {
        AnyEvent::User(event) => stored(event),
        AnyEvent::Kyc(event) => stored(event),
        AnyEvent::Card(event) => stored(event),
        AnyEvent::Payment(event) => stored(event),
        AnyEvent::Client(event) => stored(event),
        AnyEvent::Notification(event) => stored(event),
    };
    Envelope {
        id: Uuid::from_u128(1),
        position: i64::MAX,
        kind,
        aggregate_id: Uuid::from_u128(2),
        sequence: 7,
        name: name.into(),
        version,
        recorded_at: november(3),
        correlation_id: Uuid::from_u128(3),
        causation_id: Some(Uuid::from_u128(4)),
        traceparent: Some("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".into()),
        actor: Actor::System("recovery").to_string(),
        data,
    }
}
