use super::{
    controls::{at, berlin, limited},
    *,
};
use crate::{
    card::controls::{Filter, Hours, Limit, TimeZone},
    examples::eur,
};
use chrono::{NaiveTime, TimeDelta};

#[test]
fn loosening_is_told_from_tightening() {
    let open = Controls::default;
    let mcc = |code: &str| code.parse().expect("digits");
    let mccs = |allow: &[&str], block: &[&str]| Controls {
        mccs: Filter { allow: allow.iter().map(|c| mcc(c)).collect(), block: block.iter().map(|c| mcc(c)).collect() },
        ..open()
    };
    let time = |hour| NaiveTime::from_hms_opt(hour, 0, 0).expect("a time");
    let hours = |from, until| Controls { hours: vec![Hours { from: time(from), until: time(until) }], ..open() };
    let day = |cents| limited(Period::Day, Some(cents), None);
    for (old, new, loosened) in [
        (open(), day(100), false),
        (day(100), open(), true),
        (day(100), day(101), true),
        (day(100), day(99), false),
        (day(100), limited(Period::Week, Some(100), None), true),
        (day(100), limited(Period::Day, None, Some(1)), true),
        (day(100), limited(Period::Day, Some(100), Some(1)), false),
        (day(100), berlin(day(100)), true),
        (open(), berlin(day(100)), false),
        (mccs(&["5732"], &[]), mccs(&["5732", "5311"], &[]), true),
        (mccs(&["5732", "5311"], &[]), mccs(&["5732"], &[]), false),
        (mccs(&["5732"], &[]), mccs(&[], &[]), true),
        (mccs(&[], &["7995"]), mccs(&[], &[]), true),
        (mccs(&[], &["7995"]), mccs(&["5732"], &[]), false),
        (mccs(&[], &["7995"]), mccs(&[], &["7995", "5311"]), false),
        (hours(8, 18), hours(9, 17), false),
        (hours(8, 18), hours(7, 17), true),
        (hours(22, 6), hours(23, 5), false),
        (hours(8, 18), open(), true),
        (Controls { online_only: true, ..open() }, open(), true),
    ] {
        assert_eq!(old.is_loosened_by(&new), loosened, "{old:?} to {new:?}");
    }
}

#[test]
fn loosening_has_to_be_allowed() {
    let history = a_card_with_controls(limited(Period::Day, Some(100), None));
    let set = |may_loosen| Command::SetControls {
        controls: Controls::default(),
        monthly_limit: LIMIT,
        may_loosen,
        now: november(3),
    };
    given(history.clone()).when(set(false)).then_expect_error(Error::Loosened);
    assert_eq!(state(&history).decide(set(true)).map(|events| events.len()), Ok(1));
}

#[test]
fn controls_have_bounds() {
    let open = Controls::default;
    let limit = |amount| Limit { period: Period::Day, amount, count: None };
    let same = Hours { from: NaiveTime::MIN, until: NaiveTime::MIN };
    for (controls, field) in [
        (Controls { limits: vec![limit(Some(usd(1))), limit(Some(usd(2)))], ..open() }, "limits"),
        (Controls { limits: vec![limit(None)], ..open() }, "limits"),
        (Controls { limits: vec![limit(Some(usd(-1)))], ..open() }, "limits"),
        (Controls { limits: vec![limit(Some(eur(1)))], ..open() }, "limits"),
        (limited(Period::Transaction, None, Some(1)), "limits"),
        (Controls { hours: vec![same], ..open() }, "hours"),
        (Controls { merchants: Filter { allow: vec![" ".into()], block: vec![] }, ..open() }, "merchants"),
        (
            Controls {
                merchants: Filter { allow: vec![], block: (0..201).map(|number| number.to_string()).collect() },
                ..open()
            },
            "merchants",
        ),
    ] {
        let command = Command::SetControls { controls, monthly_limit: LIMIT, may_loosen: true, now: november(3) };
        match state(&an_active_card()).decide(command) {
            Err(Error::ControlsNotValid { field: named, .. }) => assert_eq!(named, field),
            other => panic!("{field}: {other:?}"),
        }
    }
}

#[test]
fn a_day_that_begins_in_a_gap_begins_behind_it() {
    let zone: TimeZone = "America/Sao_Paulo".parse().expect("a time zone");
    let day = chrono::NaiveDate::from_ymd_opt(2017, 10, 15).expect("a day");
    assert_eq!(zone.start_of(day), at("2017-10-15T03:00:00Z"));
    assert!("Europe/Atlantis".parse::<TimeZone>().is_err());
}

/// Prints; not a judgement, since machines differ: `cargo test --release -p aggregates --lib what_a_hold -- --ignored --nocapture`.
#[test]
#[ignore = "measures"]
fn what_a_hold_costs() {
    const HOLDS: u32 = 100_000;
    let limits = [Period::Transaction, Period::Day, Period::Month, Period::Rolling24h, Period::Rolling30d];
    let limit = |period| Limit { period, amount: Some(usd(i64::MAX / 2)), count: None };
    let controls = berlin(Controls { limits: limits.map(limit).to_vec(), online_only: true, ..Controls::default() });
    let mut card = state(&a_card_with_controls(controls));
    let (mut now, step) = (november(3), TimeDelta::minutes(7));
    let started = std::time::Instant::now();
    for _ in 0..HOLDS {
        now += step;
        // Past the expiry, and past the monthly limit, holds are refused, which costs less.
        let at = if now > on(2029, 10, 1) { november(3) } else { now };
        for event in card.decide(hold(usd(1), at)).unwrap_or_default() {
            card.apply(&event);
        }
    }
    println!("{:?} for each hold", started.elapsed() / HOLDS);
}
