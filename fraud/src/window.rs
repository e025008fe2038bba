use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

/// A total over the last `SECONDS` seconds, from two numbers only.
///
/// Time is cut into periods of that length. The total is this period's plus the part of the previous one that the
/// window still covers, as if it had been spread evenly; so it is exact for a steady stream and off by less than
/// one period's total otherwise. Written as `[period, this, previous]`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Recent<const SECONDS: i64>(i64, i64, i64);

impl<const SECONDS: i64> Recent<SECONDS> {
    pub fn add(&mut self, amount: i64, at: DateTime<Utc>) {
        let Recent(period, this, previous) = self.rolled(at);
        *self = Recent(period, this.saturating_add(amount), previous);
    }

    pub fn total(&self, now: DateTime<Utc>) -> i64 {
        let Recent(period, this, previous) = self.rolled(now);
        let start = period.saturating_mul(SECONDS);
        let covered = SECONDS - now.timestamp().saturating_sub(start).clamp(0, SECONDS);
        let faded = i128::from(previous) * i128::from(covered) / i128::from(SECONDS);
        this.saturating_add(i64::try_from(faded).unwrap_or(i64::MAX))
    }

    /// A moment before the newest period counts as in it: clocks of two machines differ a little.
    fn rolled(&self, now: DateTime<Utc>) -> Self {
        let Recent(period, this, _) = *self;
        match now.timestamp().div_euclid(SECONDS) {
            current if current <= period => *self,
            current if current == period + 1 => Recent(current, 0, this),
            current => Recent(current, 0, 0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> DateTime<Utc> {
        DateTime::from_timestamp(1_800_000_000 + seconds, 0).expect("a moment in 2027")
    }

    fn ten_at_the_start() -> Recent<600> {
        let mut recent = Recent::default();
        recent.add(10, at(0));
        recent
    }

    #[test]
    fn what_happened_within_the_window_counts_fully() {
        assert_eq!(ten_at_the_start().total(at(599)), 10);
    }

    #[test]
    fn the_previous_period_fades_evenly() {
        for (seconds, total) in [(600, 10), (660, 9), (900, 5), (1_199, 0), (1_200, 0), (100_000, 0)] {
            assert_eq!(ten_at_the_start().total(at(seconds)), total, "after {seconds} s");
        }
    }

    #[test]
    fn a_clock_that_went_back_loses_nothing() {
        let mut recent = ten_at_the_start();
        recent.add(1, at(-5));
        assert_eq!(recent.total(at(-5)), 11);
    }

    #[test]
    fn totals_stop_at_the_largest_number() {
        let mut recent = ten_at_the_start();
        recent.add(i64::MAX, at(1));
        assert_eq!(recent.total(at(2)), i64::MAX);
    }

    #[test]
    fn it_is_written_as_three_numbers() {
        assert_eq!(serde_json::to_string(&ten_at_the_start()).ok().as_deref(), Some("[3000000,10,0]"));
    }
}
