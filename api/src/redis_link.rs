//! One multiplexed connection to Redis for sessions and rate limits, which never makes a request wait long.

use std::{
    fmt::Display,
    future::Future,
    sync::atomic::{AtomicU64, Ordering},
    time::{Duration, Instant},
};

use redis::{
    Client, IntoConnectionInfo, RedisResult,
    aio::{ConnectionManager, ConnectionManagerConfig},
};
use secrecy::{ExposeSecret, SecretString};

/// After a failure Redis is not asked again for this long, so that an outage costs one time-out a second, not one a
/// request.
const REST: Duration = Duration::from_secs(1);

pub struct RedisLink {
    manager: ConnectionManager,
    /// `{namespace}:`, whose braces keep one namespace in one slot of a cluster.
    prefix: String,
    timeout: Duration,
    started: Instant,
    /// Milliseconds after `started` until which Redis is left alone; 0 while it answers.
    resting_until: AtomicU64,
}

/// Redis did not answer, or answered with an error.
#[derive(Clone, Copy, Debug)]
pub struct Down;

impl RedisLink {
    /// Connects when first used, and again whenever the connection is lost. Needs a Tokio runtime.
    pub fn new(url: &SecretString, namespace: &str, timeout: Duration) -> RedisResult<RedisLink> {
        let config = ConnectionManagerConfig::new()
            .set_response_timeout(Some(timeout))
            .set_connection_timeout(Some(Duration::from_secs(1)))
            .set_max_delay(Duration::from_secs(1));
        let address = url.expose_secret().into_connection_info()?;
        // Off by default in this library, and then small requests wait for the acknowledgement of the one before.
        let tcp = address.tcp_settings().clone().set_nodelay(true);
        let client = Client::open(address.set_tcp_settings(tcp))?;
        let manager = ConnectionManager::new_lazy_with_config(client, config)?;
        Ok(RedisLink {
            manager,
            prefix: format!("{{{namespace}}}:"),
            timeout,
            started: Instant::now(),
            resting_until: AtomicU64::new(0),
        })
    }

    pub fn key(&self, kind: &str, of: impl Display) -> String {
        use std::fmt::Write;
        let mut key = String::with_capacity(self.prefix.len() + kind.len() + 40);
        key.push_str(&self.prefix);
        key.push_str(kind);
        // Writing to a String cannot fail.
        let _ = write!(key, ":{of}");
        key
    }

    pub fn connection(&self) -> ConnectionManager {
        self.manager.clone()
    }

    /// Waits for `work` as long as the time-out allows.
    pub async fn run<T>(&self, work: impl Future<Output = RedisResult<T>>) -> Result<T, Down> {
        let rest = self.resting_until.load(Ordering::Relaxed);
        if rest != 0 && self.now() < rest {
            return Err(Down);
        }
        self.insist(work).await
    }

    /// The same, also while Redis is left alone: for what has to be written.
    pub async fn insist<T>(&self, work: impl Future<Output = RedisResult<T>>) -> Result<T, Down> {
        let rest = self.resting_until.load(Ordering::Relaxed);
        match tokio::time::timeout(self.timeout, work).await {
            Ok(Ok(value)) => {
                if rest != 0 && self.resting_until.swap(0, Ordering::Relaxed) != 0 {
                    tracing::info!("Redis answers again");
                }
                Ok(value)
            }
            Ok(Err(error)) => Err(self.failed(&error)),
            Err(_) => Err(self.failed(&"no answer in time")),
        }
    }

    pub async fn ping(&self) -> Result<(), Down> {
        let mut connection = self.connection();
        self.run(async move { redis::cmd("PING").query_async::<()>(&mut connection).await }).await
    }

    fn failed(&self, error: &dyn Display) -> Down {
        metrics::counter!("redis_failures_total", "user" => "api").increment(1);
        if self.resting_until.swap(self.now() + REST.as_millis() as u64, Ordering::Relaxed) == 0 {
            tracing::warn!(%error, "Redis does not answer: sessions are read from PostgreSQL, rate limits counted by each instance");
        }
        Down
    }

    fn now(&self) -> u64 {
        self.started.elapsed().as_millis() as u64
    }
}
