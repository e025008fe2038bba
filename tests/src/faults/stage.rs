//! The system under test: two apis and two workers, one sandbox, and the services.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use projections::Views;
use sqlx::{PgPool, postgres::PgPoolOptions};
use store::Store;

use super::{cast::Cast, ledger::Ledger};
use crate::{
    bench::without_limits,
    database::{keys, keys_dir, namespace},
    processes::{Addresses, Environment, Failure, Processes},
    scratch::Scratch,
    services::Services,
    system::clear,
};

/// Two, so that one takes over from the other.
const APIS: usize = 2;
const WORKERS: usize = 2;

/// When workers take over what requests left open. Shorter than by default, so that a campaign need not wait long;
/// above twice the time that a request may wait for third parties.
pub const ABANDONED_AFTER: Duration = Duration::from_secs(12);
const THIRD_PARTIES: Duration = Duration::from_secs(5);
/// One call of the gateway; below what all attempts together may take, so that there is time to look the outcome up.
const GATEWAY: Duration = Duration::from_secs(2);

pub struct Stage {
    pub services: Services,
    pub database: Scratch,
    pub addresses: Addresses,
    pub processes: Processes,
    /// Its logs are kept until the end.
    pub environment: Environment,
    pub store: Store,
    pub pool: PgPool,
    pub views: Views,
    pub cast: Arc<Cast>,
    pub ledger: Arc<Ledger>,
}

impl Stage {
    pub async fn build(people: usize) -> Result<Stage, Failure> {
        let services = Services::start("faults").await?;
        let namespace = namespace();
        let database = Scratch::create(&services.server_url, &format!("vc_faults_{namespace}")).await?;
        let addresses = Addresses {
            database_url: database.url(),
            nats_url: services.nats_url.clone(),
            redis_url: services.redis_url.clone(),
            namespace,
        };
        let environment = without_limits(Environment::new(&addresses, &keys_dir())?)
            .set("VC_FLOWS__ABANDONED_AFTER_SECONDS", &ABANDONED_AFTER.as_secs().to_string())
            .set("VC_FLOWS__THIRD_PARTY_SECONDS", &THIRD_PARTIES.as_secs().to_string())
            .set("VC_PROVIDERS__GATEWAY__TIMEOUT_MS", &GATEWAY.as_millis().to_string());
        environment.run(&["migrate"]).await?;
        let processes = Processes::start(&environment, WORKERS, APIS).await?;
        let stage = Stage {
            store: Store::connect(&addresses.database_url, keys(), &store::Config::default())?,
            pool: PgPoolOptions::new().max_connections(4).connect_lazy(&addresses.database_url)?,
            views: Views::connect(&addresses.redis_url, &addresses.namespace, &projections::Config::default())?,
            cast: Arc::default(),
            ledger: Arc::default(),
            services,
            database,
            addresses,
            processes,
            environment,
        };
        for number in 0..people {
            let email = format!("first-{number}@example.com");
            stage.cast.join(&mut stage.processes.client(0), &stage.ledger, &email).await?;
        }
        Ok(stage)
    }

    pub fn apis(&self) -> Vec<SocketAddr> {
        self.processes.apis.iter().map(|api| api.address()).collect()
    }

    /// Where the processes' logs are, which from now on stay.
    pub fn keep_logs(&self) -> Result<String, Failure> {
        let kept = self.environment.logs().with_extension("kept");
        std::fs::rename(self.environment.logs(), &kept)?;
        Ok(kept.display().to_string())
    }

    /// Ends everything and throws it away.
    pub async fn discard(self) -> Result<(), Failure> {
        drop(self.processes);
        self.pool.close().await;
        match self.services.are_ours() {
            true => self.services.discard().await,
            false => {
                clear(&self.addresses).await;
                self.database.discard().await
            }
        }
    }
}
