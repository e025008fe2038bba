use flows::System;
use secrecy::ExposeSecret;
use store::{Store, keys::Keys};

use crate::Config;

/// Why a command could not be carried out.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error("configuration: {0}")]
    Config(String),
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error(transparent)]
    Flow(#[from] flows::Error),
    #[error(transparent)]
    Serve(#[from] api::ServeError),
    #[error(transparent)]
    Providers(#[from] providers::SetupError),
    #[error(transparent)]
    Views(#[from] projections::AddressError),
    #[error(transparent)]
    Workers(#[from] workers::Failure),
    #[error("{0}")]
    Io(#[from] std::io::Error),
    #[error("{0}")]
    Other(String),
}

impl From<::config::ConfigError> for Failure {
    fn from(error: ::config::ConfigError) -> Self {
        Failure::Config(error.to_string())
    }
}

/// The parts that flows need, as the configuration says. Needs a Tokio runtime; connects as it goes.
pub fn system(config: &Config, keys: Keys) -> Result<System, Failure> {
    system_on(Store::connect(config.database_url(), keys, &config.store)?, config)
}

/// The same for the api: in its own role, behind the second wall.
pub(crate) fn api_system(config: &Config, keys: Keys) -> Result<System, Failure> {
    system_on(Store::connect_as_api(config.database_url(), keys, &config.store)?, config)
}

fn system_on(store: Store, config: &Config) -> Result<System, Failure> {
    let providers = providers::Providers::sandbox(&config.providers_url, &config.providers)?;
    let redis_url = config.redis_url().expose_secret();
    let views = projections::Views::connect(redis_url, &config.namespace, &config.views)?;
    let sessions = api::session_cache(config.redis_url(), &config.namespace, store.clone())
        .map_err(|e| Failure::Config(format!("redis_url: {e}")))?;
    let system = System::new(store, providers, views, config.flows.clone()).with_session_cache(sessions);
    system.with_common_passwords().map_err(|e| Failure::Config(format!("flows.passwords.common_file: {e}")))
}
