use serde::{Deserialize, Serialize};

/// What was used: minor units of the card's currency, and payments.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub amount: i64,
    pub count: u32,
}

impl Tally {
    fn plus(self, other: Tally) -> Tally {
        let (amount, count) = (self.amount.saturating_add(other.amount), self.count.saturating_add(other.count));
        Tally { amount, count }
    }

    fn minus(self, other: Tally) -> Tally {
        let amount = self.amount.saturating_sub(other.amount).max(0);
        Tally { amount, count: self.count.saturating_sub(other.count) }
    }
}

/// The newest `KEPT` periods of one length in which anything was used, by their number: `[number, amount, count]`.
///
/// Older ones are forgotten, so the state stays small however old the card grows. That is safe because nothing can be
/// spent in a forgotten period any more: what asks for one is told that it is not known, and refuses. A period stays
/// when all of it is released; otherwise "not there" could not tell "forgotten" from "never used".
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Buckets<const KEPT: usize>(Vec<(i32, i64, u32)>);

impl<const KEPT: usize> Buckets<KEPT> {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// None where the period is forgotten.
    pub fn at(&self, period: i32) -> Option<Tally> {
        match self.0.binary_search_by_key(&period, |bucket| bucket.0) {
            Ok(found) => Some(tally(&self.0[found])),
            Err(_) if self.forgot(period) => None,
            Err(_) => Some(Tally::default()),
        }
    }

    /// All from this period on; none where one of them may be forgotten.
    pub fn since(&self, period: i32) -> Option<Tally> {
        let newest = self.0.iter().rev().take_while(|bucket| bucket.0 >= period);
        (!self.forgot(period)).then(|| newest.map(tally).fold(Tally::default(), Tally::plus))
    }

    pub fn add(&mut self, period: i32, more: Tally) {
        match self.0.binary_search_by_key(&period, |bucket| bucket.0) {
            Ok(found) => set(&mut self.0[found], |tally| tally.plus(more)),
            // A period older than all that are kept would be the first to be forgotten.
            Err(0) if self.0.len() == KEPT => {}
            Err(place) => {
                if self.0.len() == KEPT {
                    self.0.remove(0);
                    self.0.insert(place - 1, (period, more.amount, more.count));
                } else {
                    self.0.insert(place, (period, more.amount, more.count));
                }
            }
        }
    }

    /// Changes nothing where the period is forgotten.
    pub fn take(&mut self, period: i32, less: Tally) {
        if let Ok(found) = self.0.binary_search_by_key(&period, |bucket| bucket.0) {
            set(&mut self.0[found], |tally| tally.minus(less));
        }
    }

    pub fn forgot(&self, period: i32) -> bool {
        self.0.len() == KEPT && self.0.first().is_some_and(|oldest| period < oldest.0)
    }
}

fn tally(&(_, amount, count): &(i32, i64, u32)) -> Tally {
    Tally { amount, count }
}

fn set(bucket: &mut (i32, i64, u32), change: impl Fn(Tally) -> Tally) {
    let changed = change(tally(bucket));
    (bucket.1, bucket.2) = (changed.amount, changed.count);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(amount: i64) -> Tally {
        Tally { amount, count: 1 }
    }

    #[test]
    fn only_the_newest_periods_are_kept() {
        let mut buckets = Buckets::<3>::default();
        for period in [5, 1, 3, 5, 9] {
            buckets.add(period, one(10));
        }
        assert_eq!(serde_json::to_string(&buckets).ok().as_deref(), Some("[[3,10,1],[5,20,2],[9,10,1]]"));
        assert_eq!(
            (buckets.at(5), buckets.at(4), buckets.at(1)),
            (Some(Tally { amount: 20, count: 2 }), Some(Tally::default()), None)
        );
        assert_eq!((buckets.since(5), buckets.since(2)), (Some(Tally { amount: 30, count: 3 }), None));
        buckets.add(2, one(1));
        buckets.take(2, one(1));
        assert!(buckets.forgot(2) && !buckets.forgot(3));
    }

    #[test]
    fn what_is_given_back_leaves_an_empty_period() {
        let mut buckets = Buckets::<2>::default();
        buckets.add(7, one(10));
        buckets.take(7, one(10));
        assert_eq!(serde_json::to_string(&buckets).ok().as_deref(), Some("[[7,0,0]]"));
    }
}
