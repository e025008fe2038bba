//! What a benchmark stands on: a system of its own on the services that the environment names.

use std::env;

use projections::Views;
use sqlx::PgPool;

use super::{cpu::Parts, lag::Positions};
use crate::{
    database::{keys_dir, namespace},
    processes::{Addresses, Environment, Failure, Process, Processes, Role},
    scratch::{Scratch, execute},
    system::clear,
};

/// The services, by `VC_TEST_DATABASE_URL` (of a role that may create databases), `VC_TEST_NATS_URL` and
/// `VC_TEST_REDIS_URL`.
#[derive(Clone)]
pub struct Services {
    pub server_url: String,
    pub nats_url: String,
    pub redis_url: String,
}

impl Services {
    pub fn from_environment() -> Result<Services, Failure> {
        let of = |name: &str| env::var(name).map_err(|_| Failure(format!("{name} is not set; `./dev bench` sets it")));
        Ok(Services {
            server_url: of("VC_TEST_DATABASE_URL")?,
            nats_url: of("VC_TEST_NATS_URL")?,
            redis_url: of("VC_TEST_REDIS_URL")?,
        })
    }

    /// Brings what is in memory to the disk, so that nobody pays for the leg before. Needs a role that may; else the
    /// figures are only a little less even.
    pub async fn level(&self) {
        let _ = execute(&self.server_url, "CHECKPOINT").await;
    }
}

/// Bytes that the bus may keep: enough that no run makes it drop messages, which costs time.
const STREAM: u64 = 2 << 30;

/// A running system with its own database and namespace.
pub struct Ground {
    addresses: Addresses,
    pub database: Scratch,
    pub processes: Processes,
    pub parts: Parts,
    pub positions: Positions,
    /// Holds the processes' logs.
    environment: Environment,
}

impl Ground {
    /// One worker, one api. No rate limits and no velocity rules: a few people pay as thousands would.
    pub async fn prepare(services: &Services) -> Result<Ground, Failure> {
        let namespace = namespace();
        let database = Scratch::create(&services.server_url, &format!("vc_bench_{namespace}")).await?;
        let addresses = Addresses {
            database_url: database.url(),
            nats_url: services.nats_url.clone(),
            redis_url: services.redis_url.clone(),
            namespace: namespace.clone(),
        };
        let environment =
            without_limits(Environment::new(&addresses, &keys_dir())?).set("VC_BUS__MAX_BYTES", &STREAM.to_string());
        environment.run(&["migrate"]).await?;
        let processes = Processes::start(&environment, 1, 1).await?;
        let parts = Parts::find(&processes, &addresses.database_url, &addresses.nats_url, &addresses.redis_url)?;
        let views = Views::connect(&addresses.redis_url, &namespace, &projections::Config::default())?;
        let positions = Positions { pool: PgPool::connect_lazy(&addresses.database_url)?, views };
        Ok(Ground { addresses, database, processes, parts, positions, environment })
    }

    /// One more api, with settings of its own.
    pub async fn another_api(&self, settings: &[(String, &str)]) -> Result<Process, Failure> {
        let mut environment = self.environment.clone().set("VC_PROVIDERS_URL", &self.processes.sandbox.url());
        for (name, value) in settings {
            environment = environment.set(name, value);
        }
        environment.start(Role::Api).await
    }

    /// Stops the system and throws its database away.
    pub async fn discard(self) -> Result<(), Failure> {
        drop(self.processes);
        clear(&self.addresses).await;
        self.positions.pool.close().await;
        self.database.discard().await
    }
}

/// The settings of a system under load from a few people.
pub fn without_limits(mut environment: Environment) -> Environment {
    for limit in api::RateLimits::NAMES {
        environment = environment.set(&format!("VC_API__RATE_LIMITS__{}", limit.to_uppercase()), "0");
    }
    for rule in ["ATTEMPTS_10_MINUTES", "ATTEMPTS_HOUR", "ATTEMPTS_DAY"] {
        for threshold in ["WARN_ABOVE", "FAIL_ABOVE"] {
            environment = environment.set(&format!("VC_FLOWS__FRAUD__{rule}__{threshold}"), "1000000000");
        }
    }
    environment.set("VC_API__TOKENS__LIFETIME_MINUTES", "30")
}
