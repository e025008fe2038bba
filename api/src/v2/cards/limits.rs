use aggregates::Money;
use aggregates::card::{self, Bound, Standing};
use chrono::{DateTime, Utc};
use poem_openapi::Object;
use serde::Serialize;

use super::{Funds, controls::LimitPeriod};

/// How far an amount is used.
#[derive(Object, Serialize)]
struct AmountLeft {
    limit: Funds,
    used: Funds,
    remaining: Funds,
}

/// How many payments were made.
#[derive(Object, Serialize)]
struct CountLeft {
    limit: u32,
    used: u32,
    remaining: u32,
}

/// A limit, now.
#[derive(Object, Serialize)]
#[oai(skip_serializing_if_is_none)]
struct LimitNow {
    period: LimitPeriod,
    #[serde(skip_serializing_if = "Option::is_none")]
    amount: Option<AmountLeft>,
    #[serde(skip_serializing_if = "Option::is_none")]
    count: Option<CountLeft>,
    /// Where the window begins that it counts in.
    #[serde(skip_serializing_if = "Option::is_none")]
    from: Option<DateTime<Utc>>,
    /// Where that window ends; a rolling one does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    until: Option<DateTime<Utc>>,
}

/// All limits of a card.
#[derive(Object, Serialize)]
pub(super) struct CardLimits {
    /// Of the calendar month, UTC.
    monthly: AmountLeft,
    /// The month, as `2026-11`.
    month: String,
    /// Those that the controls set.
    limits: Vec<LimitNow>,
}

impl From<card::Limits> for CardLimits {
    fn from(limits: card::Limits) -> CardLimits {
        CardLimits {
            monthly: limits.monthly.into(),
            month: limits.window.to_string(),
            limits: limits.others.into_iter().map(LimitNow::from).collect(),
        }
    }
}

impl From<Standing> for LimitNow {
    fn from(standing: Standing) -> LimitNow {
        let count = |Bound { limit, used, remaining }| CountLeft { limit, used, remaining };
        LimitNow {
            period: standing.period.into(),
            amount: standing.amount.map(AmountLeft::from),
            count: standing.count.map(count),
            from: standing.from,
            until: standing.until,
        }
    }
}

impl From<Bound<Money>> for AmountLeft {
    fn from(bound: Bound<Money>) -> AmountLeft {
        AmountLeft { limit: bound.limit.into(), used: bound.used.into(), remaining: bound.remaining.into() }
    }
}
