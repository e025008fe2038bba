use aggregates::payment::{Decline, Event, Tally};
use chrono::Duration;
use proptest::prelude::*;

use super::*;
use crate::examples::{captured, initiated, noon, usd};

fn attempt(cents: i64) -> Attempt<'static> {
    let (merchant_category, device_id) = ("electronics", Some("phone"));
    Attempt { amount: usd(cents), merchant_category, device_id, of_network: false, now: noon() }
}

fn at_night() -> DateTime<Utc> {
    noon() + Duration::hours(15)
}

fn judge(state: &PersonState, attempt: &Attempt<'_>) -> Screening {
    assess(state, attempt, &Policy::default())
}

fn state(events: impl IntoIterator<Item = Event>) -> PersonState {
    let mut state = PersonState::default();
    events.into_iter().for_each(|event| state.step(&event, Tally::default()));
    state
}

/// Pays some 10.00 USD a day from one phone.
fn a_person_with_habits() -> PersonState {
    let days = (1..=10).rev().map(|day| noon() - Duration::days(day));
    state(days.flat_map(|at| [initiated(Some("phone"), at), captured(usd(1_000), at)]))
}

/// Has begun `count` payments in the last minutes, all captured.
fn a_person_who_paid(count: usize) -> PersonState {
    let events = [initiated(Some("phone"), noon()), captured(usd(1_000), noon())];
    state(std::iter::repeat_n(events, count).flatten())
}

#[test]
fn a_persons_first_payments_are_approved() {
    let mut state = PersonState::default();
    for (number, cents) in [500_000, 100, 9_999, 250_000, 1, 40_000].into_iter().enumerate() {
        let now = noon() + Duration::minutes(number as i64);
        let screening = judge(&state, &Attempt { now, ..attempt(cents) });
        assert!(screening.approved, "payment {number}: {screening:?}");
        assert_eq!(screening.risk_level, RiskLevel::Low, "payment {number}: {screening:?}");
        state.step(&initiated(Some("phone"), now), Tally::default());
        state.step(&captured(usd(cents), now), Tally::default());
    }
}

#[test]
fn an_ordinary_payment_is_not_suspicious_at_all() {
    let screening = judge(&a_person_with_habits(), &attempt(1_500));
    assert_eq!((screening.risk_score, screening.risk_level), (0.0, RiskLevel::Low));
    assert_eq!(screening.rules_version, RULES_VERSION);
}

#[test]
fn an_amount_is_measured_against_the_persons_mean() {
    for (cents, check) in [
        (5_000, Check::Pass),
        (5_001, Check::Warn),
        (20_000, Check::Warn),
        (20_001, Check::Fail),
        (i64::MAX, Check::Fail),
    ] {
        assert_eq!(judge(&a_person_with_habits(), &attempt(cents)).checks.amount_check, check, "{cents}");
    }
}

#[test]
fn without_a_history_no_amount_is_unusual() {
    for (payments, check) in [(4, Check::Pass), (5, Check::Fail)] {
        assert_eq!(judge(&a_person_who_paid(payments), &attempt(100_000)).checks.amount_check, check, "{payments}");
    }
}

#[test]
fn many_ordinary_amounts_in_a_day_are_a_warning() {
    for (payments, check) in [(49, Check::Pass), (50, Check::Warn)] {
        assert_eq!(judge(&a_person_who_paid(payments), &attempt(1_000)).checks.amount_check, check, "{payments}");
    }
}

#[test]
fn more_than_sixty_attempts_in_ten_minutes_are_declined() {
    for (before, check, approved) in
        [(29, Check::Pass, true), (30, Check::Warn, true), (59, Check::Warn, true), (60, Check::Fail, false)]
    {
        let screening = judge(&a_person_who_paid(before), &attempt(1_000));
        assert_eq!((screening.checks.velocity_check, screening.approved), (check, approved), "{before}");
    }
}

#[test]
fn a_policy_sets_its_own_pace() {
    let generous = Threshold { warn_above: i64::MAX, fail_above: i64::MAX };
    let policy =
        Policy { attempts_10_minutes: generous, attempts_hour: generous, attempts_day: generous, ..Policy::default() };
    let screening = assess(&a_person_who_paid(5_000), &attempt(1_000), &policy);
    assert_eq!((screening.checks.velocity_check, screening.approved), (Check::Pass, true));
}

#[test]
fn somebody_who_tries_cards_out_is_a_warning() {
    for (declines, check) in [(5, Check::Pass), (6, Check::Warn)] {
        let declined = Event::Declined { reason: Decline::CardFrozen, at: noon() };
        let state = state(std::iter::repeat_n(declined, declines));
        assert_eq!(judge(&state, &attempt(1_000)).checks.velocity_check, check, "{declines}");
    }
}

