//! So that people read what they have written: by default a person's own reads wait for that person's last write.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use aggregates::UserId;
use quick_cache::sync::Cache;
use redis::Script;
use tokio::{sync::Semaphore, task::JoinHandle};

use crate::redis_link::RedisLink;

/// People whose last write is remembered here. Who is forgotten is still remembered in Redis for a while.
const PEOPLE: usize = 100_000;
/// How long Redis remembers. Read models that are further behind than this are an incident of its own.
const REMEMBERED: Duration = Duration::from_secs(600);
/// Notes under way to Redis. At the bound a note stays here alone: the person's reads through other instances may miss
/// that write, unless they bring its position.
const UNDER_WAY: usize = 1_000;

/// The position of each person's last write: through this instance in memory, and for the other instances, which may
/// serve what this one does not, in Redis.
///
/// Redis is written while the answer is made, which waits for it at the end, within the time limit of all that goes to
/// Redis; it is read in the round trip that counts the request. What Redis loses, a client still has in `X-Position`.
pub struct LastWrites {
    here: Cache<UserId, Arc<AtomicI64>>,
    redis: Arc<RedisLink>,
    /// Raises the position, so that a slow note cannot hide a later write.
    raise: Arc<Script>,
    places: Arc<Semaphore>,
}

const RAISE: &str = "
    local known = tonumber(redis.call('GET', KEYS[1]) or '0')
    if known < tonumber(ARGV[1]) then redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2]) end
";

impl LastWrites {
    pub fn new(redis: Arc<RedisLink>) -> LastWrites {
        let places = Arc::new(Semaphore::new(UNDER_WAY));
        LastWrites { here: Cache::new(PEOPLE), redis, raise: Arc::new(Script::new(RAISE)), places }
    }

    /// Where Redis has a person's position.
    pub fn key(&self, person: UserId) -> String {
        self.redis.key("written", person)
    }

    /// The task that takes the note to Redis; none at the bound. Once it has ended every instance knows of the write.
    pub fn note(&self, person: UserId, position: i64) -> Option<JoinHandle<()>> {
        let Ok(last) = self.here.get_or_insert_with(&person, || Ok::<_, Infallible>(Arc::new(AtomicI64::new(0))));
        last.fetch_max(position, Ordering::Relaxed);
        let place = self.places.clone().try_acquire_owned().ok()?;
        let (redis, raise, key) = (self.redis.clone(), self.raise.clone(), self.key(person));
        Some(tokio::spawn(async move {
            let _place = place;
            let mut connection = redis.connection();
            let mut call = raise.key(key);
            call.arg(position).arg(REMEMBERED.as_millis() as u64);
            let _ = redis.run(call.invoke_async::<()>(&mut connection)).await;
        }))
    }

    pub fn of(&self, person: UserId) -> Option<i64> {
        self.here.get(&person).map(|last| last.load(Ordering::Relaxed))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[tokio::test]
    async fn a_slow_write_does_not_hide_a_later_one() {
        let nowhere = RedisLink::new(&"redis://127.0.0.1:1".into(), "test", Duration::from_secs(1)).unwrap();
        let (writes, person) = (LastWrites::new(nowhere.into()), UserId(uuid::Uuid::now_v7()));
        assert_eq!(writes.of(person), None);
        writes.note(person, 7);
        writes.note(person, 5);
        assert_eq!(writes.of(person), Some(7));
    }
}
