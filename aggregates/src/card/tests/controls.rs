use super::*;
use crate::{
    Currency,
    card::controls::{Filter, Hours, Limit},
};
use chrono::NaiveTime;

pub(super) fn at(text: &str) -> DateTime<Utc> {
    text.parse().expect("the tests name moments that exist")
}

pub(super) fn limited(period: Period, amount: Option<i64>, count: Option<u32>) -> Controls {
    Controls { limits: vec![Limit { period, amount: amount.map(usd), count }], ..Controls::default() }
}

pub(super) fn berlin(controls: Controls) -> Controls {
    Controls { time_zone: "Europe/Berlin".parse().expect("a time zone"), ..controls }
}

/// What is left of a card after these purchases of one dollar each, all of which have to be allowed.
fn used(controls: Controls, moments: &[&str]) -> Card {
    let mut card = state(&a_card_with_controls(controls));
    for moment in moments {
        for event in card.decide(hold(usd(100), at(moment))).expect(moment) {
            card.apply(&event);
        }
    }
    card
}

fn refusal(card: &Card, command: Command) -> Option<&'static str> {
    match card.decide(command) {
        Ok(_) => None,
        Err(Error::ControlRefused { refusal }) => Some(refusal.rule()),
        Err(other) => panic!("{other}"),
    }
}

/// One dollar is the limit of each window: whether the second moment lies in the window of the first.
#[test]
fn each_window_begins_and_ends_where_its_calendar_says() {
    let zoned =
        |zone: &str, period| Controls { time_zone: zone.parse().expect(zone), ..limited(period, Some(100), None) };
    for (zone, period, first, second, same) in [
        ("UTC", Period::Day, "2026-11-03T00:00:00Z", "2026-11-03T23:59:59Z", true),
        ("UTC", Period::Day, "2026-11-03T23:59:59Z", "2026-11-04T00:00:00Z", false),
        // A day of 23 and one of 25 hours.
        ("Europe/Berlin", Period::Day, "2026-03-28T23:00:00Z", "2026-03-29T21:59:59Z", true),
        ("Europe/Berlin", Period::Day, "2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z", false),
        ("Europe/Berlin", Period::Day, "2026-10-24T22:00:00Z", "2026-10-25T22:59:59Z", true),
        ("Europe/Berlin", Period::Day, "2026-10-24T22:00:00Z", "2026-10-25T23:00:00Z", false),
        ("America/New_York", Period::Day, "2026-11-03T04:59:59Z", "2026-11-03T05:00:00Z", false),
        // The day before an international date line was moved, and the one that does not exist.
        ("Pacific/Apia", Period::Day, "2028-12-30T09:59:59Z", "2028-12-30T10:00:00Z", true),
        ("UTC", Period::Week, "2026-11-02T00:00:00Z", "2026-11-08T23:59:59Z", true),
        ("UTC", Period::Week, "2026-11-08T23:59:59Z", "2026-11-09T00:00:00Z", false),
        // A week over a year's end.
        ("UTC", Period::Week, "2026-12-31T12:00:00Z", "2027-01-03T23:59:59Z", true),
        ("UTC", Period::Week, "2026-12-31T12:00:00Z", "2027-01-04T00:00:00Z", false),
        ("Europe/Berlin", Period::Month, "2026-10-31T22:59:59Z", "2026-10-31T23:00:00Z", false),
        // A leap day.
        ("UTC", Period::Month, "2028-02-01T00:00:00Z", "2028-02-29T23:59:59Z", true),
        ("UTC", Period::Month, "2028-02-29T23:59:59Z", "2028-03-01T00:00:00Z", false),
        ("UTC", Period::Year, "2027-01-01T00:00:00Z", "2027-12-31T23:59:59Z", true),
        ("Asia/Tokyo", Period::Year, "2026-12-31T14:59:59Z", "2026-12-31T15:00:00Z", false),
        ("UTC", Period::Lifetime, "2026-11-03T00:00:00Z", "2029-10-03T00:00:00Z", true),
        ("UTC", Period::Rolling24h, "2026-11-03T12:30:00Z", "2026-11-04T12:30:00Z", true),
        ("UTC", Period::Rolling24h, "2026-11-03T12:30:00Z", "2026-11-04T13:00:00Z", false),
        ("UTC", Period::Rolling7d, "2026-11-03T12:00:00Z", "2026-11-10T23:59:59Z", true),
        ("UTC", Period::Rolling7d, "2026-11-03T12:00:00Z", "2026-11-11T00:00:00Z", false),
        ("UTC", Period::Rolling30d, "2026-11-03T12:00:00Z", "2026-12-03T23:59:59Z", true),
        ("UTC", Period::Rolling30d, "2026-11-03T12:00:00Z", "2026-12-04T00:00:00Z", false),
    ] {
        let card = used(zoned(zone, period), &[first]);
        let expected = same.then_some("amount_limit");
        assert_eq!(refusal(&card, hold(usd(1), at(second))), expected, "{period} in {zone}: {first}, {second}");
    }
}