#[test]
fn a_strange_device_is_a_warning() {
    for (device_id, check) in [(Some("phone"), Check::Pass), (Some("elsewhere"), Check::Warn), (None, Check::Warn)] {
        let screening = judge(&a_person_with_habits(), &Attempt { device_id, ..attempt(1_000) });
        assert_eq!((screening.checks.device_check, screening.approved), (check, true), "{device_id:?}");
    }
}

#[test]
fn the_first_device_is_taken_on_trust() {
    assert_eq!(judge(&PersonState::default(), &attempt(1_000)).checks.device_check, Check::Pass);
}

#[test]
fn night_and_risky_categories_weigh_a_little() {
    for (now, merchant_category, score) in
        [(noon(), "electronics", 0.0), (at_night(), "electronics", 0.05), (at_night(), "Gambling", 0.1)]
    {
        let screening = judge(&PersonState::default(), &Attempt { now, merchant_category, ..attempt(1_000) });
        assert_eq!(screening.risk_score, score, "{merchant_category} at {now}");
    }
}

#[test]
fn a_strange_device_spending_far_too_much_at_night_is_declined() {
    let attempt = Attempt { device_id: Some("elsewhere"), now: at_night(), ..attempt(100_000) };
    let screening = judge(&a_person_with_habits(), &attempt);
    assert_eq!((screening.risk_score, screening.risk_level), (0.7, RiskLevel::High));
    assert!(!screening.approved);
}

#[test]
fn warnings_alone_never_decline() {
    let policy = Policy::default();
    let warn = Check::Warn;
    let checks = Checks { amount_check: warn, location_check: warn, device_check: warn, velocity_check: warn };
    let worst = Attempt { merchant_category: "gambling", now: at_night(), ..attempt(1) };
    assert!(policy.score(&checks, &worst) < policy.decline_from);
}

#[test]
fn the_level_follows_the_score() {
    let medium = Attempt { device_id: Some("elsewhere"), ..attempt(6_000) };
    assert_eq!(judge(&a_person_with_habits(), &medium).risk_level, RiskLevel::Medium);
    assert_eq!(judge(&a_person_with_habits(), &attempt(6_000)).risk_level, RiskLevel::Low);
}

#[test]
fn a_policy_is_configured_in_part_and_without_unknown_keys() {
    let partly: Policy = serde_json::from_str(r#"{"decline_from": 90}"#).expect("the rest has defaults");
    assert_eq!(partly, Policy { decline_from: 90, ..Policy::default() });
    assert!(serde_json::from_str::<Policy>(r#"{"decline_form": 90}"#).is_err());
}

#[test]
fn a_payment_that_is_suspicious_enough_freezes_the_card() {
    let policy = Policy { decline_from: 70, freeze_from: 90, ..Policy::default() };
    let judged = |score: u32, policy: &Policy| {
        let attempt = Attempt { merchant_category: "gambling", ..attempt(100) };
        let policy = Policy { category_weight: score, ..policy.clone() };
        policy.freezes(&assess(&PersonState::default(), &attempt, &policy))
    };
    for (score, freezes) in [(0, false), (70, false), (89, false), (90, true), (100, true), (200, true)] {
        assert_eq!(judged(score, &policy), freezes, "{score}");
    }
    let never = Policy { freeze_from: 101, ..policy.clone() };
    assert!(!judged(100, &never));
    let approved = Policy { decline_from: 101, freeze_from: 0, ..policy };
    assert!(!judged(100, &approved), "what is approved freezes nothing");
}

proptest! {
    /// The score is stored in an event and must come out of it as it went in.
    #[test]
    fn every_score_survives_its_json(score in 0..=100_u32) {
        let risk_score = f64::from(score) / 100.0;
        let text = serde_json::to_string(&risk_score).expect("a finite number");
        prop_assert!(text.len() <= 4);
        prop_assert_eq!(serde_json::from_str::<f64>(&text).expect("a number").to_bits(), risk_score.to_bits());
    }

    #[test]
    fn a_score_is_between_nothing_and_certainty(cents: i64, payments in 0..200_usize, weight: u32) {
        let policy = Policy { device_weight: weight, velocity_warn_weight: weight, ..Policy::default() };
        let screening = assess(&a_person_who_paid(payments), &Attempt { device_id: None, ..attempt(cents) }, &policy);
        prop_assert!((0.0..=1.0).contains(&screening.risk_score));
        prop_assert_eq!(screening.approved, screening.risk_level != RiskLevel::High);
    }
}

#[test]
fn a_purchase_of_the_network_needs_no_device() {
    let of = |of_network| Attempt { device_id: None, of_network, ..attempt(1_000) };
    let checked = |of_network| judge(&a_person_with_habits(), &of(of_network)).checks.device_check;
    assert_eq!((checked(true), checked(false)), (Check::Pass, Check::Warn));
}
