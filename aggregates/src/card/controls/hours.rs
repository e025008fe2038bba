use chrono::{NaiveTime, Timelike};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A time of day, from a minute on and before another; over midnight where it ends before it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Hours {
    /// Seconds do not count.
    pub from: NaiveTime,
    pub until: NaiveTime,
}

impl Hours {
    pub(super) fn is_empty(&self) -> bool {
        minute(self.from) == minute(self.until)
    }

    pub(super) fn contain(&self, local: NaiveTime) -> bool {
        self.contain_minute(minute(local))
    }

    pub(super) fn contain_minute(&self, at: u32) -> bool {
        let (from, until) = (minute(self.from), minute(self.until));
        if from < until { (from..until).contains(&at) } else { at >= from || at < until }
    }
}

fn minute(time: NaiveTime) -> u32 {
    time.hour() * 60 + time.minute()
}
