use super::{Controls, Hours, Limit, Period};

/// Minutes of a day.
const MINUTES: u32 = 24 * 60;

impl Controls {
    /// Whether `next` allows any purchase that this does not: raising anything does, and so does whatever could.
    pub fn is_loosened_by(&self, next: &Controls) -> bool {
        let clock_moves = self.time_zone != next.time_zone && self.follows_the_clock();
        clock_moves
            || self.limits.iter().any(|limit| is_raised(limit, &next.limits))
            || self.mccs.is_loosened_by(&next.mccs)
            || self.merchants.is_loosened_by(&next.merchants)
            || self.countries.is_loosened_by(&next.countries)
            || self.currencies.is_loosened_by(&next.currencies)
            || (self.online_only && !next.online_only)
            || hours_are_loosened(&self.hours, &next.hours)
    }

    /// Whether another time zone could begin a new day, and so a new limit.
    fn follows_the_clock(&self) -> bool {
        !self.hours.is_empty()
            || self
                .limits
                .iter()
                .any(|limit| matches!(limit.period, Period::Day | Period::Week | Period::Month | Period::Year))
    }
}

fn is_raised(limit: &Limit, next: &[Limit]) -> bool {
    let Some(next) = next.iter().find(|next| next.period == limit.period) else { return true };
    let amount = limit.amount.is_some_and(|limit| next.amount.is_none_or(|next| next.minor_units > limit.minor_units));
    amount || limit.count.is_some_and(|limit| next.count.is_none_or(|next| next > limit))
}

fn hours_are_loosened(now: &[Hours], next: &[Hours]) -> bool {
    if now.is_empty() {
        return false;
    }
    let among = |hours: &[Hours], minute| hours.iter().any(|hours| hours.contain_minute(minute));
    next.is_empty() || (0..MINUTES).any(|minute| among(next, minute) && !among(now, minute))
}
