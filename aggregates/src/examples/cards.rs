//! Events of cards as they are written today, with all that they can say.

use crate::{
    Currency,
    card::{
        Authority, CardType, Controls, Event, IssuerStatus, Period, Purpose, Reason, Replacement, Replaces, Status,
        controls::{Filter, Hours, Limit},
    },
};

use super::{ALICE, CARD, expiry, november, usd};

/// Every control there is.
pub fn controls() -> Controls {
    let limit = |period, amount, count| Limit { period, amount, count };
    let hour = |hour| chrono::NaiveTime::from_hms_opt(hour, 30, 0).expect("an hour of the day");
    Controls {
        time_zone: "Europe/Berlin".parse().expect("a time zone"),
        limits: vec![
            limit(Period::Transaction, Some(usd(20_000)), None),
            limit(Period::Day, Some(usd(50_000)), Some(10)),
            limit(Period::Rolling7d, None, Some(40)),
        ],
        mccs: Filter { allow: vec![], block: vec!["7995".parse().expect("four digits")] },
        merchants: Filter { allow: vec!["example-merchant.com".into()], block: vec![] },
        countries: Filter { allow: vec!["DE".parse().expect("a country")], block: vec![] },
        currencies: Filter { allow: vec![Currency::EUR, Currency::USD], block: vec![] },
        hours: vec![Hours { from: hour(7), until: hour(22) }],
        online_only: true,
    }
}

pub fn full_card_events() -> Vec<Event> {
    let by = Authority::Operator;
    let reason = Some(Reason::SuspectedFraud);
    let mut used = crate::card::Card::default();
    [super::held_without_slot()].iter().for_each(|event| used.apply(event));
    vec![
        Event::Requested {
            user_id: ALICE,
            card_type: CardType::VirtualVisa,
            monthly_limit: usd(500_000),
            purpose: Purpose::MerchantLocked { merchant: Some("example-merchant.com".into()) },
            controls: Box::new(controls()),
            needs_activation: true,
            replaces: Some(Box::new(Replaces { card_id: CARD, why: Replacement::Reissue, used: used.usage().clone() })),
            at: november(1),
        },
        Event::Issued {
            issuer: "sandbox".into(),
            issuer_reference: "iss_1".into(),
            last_four: "4242".into(),
            expiry: expiry(),
            status: Status::Inactive,
            at: november(1),
        },
        Event::LockedToMerchant { merchant: "example-merchant.com".into(), at: november(3) },
        Event::ControlsSet { controls: Box::new(controls()), monthly_limit: usd(400_000), at: november(3) },
        Event::Activated { by: Authority::Person, at: november(3) },
        Event::Frozen { by, reason, at: november(5) },
        Event::Unfrozen { by, whose: Authority::Fraud, reason, status: Status::Frozen, at: november(6) },
        Event::Terminated { by, reason, at: november(7) },
        Event::ExpiryAnnounced { at: november(7) },
        Event::Expired { at: november(7) },
        Event::Replaced { successor: CARD, by, reason: Reason::Stolen, at: november(7) },
        Event::IssuerStatusRecorded { status: IssuerStatus::Canceled, at: november(7) },
    ]
}
