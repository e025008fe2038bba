use std::{
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use quick_cache::sync::Cache;

use super::{Counter, WINDOW, too_many};
use crate::problem::Problem;

/// Subjects counted at once. The least used one is forgotten, which an attacker pays for with that many addresses.
const SUBJECTS: usize = 100_000;

/// Counts logins in this process while Redis is away: fixed windows, this instance alone.
pub struct InMemory {
    counts: Cache<String, Arc<Mutex<(Instant, u32)>>>,
}

impl InMemory {
    pub fn new() -> InMemory {
        InMemory { counts: Cache::new(SUBJECTS) }
    }

    pub fn count(&self, counter: &Counter) -> Result<(), Problem> {
        let fresh = || Ok::<_, std::convert::Infallible>(Arc::new(Mutex::new((Instant::now(), 0))));
        let Ok(slot) = self.counts.get_or_insert_with(&counter.key, fresh);
        let mut slot = slot.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let passed = slot.0.elapsed();
        if passed >= WINDOW {
            *slot = (Instant::now(), 0);
        }
        if slot.1 >= counter.limit {
            return Err(too_many(
                counter.policy,
                counter.limit,
                WINDOW.saturating_sub(passed).max(Duration::from_secs(1)),
            ));
        }
        slot.1 += 1;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn logins_stay_limited_without_redis() {
        let memory = InMemory::new();
        let counter = |key: &str| Counter { policy: "login", limit: 3, key: key.into() };
        for _ in 0..3 {
            assert!(memory.count(&counter("ann")).is_ok());
        }
        assert!(memory.count(&counter("ann")).is_err());
        assert!(memory.count(&counter("bob")).is_ok());
    }
}
