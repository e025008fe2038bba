//! Waiting for what happens elsewhere, without guessing how long it takes.

use std::time::{Duration, Instant};

/// Far beyond what a loaded machine needs, so that only a broken promise reaches it.
const PATIENCE: Duration = Duration::from_secs(20);
const BETWEEN_LOOKS: Duration = Duration::from_millis(10);

/// Looks until there is something, and panics with `what` if there never is.
pub async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look().await {
            return found;
        }
        assert!(Instant::now() < deadline, "waited {} s in vain: {what}", PATIENCE.as_secs());
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
}
