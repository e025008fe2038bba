use std::path::{Path, PathBuf};

use ::config::{Environment, File, FileFormat};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use store::keys::{Keys, Sources};

use crate::{Failure, memory};

/// The commented defaults.
pub(crate) const DEFAULTS: &str = include_str!("../config/default.toml");

/// Everything that an operator may set. Unknown keys are refused; secrets do not print.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    database_url: SecretString,
    nats_url: SecretString,
    redis_url: SecretString,
    pub namespace: String,
    pub keys_dir: PathBuf,
    /// Keys that are not in that directory.
    pub keys: Sources,
    /// Whether the memory of every process with keys is closed to core dumps and to other programs of the same user.
    pub memory_guard: bool,
    pub providers_url: String,
    pub log: String,
    pub api: api::Config,
    pub worker: Listener,
    pub sandbox: Sandbox,
    pub store: store::Config,
    bus: Bus,
    pub views: projections::Config,
    pub providers: providers::Config,
    pub flows: flows::Settings,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listener {
    pub listen: String,
}

/// The bus beside its address and namespace, which stand at the top.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Bus {
    max_bytes: i64,
    replicas: usize,
}

impl Default for Bus {
    fn default() -> Self {
        let nats::Config { max_bytes, replicas, .. } = nats::Config::default();
        Bus { max_bytes, replicas }
    }
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sandbox {
    pub listen: String,
    /// Where the api is that the sandbox sends webhooks to. Empty: it sends none.
    #[serde(default)]
    pub webhooks_url: String,
    /// How many months after this one the last of its cards is; below zero they have expired when they are made.
    #[serde(default = "three_years")]
    pub cards_expire_in_months: i32,
}

const fn three_years() -> i32 {
    36
}

impl Config {
    /// The defaults, then the file, then the environment: `VC_DATABASE_URL`, `VC_API__LISTEN` and so on.
    pub fn load(file: Option<&Path>) -> Result<Config, Failure> {
        let mut builder = ::config::Config::builder().add_source(File::from_str(DEFAULTS, FileFormat::Toml));
        if let Some(file) = file {
            builder = builder.add_source(File::from(file).format(FileFormat::Toml));
        }
        let environment = Environment::with_prefix("VC").prefix_separator("_").separator("__").try_parsing(true);
        let ours =
            std::env::vars().filter(|(name, _)| name.starts_with("VC_") && !FOR_SCRIPTS.contains(&name.as_str()));
        let ours = ours.filter(|(name, _)| !name.starts_with("VC_TEST_")).collect();
        let config: Config = builder.add_source(environment.source(Some(ours))).build()?.try_deserialize()?;
        let namespace = &config.namespace;
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        match !namespace.is_empty() && namespace.len() <= 40 && namespace.chars().all(plain) {
            true => Ok(config),
            false => Err(Failure::Config("namespace has 1 to 40 of a-z, 0-9 and _".into())),
        }
    }

    /// All keys, from wherever they are; closes this process's memory first.
    pub fn load_keys(&self) -> Result<Keys, Failure> {
        memory::guard(self.memory_guard)?;
        Ok(Keys::load_from(&self.keys_dir, &self.keys)?)
    }

    pub fn database_url(&self) -> &str {
        self.database_url.expose_secret()
    }

    pub fn bus(&self) -> nats::Config {
        nats::Config {
            url: self.nats_url.clone(),
            namespace: self.namespace.clone(),
            max_bytes: self.bus.max_bytes,
            replicas: self.bus.replicas,
        }
    }

    pub fn redis_url(&self) -> &SecretString {
        &self.redis_url
    }
}

/// Variables with our prefix that are meant for scripts around the binary.
const FOR_SCRIPTS: [&str; 4] = ["VC_CONFIG", "VC_BIN", "VC_SERVICES", "VC_COMPOSE_PASSWORD"];
