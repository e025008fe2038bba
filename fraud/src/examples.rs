//! Events and moments for the tests of all modules.

use aggregates::{
    CardId, Currency, Money, UserId,
    card::{Channel, Window},
    payment::{Check, Checks, Event, Network, RiskLevel, Screening},
};
use chrono::{DateTime, TimeZone, Utc};
use uuid::Uuid;

/// 12:00 UTC on 3 November 2026.
pub fn noon() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 3, 12, 0, 0).single().expect("the day exists")
}

pub fn usd(cents: i64) -> Money {
    Money::new(cents, Currency::USD)
}

pub fn initiated(device_id: Option<&str>, at: DateTime<Utc>) -> Event {
    let pass = Check::Pass;
    let checks = Checks { amount_check: pass, location_check: pass, device_check: pass, velocity_check: pass };
    Event::Initiated {
        user_id: UserId(Uuid::from_u128(1)),
        card_id: CardId(Uuid::from_u128(2)),
        amount: usd(1_000),
        merchant: "example-merchant.com".into(),
        merchant_category: "electronics".into(),
        device_id: device_id.map(str::to_owned),
        screening: Screening { risk_score: 0.0, risk_level: RiskLevel::Low, approved: true, checks, rules_version: 1 },
        hold: Some(Window::of(at)),
        slot: None,
        request_digest: None,
        network: None,
        at,
    }
}

pub fn captured(amount: Money, at: DateTime<Utc>) -> Event {
    Event::Captured { gateway: "sandbox".into(), gateway_reference: "ch_1".into(), amount, is_final: true, at }
}

/// A purchase of the card network. `posted`: money moved, and nobody had asked.
pub fn bought(posted: bool, at: DateTime<Utc>) -> Event {
    let mut event = initiated(None, at);
    if let Event::Initiated { network, hold, .. } = &mut event {
        *network = Some(Network {
            issuer: "sandbox".into(),
            authorization: "iauth_1".into(),
            mcc: None,
            country: None,
            currency: None,
            channel: Channel::Online,
            posted,
        });
        *hold = hold.filter(|_| !posted);
    }
    event
}
