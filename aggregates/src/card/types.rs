use std::{fmt, str::FromStr};

use chrono::{DateTime, Datelike, NaiveDate, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{named::named, text::written_as_text};

named! {
    /// What is issued, by scheme.
    pub enum CardType {
        VirtualVisa = "virtual_visa",
        VirtualMastercard = "virtual_mastercard",
    }
}

/// Month and year a card is good through, printed and stored as `10/27`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "std::borrow::Cow<'_, str>", into = "String")]
pub struct Expiry {
    month: u8,
    year: u16,
}

impl Expiry {
    pub fn new(month: u8, year: u16) -> Option<Expiry> {
        ((1..=12).contains(&month) && (2000..2100).contains(&year)).then_some(Expiry { month, year })
    }

    pub fn month(self) -> u8 {
        self.month
    }

    pub fn year(self) -> u16 {
        self.year
    }

    /// The day after its last one.
    pub fn end(self) -> Option<NaiveDate> {
        let (year, month) = (i32::from(self.year), u32::from(self.month));
        let (year, month) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
        NaiveDate::from_ymd_opt(year, month, 1)
    }

    /// A card is good through the last day of its month, UTC.
    pub fn has_passed(self, now: DateTime<Utc>) -> bool {
        (i64::from(now.year()), now.month()) > (i64::from(self.year), u32::from(self.month))
    }
}

impl fmt::Display for Expiry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02}/{:02}", self.month, self.year % 100)
    }
}

impl FromStr for Expiry {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let number = |tens: u8, ones: u8| {
            (tens.is_ascii_digit() && ones.is_ascii_digit()).then(|| (tens - b'0') * 10 + (ones - b'0'))
        };
        let parsed = match *text.as_bytes() {
            [m, n, b'/', y, z] => number(m, n).zip(number(y, z)),
            _ => None,
        };
        let parsed = parsed.and_then(|(month, year)| Expiry::new(month, 2000 + u16::from(year)));
        parsed.ok_or_else(|| format!("`{text}` is not MM/YY"))
    }
}

written_as_text!(Expiry, { "type": "string", "pattern": "^(0[1-9]|1[0-2])/[0-9]{2}$", "description": "MM/YY" });

/// The calendar month, UTC, that a limit counts in, as its first day: `2026-11-01`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Window(NaiveDate);

impl Window {
    pub fn of(now: DateTime<Utc>) -> Window {
        let date = now.date_naive();
        Window(date.with_day(1).unwrap_or(date))
    }

    pub fn first_day(self) -> NaiveDate {
        self.0
    }
}

impl fmt::Display for Window {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0.format("%Y-%m"))
    }
}