#[test]
fn a_refusal_names_the_rule_and_the_numbers() {
    let card = used(berlin(limited(Period::Day, Some(250), None)), &["2026-03-29T08:00:00Z", "2026-03-29T09:00:00Z"]);
    let refused = card.decide(hold(usd(51), at("2026-03-29T10:00:00Z")));
    let refusal = Refusal::AmountLimit {
        period: Period::Day,
        limit: usd(250),
        used: usd(200),
        attempted: usd(51),
        from: Some(at("2026-03-28T23:00:00Z")),
        until: Some(at("2026-03-29T22:00:00Z")),
    };
    assert_eq!(refused, Err(Error::ControlRefused { refusal }));
}

#[test]
fn payments_are_counted_and_one_that_is_given_back_is_not() {
    let controls = limited(Period::Day, None, Some(2));
    let mut card = used(controls, &["2026-11-03T08:00:00Z", "2026-11-03T09:00:00Z"]);
    let noon = at("2026-11-03T12:00:00Z");
    assert_eq!(refusal(&card, hold(usd(1), noon)), Some("count_limit"));
    let more = Command::Hold {
        user_id: ALICE,
        payment_id: PAYMENT,
        kind: HoldKind::Increment,
        purchase: purchase(usd(1)),
        earlier: 100,
        now: noon,
    };
    assert_eq!(refusal(&card, more), None, "an increment is no further payment");
    let release = |amount, partial| Command::ReleaseHold {
        payment_id: PAYMENT,
        amount: usd(amount),
        slot: Slot::utc(at("2026-11-03T08:00:00Z")),
        partial,
        now: noon,
    };
    for event in card.decide(release(40, true)).expect("a part is given back") {
        card.apply(&event);
    }
    assert_eq!(refusal(&card, hold(usd(1), noon)), Some("count_limit"));
    for event in card.decide(release(60, false)).expect("the rest is given back") {
        card.apply(&event);
    }
    assert_eq!(refusal(&card, hold(usd(1), noon)), None);
}

#[test]
fn a_limit_that_is_set_at_noon_knows_of_the_morning() {
    let mut card = used(Controls::default(), &["2026-11-03T08:00:00Z"]);
    let noon = at("2026-11-03T12:00:00Z");
    let controls = limited(Period::Day, Some(150), None);
    let set = Command::SetControls { controls, monthly_limit: LIMIT, may_loosen: false, now: noon };
    card.decide(set).expect("tightening needs nothing").iter().for_each(|event| card.apply(event));
    assert_eq!(card.controls_version(), 1);
    assert_eq!(refusal(&card, hold(usd(51), noon)), Some("amount_limit"));
    let limits = card.limits(noon).expect("a card");
    let bound = limits.others[0].amount.expect("an amount");
    assert_eq!((bound.limit, bound.used, bound.remaining), (usd(150), usd(100), usd(50)));
    assert_eq!(limits.others[0].until, Some(at("2026-11-04T00:00:00Z")));
    assert_eq!((limits.monthly.used, limits.monthly.remaining), (usd(100), usd(499_900)));
}

