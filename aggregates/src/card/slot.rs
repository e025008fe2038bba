use chrono::{DateTime, NaiveDate, Utc};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::Window;

/// Where a hold counts: its moment, and the calendar day in the card's time zone. Every window follows from the two:
/// the rolling ones and the month (UTC) of the monthly limit from the moment, the others from the day.
///
/// Recorded with the hold, so that a replay asks no time-zone database, whose rules change (invariant 7).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Slot {
    pub at: DateTime<Utc>,
    pub day: NaiveDate,
}

impl Slot {
    /// Of a hold that was made before cards had a time zone.
    pub fn utc(at: DateTime<Utc>) -> Slot {
        Slot { at, day: at.date_naive() }
    }

    pub fn window(self) -> Window {
        Window::of(self.at)
    }
}
