use std::{fmt, str::FromStr};

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, TimeDelta, TimeZone as _, Utc};
use chrono_tz::Tz;
use serde::{Deserialize, Serialize};

use crate::text::written_as_text;

/// A time zone of the IANA database, by name: `Europe/Berlin`. Read once, when the card's state is, not at each
/// payment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "std::borrow::Cow<'_, str>", into = "String")]
pub struct TimeZone(Tz);

/// A gap in the clock, where a day begins within one, is looked through in steps of this.
const STEP: TimeDelta = TimeDelta::minutes(15);
/// No gap of a calendar day's beginning is longer than a day: one was skipped whole, in Samoa.
const STEPS: i32 = 4 * 25;

impl TimeZone {
    pub(super) fn is_utc(&self) -> bool {
        self.0 == Tz::UTC
    }

    pub fn local(self, at: DateTime<Utc>) -> NaiveDateTime {
        match self.0 {
            Tz::UTC => at.naive_utc(),
            zone => at.with_timezone(&zone).naive_local(),
        }
    }

    /// When the calendar day begins: at midnight, or where the clock jumps over that, at the end of the jump.
    pub fn start_of(self, day: NaiveDate) -> DateTime<Utc> {
        let midnight = day.and_time(NaiveTime::MIN);
        let candidates = (0..STEPS).map(|step| midnight + STEP * step);
        let mut starts = candidates.filter_map(|local| self.0.from_local_datetime(&local).earliest());
        starts.next().map_or_else(|| midnight.and_utc(), |start| start.with_timezone(&Utc))
    }
}

impl Default for TimeZone {
    fn default() -> TimeZone {
        TimeZone(Tz::UTC)
    }
}

impl FromStr for TimeZone {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        text.parse().map(TimeZone).map_err(|_| "is no time zone of the IANA database".to_owned())
    }
}

impl fmt::Display for TimeZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.name())
    }
}

written_as_text!(TimeZone, { "type": "string", "maxLength": 64, "description": "IANA time zone" });
