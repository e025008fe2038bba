use std::time::Duration;

use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};

/// Pauses between attempts that go on for ever: 50 ms doubling up to 2 s, with jitter so that processes which lost
/// the same server do not return in step.
pub(crate) struct Pauses(ExponentialBackoff);

const LONGEST: Duration = Duration::from_secs(2);

impl Pauses {
    pub fn new() -> Self {
        let builder = ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(50))
            .with_max_delay(LONGEST)
            .without_max_times()
            .with_jitter();
        Self(builder.build())
    }

    pub fn next(&mut self) -> Duration {
        self.0.next().unwrap_or(LONGEST)
    }
}
