use std::{
    collections::{BTreeMap, HashMap, hash_map::Entry as Slot},
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
};

use aggregates::Money;
use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

/// Enough that a growing table holds up only a small part of the charges while it is copied.
const SHARDS: usize = 64;

/// What really happened at the gateway, by idempotency key. Holds no card data.
pub(super) struct Ledger {
    shards: [Mutex<HashMap<Uuid, Entry>>; SHARDS],
    entries: AtomicUsize,
    max_entries: usize,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub outcome: Outcome,
    pub amount: Money,
    /// When the entry was made.
    pub at: DateTime<Utc>,
    /// How often the key was posted, the first time included.
    pub requests: u32,
    /// A hash of the request, to know another one under the same key.
    fingerprint: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Charged,
    Declined(&'static str),
    /// Turned away once; the next request is charged.
    TurnedAway,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    KeyReused,
    Full,
}

/// The whole ledger in figures.
#[derive(Debug, Default, Serialize)]
pub(super) struct Summary {
    charges: u64,
    declines: u64,
    distinct_keys: u64,
    requests: u64,
    /// Requests beyond the first of each key.
    duplicate_requests: u64,
    /// Charged minor units by currency.
    total_minor_units: BTreeMap<&'static str, i64>,
}

impl Ledger {
    pub fn new(max_entries: usize) -> Ledger {
        let shards = std::array::from_fn(|_| Mutex::default());
        Ledger { shards, entries: AtomicUsize::new(0), max_entries }
    }

    /// Records the first request of a key with `outcome`; answers later ones with what the first brought about.
    pub fn post(&self, key: Uuid, fingerprint: u64, amount: Money, outcome: Outcome) -> Result<Entry, Refusal> {
        match self.shard(key).entry(key) {
            Slot::Occupied(mut slot) => {
                let entry = slot.get_mut();
                entry.requests = entry.requests.saturating_add(1);
                if entry.fingerprint != fingerprint {
                    return Err(Refusal::KeyReused);
                }
                if entry.outcome == Outcome::TurnedAway {
                    entry.outcome = Outcome::Charged;
                }
                Ok(*entry)
            }
            Slot::Vacant(slot) => {
                if self.entries.fetch_add(1, Ordering::Relaxed) >= self.max_entries {
                    self.entries.fetch_sub(1, Ordering::Relaxed);
                    return Err(Refusal::Full);
                }
                Ok(*slot.insert(Entry { outcome, amount, at: Utc::now(), requests: 1, fingerprint }))
            }
        }
    }

    /// None also for a key that was only turned away: nothing has happened under it.
    pub fn look_up(&self, key: Uuid) -> Option<Entry> {
        self.shard(key).get(&key).copied().filter(|entry| entry.outcome != Outcome::TurnedAway)
    }

    /// Adds up shard by shard, so exact only while nothing is posted.
    pub fn summary(&self) -> Summary {
        let mut summary = Summary::default();
        for shard in &self.shards {
            for entry in lock(shard).values() {
                summary.add(entry);
            }
        }
        summary
    }

    fn shard(&self, key: Uuid) -> MutexGuard<'_, HashMap<Uuid, Entry>> {
        // The last byte of a UUIDv7 is random.
        lock(&self.shards[usize::from(key.as_bytes()[15]) % SHARDS])
    }
}

impl Summary {
    fn add(&mut self, entry: &Entry) {
        self.distinct_keys += 1;
        self.requests += u64::from(entry.requests);
        self.duplicate_requests += u64::from(entry.requests) - 1;
        match entry.outcome {
            Outcome::Charged => {
                self.charges += 1;
                let total = self.total_minor_units.entry(entry.amount.currency.code()).or_default();
                *total = total.saturating_add(entry.amount.minor_units);
            }
            Outcome::Declined(_) => self.declines += 1,
            Outcome::TurnedAway => {}
        }
    }
}

/// A panic while a shard is locked leaves no entry half written.
fn lock(shard: &Mutex<HashMap<Uuid, Entry>>) -> MutexGuard<'_, HashMap<Uuid, Entry>> {
    shard.lock().unwrap_or_else(PoisonError::into_inner)
}
