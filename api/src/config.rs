mod edge;

use std::time::Duration;

use serde::Deserialize;

use crate::modules::Modules;
pub use edge::{Cors, Version, Versions};

/// Settings of the API. Unknown keys are refused.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `address:port` to listen on; port 0 takes a free one.
    pub listen: String,
    pub http: Http,
    pub tokens: Tokens,
    pub rate_limits: RateLimits,
    /// The modules that are served here, such as `payments`; all if none is named. In a variable: separated by commas.
    #[serde(deserialize_with = "edge::words")]
    pub modules: Vec<String>,
    pub cors: Cors,
    pub versions: Versions,
}

/// Bounds on what one client may hold or make us wait for.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Http {
    /// A longer body is refused with 413, counted as it arrives.
    pub max_body_bytes: usize,
    /// A body that takes longer to arrive is refused with 408.
    pub body_timeout_seconds: u64,
    /// A request that takes longer is answered with 504. What it began is finished by a worker.
    pub request_timeout_seconds: u64,
    /// A connection is closed when the next request's head has not arrived after this long: slow senders and idle
    /// keep-alive alike.
    pub idle_timeout_seconds: u64,
    /// Open connections. At the bound none is accepted until one closes; callers wait in the kernel's queue.
    pub max_connections: usize,
    /// A connection is closed after its current request when it is this old, so that load balancers can even out.
    pub connection_lifetime_seconds: u64,
    /// At shutdown, requests under way have this long to finish.
    pub shutdown_seconds: u64,
    /// Proxies of ours in front that append to `X-Forwarded-For`. 0 believes no header and takes the peer's address.
    /// `Forwarded` (RFC 7239) is never believed: a proxy that writes one of the two lets the other through as the
    /// client wrote it.
    pub trusted_hops: usize,
    /// Browsers are told to use TLS alone for this long. 0: not told. For where TLS ends in front of us.
    pub hsts_seconds: u64,
    /// Redis answers within this time or is passed over.
    pub redis_timeout_milliseconds: u64,
}

/// Access tokens (RFC 9068).
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tokens {
    /// 15 to 30.
    pub lifetime_minutes: u64,
    pub issuer: String,
    pub audience: String,
}

/// Requests in any 60 seconds; 0 turns a limit off.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RateLimits {
    /// All authenticated requests of a person.
    pub person: u32,
    /// All requests of an address: an IPv4 address or an IPv6 /64.
    pub address: u32,
    /// Payments of a person.
    pub payments: u32,
    /// Requests for a person's card numbers; each reveal takes two.
    pub reveal: u32,
    /// Exports of a person's data.
    pub export: u32,
    /// Operations of a person that take the password once more.
    pub password: u32,
    // The rest each count an address, and from anywhere the account or client that is tried.
    /// Logins.
    pub login: u32,
    /// Second factors tried.
    pub second_factor: u32,
    /// Proofs tried for a step-up.
    pub step_up: u32,
    /// Registrations.
    pub register: u32,
    /// Mailed tokens tried.
    pub verify: u32,
    /// Mails asked for again.
    pub resend: u32,
    /// Password resets asked for.
    pub reset: u32,
    /// Refresh tokens tried.
    pub refresh: u32,
    /// Requests to the OAuth endpoints: token, revocation, introspection.
    pub token: u32,
    /// Webhooks of third parties.
    pub webhooks: u32,
}

#[derive(Debug, thiserror::Error)]
#[error("api configuration: {0}")]
pub struct ConfigError(String);

impl ConfigError {
    pub(crate) fn new(said: String) -> ConfigError {
        ConfigError(said)
    }
}

impl Default for Config {
    fn default() -> Self {
        Config {
            listen: "127.0.0.1:8080".into(),
            http: Http::default(),
            tokens: Tokens::default(),
            rate_limits: RateLimits::default(),
            modules: Vec::new(),
            cors: Cors::default(),
            versions: Versions::default(),
        }
    }
}

impl Default for Http {
    fn default() -> Self {
        Http {
            max_body_bytes: 256 * 1024,
            body_timeout_seconds: 10,
            request_timeout_seconds: 30,
            idle_timeout_seconds: 60,
            max_connections: 4096,
            connection_lifetime_seconds: 3600,
            shutdown_seconds: 10,
            trusted_hops: 0,
            hsts_seconds: 0,
            redis_timeout_milliseconds: 100,
        }
    }
}

impl Default for Tokens {
    fn default() -> Self {
        Tokens {
            lifetime_minutes: 15,
            issuer: "https://api.virtualcards.com".into(),
            audience: "https://api.virtualcards.com".into(),
        }
    }
}

impl Default for RateLimits {
    fn default() -> Self {
        RateLimits {
            person: 100,
            address: 1000,
            payments: 60,
            reveal: 10,
            export: 2,
            password: 10,
            login: 10,
            second_factor: 10,
            step_up: 10,
            register: 10,
            verify: 10,
            resend: 3,
            reset: 3,
            refresh: 60,
            token: 120,
            webhooks: 1200,
        }
    }
}

impl RateLimits {
    /// The names of all limits, as the configuration has them.
    pub const NAMES: &[&str] = &[
        "person",
        "address",
        "payments",
        "reveal",
        "export",
        "password",
        "login",
        "second_factor",
        "step_up",
        "register",
        "verify",
        "resend",
        "reset",
        "refresh",
        "token",
        "webhooks",
    ];
}

impl Config {
    /// Refuses settings that would weaken a bound beyond what the design allows.
    pub fn check(&self) -> Result<(), ConfigError> {
        let Tokens { lifetime_minutes, issuer, audience } = &self.tokens;
        if !(15..=30).contains(lifetime_minutes) {
            return Err(ConfigError(format!("tokens.lifetime_minutes is {lifetime_minutes}, allowed are 15 to 30")));
        }
        if issuer.is_empty() || audience.is_empty() {
            return Err(ConfigError("tokens.issuer and tokens.audience must not be empty".into()));
        }
        let http = &self.http;
        let times = [
            http.body_timeout_seconds,
            http.request_timeout_seconds,
            http.idle_timeout_seconds,
            http.connection_lifetime_seconds,
            http.redis_timeout_milliseconds,
        ];
        if times.contains(&0) || http.max_body_bytes == 0 || http.max_connections == 0 {
            return Err(ConfigError("times and bounds under `http` must be positive".into()));
        }
        self.cors.check()?;
        self.versions.check()?;
        Modules::named(&self.modules).map(drop)
    }
}

impl Http {
    pub(crate) fn body_timeout(&self) -> Duration {
        Duration::from_secs(self.body_timeout_seconds)
    }

    pub(crate) fn request_timeout(&self) -> Duration {
        Duration::from_secs(self.request_timeout_seconds)
    }

    pub(crate) fn redis_timeout(&self) -> Duration {
        Duration::from_millis(self.redis_timeout_milliseconds)
    }
}
