use std::time::Duration;

use backon::{ExponentialBuilder, Retryable};
use tokio::time::{Instant, timeout_at};

use crate::{Failure, RetryConfig};

/// Repeats a call after transient failures: after 1 s, 2 s and 4 s unless configured otherwise, and never past the
/// caller's deadline.
#[derive(Clone, Copy, Debug)]
pub struct Retry {
    first_delay: Duration,
    max_retries: usize,
}

impl Retry {
    pub fn new(config: &RetryConfig) -> Retry {
        Retry { first_delay: Duration::from_millis(config.first_delay_ms), max_retries: config.max_retries }
    }

    /// Calls until there is a result, a permanent failure, no retry left, or no time for the next one. Only for calls that
    /// may be repeated: that read, or delete, or have an idempotency key. At the
    /// deadline the attempt under way is abandoned, as `Unknown`; after the deadline nothing is sent.
    ///
    /// The answer covers all attempts: once one of them may have had an effect, a later one that failed to connect,
    /// or was refused, proves nothing, and the failure is `Unknown`.
    pub async fn run<T, F, Fut>(&self, deadline: Instant, call: F) -> Result<T, Failure>
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<T, Failure>>,
    {
        self.run_while(deadline, call, Failure::is_transient).await
    }

    /// As `run`, for a call without an idempotency key: repeated only while surely nothing was sent.
    pub async fn run_until_sent<T, F, Fut>(&self, deadline: Instant, call: F) -> Result<T, Failure>
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<T, Failure>>,
    {
        self.run_while(deadline, call, |failure| *failure == Failure::Unreachable).await
    }

    async fn run_while<T, F, Fut>(
        &self,
        deadline: Instant,
        mut call: F,
        may_repeat: fn(&Failure) -> bool,
    ) -> Result<T, Failure>
    where
        F: FnMut() -> Fut,
        Fut: Future<Output = Result<T, Failure>>,
    {
        if deadline <= Instant::now() {
            return Err(Failure::Unreachable);
        }
        let mut in_doubt = false;
        let attempt = || {
            let call = call();
            async move { timeout_at(deadline, call).await.unwrap_or(Err(Failure::Unknown)) }
        };
        let transient = |failure: &Failure| {
            in_doubt |= *failure == Failure::Unknown;
            may_repeat(failure)
        };
        let in_time = |_: &Failure, delay: Option<Duration>| delay.filter(|delay| Instant::now() + *delay < deadline);
        let result = attempt.retry(self.delays()).when(transient).adjust(in_time).await;
        match result {
            Err(Failure::Unreachable | Failure::Refused { .. }) if in_doubt => Err(Failure::Unknown),
            result => result,
        }
    }

    fn delays(&self) -> ExponentialBuilder {
        ExponentialBuilder::new()
            .with_factor(2.0)
            .with_min_delay(self.first_delay)
            .without_max_delay()
            .with_max_times(self.max_retries)
    }
}
