use std::fmt;

use chrono::{DateTime, NaiveTime, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Currency, Money, PaymentId, named::named};

use super::super::{Channel, Country, Mcc};

named! {
    /// What a limit counts in. The calendar's periods are those of the card's time zone.
    pub enum Period {
        /// Each payment by itself.
        Transaction = "transaction",
        Day = "day",
        /// Monday to Sunday (ISO 8601).
        Week = "week",
        Month = "month",
        Year = "year",
        Lifetime = "lifetime",
        /// The last 24 hours, in whole hours: an hour that lies partly in them counts whole.
        Rolling24h = "rolling_24h",
        /// The last 7 days, in whole days (UTC): a day that lies partly in them counts whole.
        Rolling7d = "rolling_7d",
        /// The last 30 days, likewise.
        Rolling30d = "rolling_30d",
    }
}

/// The control that refused, with the numbers. A refusal is on record, so this is data for ever.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", tag = "rule", deny_unknown_fields)]
pub enum Refusal {
    AmountLimit {
        period: Period,
        limit: Money,
        used: Money,
        attempted: Money,
        /// The window that the limit counts in; a lifetime has none, nor has a single payment.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<DateTime<Utc>>,
        /// A rolling window has no end.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<DateTime<Utc>>,
    },
    CountLimit {
        period: Period,
        limit: u32,
        used: u32,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        from: Option<DateTime<Utc>>,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<DateTime<Utc>>,
    },
    /// The merchant's category is blocked, or not among those allowed.
    Mcc {
        mcc: Option<Mcc>,
    },
    Merchant {
        merchant: String,
    },
    Country {
        country: Option<Country>,
    },
    Currency {
        currency: Option<Currency>,
    },
    /// Not at this time of day, in the card's time zone.
    TimeOfDay {
        local: NaiveTime,
    },
    OnlineOnly {
        channel: Channel,
    },
    /// The card is locked to one merchant.
    OtherMerchant {
        locked_to: String,
    },
    /// A single-use card has had its payment.
    Used {
        payment_id: PaymentId,
    },
}

impl Refusal {
    /// The rule's stable name.
    pub const fn rule(&self) -> &'static str {
        match self {
            Refusal::AmountLimit { .. } => "amount_limit",
            Refusal::CountLimit { .. } => "count_limit",
            Refusal::Mcc { .. } => "mcc",
            Refusal::Merchant { .. } => "merchant",
            Refusal::Country { .. } => "country",
            Refusal::Currency { .. } => "currency",
            Refusal::TimeOfDay { .. } => "time_of_day",
            Refusal::OnlineOnly { .. } => "online_only",
            Refusal::OtherMerchant { .. } => "other_merchant",
            Refusal::Used { .. } => "used",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let or_none = |what: Option<String>| what.unwrap_or_else(|| "none".to_owned());
        match self {
            Refusal::AmountLimit { period, limit, used, attempted, .. } => {
                write!(f, "{attempted} exceeds the limit: {used} of {limit} used ({period})")
            }
            Refusal::CountLimit { period, limit, used, .. } => {
                write!(f, "one more payment exceeds the limit: {used} of {limit} made ({period})")
            }
            Refusal::Mcc { mcc } => write!(f, "not for merchants of category {}", or_none(mcc.map(String::from))),
            Refusal::Merchant { .. } => write!(f, "not at this merchant"),
            Refusal::Country { country } => {
                write!(f, "not in country {}", or_none(country.map(String::from)))
            }
            Refusal::Currency { currency } => {
                write!(f, "not in currency {}", or_none(currency.map(|currency| currency.to_string())))
            }
            Refusal::TimeOfDay { local } => write!(f, "not at {}", local.format("%H:%M")),
            Refusal::OnlineOnly { channel } => write!(f, "online only, not {channel}"),
            Refusal::OtherMerchant { .. } => write!(f, "locked to another merchant"),
            Refusal::Used { .. } => write!(f, "good for one payment, which it has had"),
        }
    }
}
