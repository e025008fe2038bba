//! What holds for every history of a card and its payments: purchases of all kinds, windows that roll over, controls and
//! time zones that change, and a clock that now and then goes back.

use proptest::prelude::*;

use super::*;
use crate::{
    card::controls::Limit,
    payment::{Command as Pay, Payment, Release},
};

mod account;
mod ledger;

use account::Account;

/// One step of a history. `which` is one of the payments so far.
#[derive(Clone, Debug)]
enum Step {
    Authorize {
        cents: i64,
    },
    Increment {
        which: usize,
        cents: i64,
        forced: bool,
    },
    /// The network takes money that nobody was asked for.
    Post {
        cents: i64,
    },
    Capture {
        which: usize,
        cents: i64,
    },
    Reverse {
        which: usize,
        cents: i64,
    },
    Expire {
        which: usize,
    },
    Refund {
        which: usize,
        cents: i64,
    },
    SetControls {
        controls: Box<Controls>,
        monthly: i64,
    },
    Wait {
        seconds: i64,
    },
    Switch {
        to: Switch,
    },
}

#[derive(Clone, Copy, Debug)]
enum Switch {
    Freeze,
    Unfreeze,
    Terminate,
}

const HOUR: i64 = 3_600;
const DAY: i64 = 24 * HOUR;

const ZONES: [&str; 7] = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kolkata",
    "Pacific/Apia",
    "Pacific/Honolulu",
    "Australia/Lord_Howe",
];

const PERIODS: [Period; 9] = [
    Period::Transaction,
    Period::Day,
    Period::Week,
    Period::Month,
    Period::Year,
    Period::Lifetime,
    Period::Rolling24h,
    Period::Rolling7d,
    Period::Rolling30d,
];

fn cents() -> impl Strategy<Value = i64> {
    // Small enough for many to fit, and near the limits.
    prop_oneof![4 => 1..400_i64, 2 => 900..2_100_i64, 1 => 100_000..LIMIT.minor_units + 2, 1 => Just(i64::MAX)]
}

fn seconds() -> impl Strategy<Value = i64> {
    prop_oneof![
        4 => 1..2 * HOUR,
        4 => 10 * HOUR..26 * HOUR,
        2 => DAY..9 * DAY,
        1 => 25 * DAY..70 * DAY,
        // Clocks of two machines differ.
        1 => -HOUR..0,
    ]
}

fn controls() -> impl Strategy<Value = Controls> {
    let limit =
        (prop::option::of(100..4_000_i64), 0..6_u32).prop_map(|(amount, count)| (amount, (count > 0).then_some(count)));
    let limits = prop::collection::btree_map(0..PERIODS.len(), limit, 0..6);
    (prop::sample::select(&ZONES[..]), limits).prop_map(|(zone, limits)| {
        let limit = |(period, (amount, count)): (usize, (Option<i64>, Option<u32>))| match PERIODS[period] {
            Period::Transaction => {
                Limit { period: Period::Transaction, amount: Some(usd(amount.unwrap_or(1_000))), count: None }
            }
            period if amount.is_none() && count.is_none() => Limit { period, amount: Some(usd(1_000)), count },
            period => Limit { period, amount: amount.map(usd), count },
        };
        let limits = limits.into_iter().map(limit).collect();
        Controls { time_zone: zone.parse().expect("a time zone"), limits, ..Controls::default() }
    })
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let which = any::<usize>;
    let switch = prop_oneof![
        2 => Just(Switch::Freeze),
        6 => Just(Switch::Unfreeze),
        1 => (0..20_u8).prop_map(|dice| if dice == 0 { Switch::Terminate } else { Switch::Unfreeze }),
    ];
    let monthly = prop_oneof![Just(LIMIT.minor_units), 500..5_000_i64];
    let step = prop_oneof![
        12 => cents().prop_map(|cents| Step::Authorize { cents }),
        5 => (which(), cents(), prop::bool::weighted(0.2))
            .prop_map(|(which, cents, forced)| Step::Increment { which, cents, forced }),
        1 => (1..2_000_i64).prop_map(|cents| Step::Post { cents }),
        4 => (which(), cents()).prop_map(|(which, cents)| Step::Capture { which, cents }),
        4 => (which(), cents()).prop_map(|(which, cents)| Step::Reverse { which, cents }),
        1 => which().prop_map(|which| Step::Expire { which }),
        2 => (which(), 1..2_000_i64).prop_map(|(which, cents)| Step::Refund { which, cents }),
        3 => (controls(), monthly).prop_map(|(controls, monthly)| Step::SetControls { controls: Box::new(controls), monthly }),
        10 => seconds().prop_map(|seconds| Step::Wait { seconds }),
        1 => switch.prop_map(|to| Step::Switch { to }),
    ];
    prop::collection::vec(step, 0..100)
}

/// Shortly before clocks change, a year ends, or nothing happens.
fn beginnings() -> impl Strategy<Value = DateTime<Utc>> {
    let moments = [
        "2026-11-03T12:00:00Z",
        "2026-12-30T09:30:00Z",
        "2027-03-27T20:15:00Z",
        "2027-10-30T21:45:00Z",
        "2028-02-27T23:59:59Z",
    ];
    prop::sample::select(moments.to_vec()).prop_map(|moment| moment.parse().expect("a moment"))
}

fn run(begin: DateTime<Utc>, steps: &[Step]) -> Account {
    let mut account = Account::open(begin);
    for step in steps {
        account.step(step);
        account.check(step);
    }
    account
}

fn bytes(card: &Card) -> Vec<u8> {
    serde_json::to_vec(card).expect("states have string keys")
}

proptest! {
    /// Invariant 2, for one card; [`Account`] looks at every approval and, after each step, at every limit.
    #[test]
    fn no_limit_is_ever_exceeded_by_what_was_approved(begin in beginnings(), steps in steps()) {
        run(begin, &steps);
    }

    /// Invariant 7.
    #[test]
    fn a_replay_gives_the_same_bytes(begin in beginnings(), steps in steps()) {
        let account = run(begin, &steps);
        let replayed = state(&account.events);
        prop_assert_eq!(&replayed, &account.card);
        prop_assert_eq!(bytes(&replayed), bytes(&account.card));
    }

    #[test]
    fn a_snapshot_anywhere_in_the_history_changes_nothing(
        begin in beginnings(), steps in steps(), at: prop::sample::Index
    ) {
        let Account { card, events, .. } = run(begin, &steps);
        let (before, after) = events.split_at(at.index(events.len() + 1));
        let mut restored: Card = serde_json::from_slice(&bytes(&state(before))).expect("what was written");
        prop_assert_eq!(&restored, &state(before));
        after.iter().for_each(|event| restored.apply(event));
        prop_assert_eq!(bytes(&restored), bytes(&card));
    }

    #[test]
    fn the_state_stays_small(begin in beginnings(), steps in steps()) {
        prop_assert!(bytes(&run(begin, &steps).card).len() < 5_000);
    }
}
