use std::{
    convert::Infallible,
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use quick_cache::sync::Cache;

use super::{
    Counter,
    standing::{Stand, Standing, too_many},
    window::{Verdict, Window},
};
use crate::problem::Problem;

/// Subjects counted at once. The least used one is forgotten, which an attacker pays for with that many addresses.
const SUBJECTS: usize = 100_000;

/// Counts in this process while Redis is away: the same window, this instance alone.
pub struct InMemory {
    windows: Cache<String, Arc<Mutex<Window>>>,
    started: Instant,
}

impl InMemory {
    pub fn new() -> InMemory {
        InMemory { windows: Cache::new(SUBJECTS), started: Instant::now() }
    }

    /// Counts a request against all its limits, or against none if one refuses.
    pub fn count(&self, counters: &[Counter]) -> Result<Standing, Problem> {
        self.count_at(counters, self.started.elapsed())
    }

    fn count_at(&self, counters: &[Counter], now: Duration) -> Result<Standing, Problem> {
        let mut stands = Vec::with_capacity(counters.len());
        for Counter { policy, limit, key } in counters {
            match self.window(key).lock().unwrap_or_else(PoisonError::into_inner).look(*limit, now) {
                Verdict::Admitted { left, resets_in } => {
                    stands.push(Stand { policy: *policy, limit: *limit, left: left.into(), resets_in });
                }
                Verdict::Refused { wait } => return Err(too_many(*policy, *limit, wait)),
            }
        }
        for counter in counters {
            self.window(&counter.key).lock().unwrap_or_else(PoisonError::into_inner).count();
        }
        Ok(Standing(stands))
    }

    fn window(&self, key: &str) -> Arc<Mutex<Window>> {
        let Ok(window) = self.windows.get_or_insert_with(key, || Ok::<_, Infallible>(Arc::default()));
        window
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::Policy;

    fn counter(key: &str, limit: u32) -> Counter {
        Counter { policy: Policy::Login, limit, key: key.into() }
    }

    #[test]
    fn each_subject_is_limited_by_itself() {
        let memory = InMemory::new();
        let ask = |key: &str, second| memory.count_at(&[counter(key, 3)], Duration::from_secs(second)).is_ok();
        assert!(ask("ann", 0) && ask("ann", 30) && ask("ann", 59));
        assert!(!ask("ann", 59));
        assert!(ask("bob", 59));
        assert!(ask("ann", 66), "the first has left the window");
        assert!(!ask("ann", 66));
    }

    #[test]
    fn what_one_limit_refuses_counts_against_no_other() {
        let memory = InMemory::new();
        let both = [counter("address", 9), counter("ann", 1)];
        assert!(memory.count(&both).is_ok());
        assert!(memory.count(&both).is_err());
        let standing = memory.count(&[counter("address", 9)]).expect("only one was counted");
        assert_eq!(standing.0[0].left, 7);
    }
}