#[test]
fn each_control_refuses_what_it_is_for() {
    let online = purchase(usd(100));
    let in_store = Purchase { channel: Channel::InPerson, ..online.clone() };
    let gambling = Purchase { mcc: "7995".parse().ok(), ..online.clone() };
    let french = Purchase { country: "FR".parse().ok(), currency: Some(Currency::EUR), ..online.clone() };
    let shouted = Purchase { merchant: " EXAMPLE-Merchant.com ".into(), ..online.clone() };
    let open = Controls::default;
    let only = |name: &str| Controls { merchants: Filter { allow: vec![name.into()], block: vec![] }, ..open() };
    let no_gambling =
        Controls { mccs: Filter { allow: vec![], block: vec!["7995".parse().expect("digits")] }, ..open() };
    let only_shops =
        Controls { mccs: Filter { allow: vec!["5732".parse().expect("digits")], block: vec![] }, ..open() };
    let german =
        Controls { countries: Filter { allow: vec!["DE".parse().expect("a country")], block: vec![] }, ..open() };
    let no_euros = Controls { currencies: Filter { allow: vec![], block: vec![Currency::EUR] }, ..open() };
    for (controls, purchase, rule) in [
        (Controls { online_only: true, ..open() }, &online, None),
        (Controls { online_only: true, ..open() }, &in_store, Some("online_only")),
        (no_gambling.clone(), &online, None),
        (no_gambling, &gambling, Some("mcc")),
        (only_shops.clone(), &gambling, Some("mcc")),
        (only_shops, &online, Some("mcc")),
        (only("example-merchant.com"), &shouted, None),
        (only("elsewhere.example"), &shouted, Some("merchant")),
        (german.clone(), &french, Some("country")),
        (german, &online, Some("country")),
        (no_euros.clone(), &french, Some("currency")),
        (no_euros, &online, None),
        (limited(Period::Transaction, Some(99), None), &online, Some("amount_limit")),
        (limited(Period::Transaction, Some(100), None), &online, None),
    ] {
        let card = state(&a_card_with_controls(controls.clone()));
        assert_eq!(refusal(&card, hold_of(purchase.clone(), november(3))), rule, "{controls:?}");
    }
}

#[test]
fn times_of_day_are_those_of_the_cards_clock() {
    let time = |hour, minute| NaiveTime::from_hms_opt(hour, minute, 0).expect("a time");
    let by_day = Hours { from: time(7, 30), until: time(22, 0) };
    let by_night = Hours { from: time(22, 0), until: time(6, 0) };
    for (hours, moment, allowed) in [
        (by_day, "2026-07-01T05:30:00Z", true),
        (by_day, "2026-07-01T05:29:59Z", false),
        (by_day, "2026-01-15T06:29:59Z", false),
        (by_day, "2026-01-15T06:30:00Z", true),
        (by_day, "2026-07-01T20:00:00Z", false),
        (by_night, "2026-07-01T20:00:00Z", true),
        (by_night, "2026-07-01T03:59:59Z", true),
        (by_night, "2026-07-01T04:00:00Z", false),
    ] {
        let card = state(&a_card_with_controls(berlin(Controls { hours: vec![hours], ..Controls::default() })));
        let expected = (!allowed).then_some("time_of_day");
        assert_eq!(refusal(&card, hold(usd(1), at(moment))), expected, "{moment}");
    }
}

#[test]
fn a_single_use_card_has_one_payment_at_a_time() {
    let history = a_card_for(Purpose::SingleUse);
    let other = |now| Command::Hold {
        user_id: ALICE,
        payment_id: crate::PaymentId(uuid::Uuid::from_u128(2)),
        kind: HoldKind::Authorization,
        purchase: purchase(usd(1)),
        earlier: 0,
        now,
    };
    let spent = [history.clone(), vec![held(100, november(3))]].concat();
    assert_eq!(refusal(&state(&history), other(november(3))), None);
    assert_eq!(refusal(&state(&spent), other(november(3))), Some("used"));
    let failed = [spent, vec![released(100, november(3), november(3))]].concat();
    assert_eq!(refusal(&state(&failed), other(november(3))), None);
}

#[test]
fn a_card_locks_to_the_first_merchant_that_it_pays() {
    let mut card = state(&a_card_for(Purpose::MerchantLocked { merchant: None }));
    let events = card.decide(hold(usd(100), november(3))).expect("the first merchant");
    let locked = Event::LockedToMerchant { merchant: "example-merchant.com".into(), at: november(3) };
    assert_eq!(events, vec![held(100, november(3)), locked]);
    events.iter().for_each(|event| card.apply(event));
    assert_eq!(refusal(&card, hold(usd(100), november(3))), None);
    let elsewhere = Purchase { merchant: "elsewhere.example".into(), ..purchase(usd(1)) };
    assert_eq!(refusal(&card, hold_of(elsewhere, november(3))), Some("other_merchant"));
}
