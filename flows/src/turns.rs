use std::hash::{BuildHasher, RandomState};

use tokio::sync::{Mutex, MutexGuard};
use uuid::Uuid;

/// How many turns there are; aggregates share them by their hash.
const TURNS: usize = 1024;

/// Lets the commands of one process on one hot aggregate go one after another, instead of having all but one lose
/// each append. An economy only: between processes, and for correctness, there is the log's own version check.
pub(crate) struct Turns {
    hasher: RandomState,
    turns: Vec<Mutex<()>>,
}

impl Turns {
    pub fn new() -> Turns {
        Turns { hasher: RandomState::new(), turns: (0..TURNS).map(|_| Mutex::new(())).collect() }
    }

    /// Waits for the aggregate's turn; whoever waits is bounded by the requests in flight.
    pub async fn take(&self, id: impl Into<Uuid>) -> MutexGuard<'_, ()> {
        let hash = self.hasher.hash_one(id.into());
        self.turns[usize::try_from(hash % TURNS as u64).unwrap_or(0)].lock().await
    }
}
