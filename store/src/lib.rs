//! PostgreSQL: the event log, snapshots, the secrets that never become events, and the relational read tables.
//!
//! The log is the system's truth. [`Store::append`] writes atomic [`Unit`]s that may span streams, many concurrent
//! units in one transaction; [`Store::load`] gives an aggregate's state; [`Store::read_after`] follows the whole
//! log by position. This crate never calls third parties, publishes to the bus or decides a business rule.

pub mod api_keys;
mod as_person;
pub mod authentications;
mod client_secrets;
mod cqrs;
pub mod documents;
mod endings;
mod error;
pub mod factors;
pub mod holders;
pub mod identities;
mod keks;
pub mod keys;
mod kyc_checks;
mod leadership;
mod log;
pub mod login_failures;
pub mod mail;
pub mod one_time;
pub mod passwords;
mod people;
mod rewrap;
mod seal;
pub mod sessions;
pub mod tables;
pub mod traces;
pub mod vault;
pub mod webhooks;

use std::{str::FromStr, sync::Arc, time::Duration};

use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};

pub use cqrs::CqrsContext;
pub use error::{AppendError, Error};
pub use kyc_checks::{CheckNames, CheckReferences};
pub use leadership::Leadership;
pub use log::{Appended, Loaded, Unit, new_id};
pub use people::PersonalData;
pub use rewrap::Rewrapped;
/// What PostgreSQL, or the way to it, said.
pub use sqlx::Error as DatabaseError;

/// How long a process, this one included, may go on opening what was just destroyed: a person's key, a card's secrets.
/// Short, and still one look at the table for many openings.
const CACHED_FOR: Duration = Duration::from_secs(10);

/// Sizes and times of the store.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Connections for reads and for everything but appending, which has one of its own.
    pub max_connections: u32,
    /// Units that may wait to be written. One more is refused with [`AppendError::Overloaded`].
    pub append_queue: usize,
    /// Units written in one transaction at most.
    pub append_batch: usize,
    /// How long an append may take, waiting and reconnecting included, before its outcome is called unknown.
    pub append_timeout_seconds: u64,
    /// Aggregates kept in memory.
    pub cached_aggregates: usize,
    /// A stream gets a new snapshot each time it has grown by this many events.
    pub snapshot_every: i64,
    /// Card secrets (as ciphertext) and person keys (wrapped) kept in memory, each. Both for 10 s, lest what was
    /// destroyed through another process be opened here.
    pub cached_secrets: usize,
    /// The role that every connection of the api takes, which sees one person's rows at a time. The database's user has
    /// to be a member of it. Empty: none, and the second wall is down.
    pub api_role: String,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            max_connections: 16,
            append_queue: 4096,
            append_batch: 512,
            append_timeout_seconds: 10,
            cached_aggregates: 100_000,
            snapshot_every: 100,
            cached_secrets: 100_000,
            api_role: "vc_api".into(),
        }
    }
}

/// PostgreSQL finds out within 15 s that a client's machine is gone, and with it frees the locks that it held.
const KEEPALIVE: [(&str, &str); 3] =
    [("tcp_keepalives_idle", "5"), ("tcp_keepalives_interval", "2"), ("tcp_keepalives_count", "5")];

/// The store. Cheap to clone; all clones share connections and caches.
#[derive(Clone)]
pub struct Store {
    inner: Arc<Inner>,
}

struct Inner {
    pool: PgPool,
    log: log::Log,
    keys: keys::Keys,
    keks_checked: tokio::sync::OnceCell<()>,
    people: people::People,
    vault: vault::Vault,
    passwords: passwords::Hasher,
}

impl Store {
    /// Connects lazily and starts the task that writes appends. The schema must be there: see [`migrate`].
    pub fn connect(database_url: &str, keys: keys::Keys, config: &Config) -> Result<Store, Error> {
        let options = PgConnectOptions::from_str(database_url)?.options(KEEPALIVE);
        Ok(Store::connect_with(options, keys, config))
    }

    /// The same in the role of the api (migration 0005), which serves people and may do no more than that needs.
    pub fn connect_as_api(database_url: &str, keys: keys::Keys, config: &Config) -> Result<Store, Error> {
        let mut options = PgConnectOptions::from_str(database_url)?.options(KEEPALIVE);
        if !config.api_role.is_empty() {
            // With the start of the connection: there is no moment without the role, and no round trip for it.
            options = options.options([("role", &config.api_role)]);
        }
        Ok(Store::connect_with(options, keys, config))
    }

    fn connect_with(options: PgConnectOptions, keys: keys::Keys, config: &Config) -> Store {
        let pool = PgPoolOptions::new()
            .max_connections(config.max_connections)
            .acquire_timeout(Duration::from_secs(5))
            .connect_lazy_with(options.clone());
        let inner = Inner {
            log: log::Log::start(pool.clone(), options, config),
            people: people::People::new(config.cached_secrets),
            vault: vault::Vault::new(config.cached_secrets),
            passwords: passwords::Hasher::new(),
            keys,
            keks_checked: tokio::sync::OnceCell::new(),
            pool,
        };
        Store { inner: Arc::new(inner) }
    }

    /// Whether PostgreSQL answers.
    pub async fn ready(&self) -> Result<(), Error> {
        sqlx::query("SELECT 1").execute(&self.inner.pool).await?;
        Ok(())
    }

    fn pool(&self) -> &PgPool {
        &self.inner.pool
    }
}

/// Brings the schema up to date. Safe to run from several processes at once.
pub async fn migrate(database_url: &str) -> Result<(), Error> {
    let pool = PgPoolOptions::new().max_connections(1).connect(database_url).await?;
    sqlx::migrate!("../migrations").run(&pool).await?;
    pool.close().await;
    Ok(())
}
