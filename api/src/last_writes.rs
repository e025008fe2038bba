use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
};

use aggregates::UserId;
use quick_cache::sync::Cache;

/// People whose last write is remembered. Who is forgotten may, for an instant, read what was there before.
const PEOPLE: usize = 100_000;

/// The position of each person's last write through this instance, so that their reads here see it.
pub struct LastWrites(Cache<UserId, Arc<AtomicI64>>);

impl LastWrites {
    pub fn new() -> LastWrites {
        LastWrites(Cache::new(PEOPLE))
    }

    pub fn note(&self, person: UserId, position: i64) {
        let Ok(last) = self.0.get_or_insert_with(&person, || Ok::<_, Infallible>(Arc::new(AtomicI64::new(0))));
        last.fetch_max(position, Ordering::Relaxed);
    }

    pub fn of(&self, person: UserId) -> Option<i64> {
        self.0.get(&person).map(|last| last.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_write_does_not_hide_a_later_one() {
        let (writes, person) = (LastWrites::new(), UserId(uuid::Uuid::now_v7()));
        assert_eq!(writes.of(person), None);
        writes.note(person, 7);
        writes.note(person, 5);
        assert_eq!(writes.of(person), Some(7));
    }
}
