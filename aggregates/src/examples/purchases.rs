//! Payments that the card network brings.

use super::{ALICE, CARD, low_risk, november, usd};
use crate::{
    Currency,
    card::{Channel, Slot},
    payment::{Decline, Event, Network, Release},
};

pub fn network() -> Network {
    Network {
        issuer: "sandbox".into(),
        authorization: "iauth_1".into(),
        mcc: "5734".parse().ok(),
        country: "US".parse().ok(),
        currency: Some(Currency::EUR),
        channel: Channel::Online,
        posted: false,
    }
}

fn slot() -> Slot {
    Slot::utc(november(3))
}

/// What can happen to such a payment that happens to no other, one event each.
pub fn purchase_events() -> Vec<Event> {
    let initiated = |posted: bool| Event::Initiated {
        user_id: ALICE,
        card_id: CARD,
        amount: usd(9_999),
        merchant: "Example Merchant".into(),
        merchant_category: "computer_software_stores".into(),
        device_id: None,
        screening: low_risk(),
        hold: (!posted).then(|| slot().window()),
        slot: (!posted).then(slot),
        request_digest: None,
        network: Some(Network { posted, ..network() }),
        at: november(3),
    };
    let increment = |reference: &str, forced| Event::Incremented {
        reference: reference.into(),
        amount: usd(500),
        forced,
        slot: slot(),
        at: november(4),
    };
    let captured = Event::Captured {
        gateway: "sandbox".into(),
        gateway_reference: "ipi_1".into(),
        amount: usd(5_000),
        is_final: false,
        at: november(5),
    };
    vec![
        initiated(false),
        Event::Authorized { reference: "iauth_1".into(), amount: usd(9_999), at: november(3) },
        increment("iauth_1#1", false),
        increment("ipi_1", true),
        Event::IncrementDeclined {
            reference: "iauth_1#2".into(),
            amount: usd(1_000),
            reason: Decline::CardFrozen,
            at: november(4),
        },
        captured,
        Event::Reversed { reference: "evt_1".into(), amount: usd(499), cause: Release::Merchant, at: november(5) },
        Event::Expired { amount: usd(5_000), at: november(12) },
        Event::Refunded { reference: "ipi_2".into(), amount: usd(1_000), at: november(14) },
        initiated(true),
    ]
}

/// Why a purchase was refused that nobody could have been refused for who paid through us.
pub fn purchase_declines() -> Vec<Decline> {
    vec![
        Decline::DecisionTimedOut { milliseconds: 1_500 },
        Decline::IssuerDeclined { issuer: "sandbox".into(), issuer_code: "webhook_timeout".into() },
        Decline::AuthorizationOver,
    ]
}
