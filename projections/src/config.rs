use std::time::Duration;

use redis::{Client, IntoConnectionInfo};

use crate::error::AddressError;

/// How long sent data may stay unacknowledged before the connection counts as dead. Without it, one that a network
/// swallowed silently would be waited for until the kernel gives up, a quarter of an hour later.
#[cfg(target_os = "linux")]
const DEAD_AFTER: Duration = Duration::from_secs(5);

/// A client of `redis://…` or `redis+unix://…`.
pub(crate) fn client(url: &str) -> Result<Client, AddressError> {
    let info = url.into_connection_info().map_err(AddressError)?;
    // Off by default in this library, and then small requests wait for the acknowledgement of the one before.
    let tcp = info.tcp_settings().clone().set_nodelay(true);
    #[cfg(target_os = "linux")]
    let tcp = tcp.set_user_timeout(DEAD_AFTER);
    Client::open(info.set_tcp_settings(tcp)).map_err(AddressError)
}

/// Times of the read models.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// How long one question to Redis may take, connecting included, before the reader is told that it is
    /// unavailable.
    pub read_timeout_ms: u64,
    /// How long a reader that asks for a position waits for it.
    pub wait_timeout_ms: u64,
    /// How long loading or writing one batch may take before the writer gives the connection up.
    pub write_timeout_ms: u64,
    /// How long the keys of a generation stay after another one took its place.
    pub grace_seconds: u64,
}

impl Default for Config {
    fn default() -> Self {
        Config { read_timeout_ms: 500, wait_timeout_ms: 2_000, write_timeout_ms: 5_000, grace_seconds: 30 }
    }
}

impl Config {
    pub(crate) fn read_timeout(&self) -> Duration {
        Duration::from_millis(self.read_timeout_ms)
    }

    pub(crate) fn wait_timeout(&self) -> Duration {
        Duration::from_millis(self.wait_timeout_ms)
    }

    pub(crate) fn write_timeout(&self) -> Duration {
        Duration::from_millis(self.write_timeout_ms)
    }

    pub(crate) fn grace(&self) -> Duration {
        Duration::from_secs(self.grace_seconds)
    }
}
