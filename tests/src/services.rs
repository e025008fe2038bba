//! PostgreSQL, NATS and Redis, and the power over them.
//!
//! `VC_SERVICES` is a command such as `/repository/dev services`, called with a directory and an action. Whoever starts
//! them has services of their own in a directory below `VC_SERVICES_DIR`, and may kill, wipe and read them while others
//! use the ones that the environment names. Without that command the named ones are used, and left in peace.

use std::{
    env,
    path::{Path, PathBuf},
    process::Stdio,
};

use tokio::process::Command;

use crate::{database::namespace, processes::Failure};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    Postgres,
    Nats,
    Redis,
}

impl Service {
    pub const ALL: [Service; 3] = [Service::Postgres, Service::Nats, Service::Redis];

    pub const fn as_str(self) -> &'static str {
        match self {
            Service::Postgres => "postgres",
            Service::Nats => "nats",
            Service::Redis => "redis",
        }
    }
}

pub struct Services {
    control: Option<Control>,
    /// Of a role that may create databases.
    pub server_url: String,
    pub nats_url: String,
    pub redis_url: String,
}

struct Control {
    program: String,
    arguments: Vec<String>,
    directory: PathBuf,
}

impl Services {
    /// Starts services of our own, for this purpose, or finds the given ones.
    pub async fn start(purpose: &str) -> Result<Services, Failure> {
        match Control::from_environment(purpose)? {
            Some(control) => {
                control.call("start", None).await?;
                let [server_url, nats_url, redis_url] = [
                    control.url(Service::Postgres).await?,
                    control.url(Service::Nats).await?,
                    control.url(Service::Redis).await?,
                ];
                Ok(Services { control: Some(control), server_url, nats_url, redis_url })
            }
            None => {
                let given = crate::bench::Services::from_environment()?;
                let crate::bench::Services { server_url, nats_url, redis_url } = given;
                Ok(Services { control: None, server_url, nats_url, redis_url })
            }
        }
    }

    /// Whether they are ours to kill.
    pub fn are_ours(&self) -> bool {
        self.control.is_some()
    }

    /// Where ours have their data and logs, each in a directory of its name.
    pub fn directory(&self) -> Option<&Path> {
        self.control.as_ref().map(|control| control.directory.as_path())
    }

    /// `start`, `stop`, `kill` or `wipe`.
    pub async fn call(&self, action: &str, service: Service) -> Result<(), Failure> {
        let control = self.control.as_ref().ok_or_else(|| Failure("these services are not ours".into()))?;
        control.call(action, Some(service)).await.map(drop)
    }

    /// Stops and deletes what is ours.
    pub async fn discard(self) -> Result<(), Failure> {
        let Some(control) = &self.control else { return Ok(()) };
        for service in Service::ALL {
            control.call("wipe", Some(service)).await?;
        }
        Ok(std::fs::remove_dir_all(&control.directory)?)
    }
}

impl Control {
    fn from_environment(purpose: &str) -> Result<Option<Control>, Failure> {
        let Some(command) = env::var("VC_SERVICES").ok().filter(|command| !command.is_empty()) else { return Ok(None) };
        let parent = env::var_os("VC_SERVICES_DIR");
        let parent = parent.ok_or_else(|| Failure("VC_SERVICES is set, and VC_SERVICES_DIR is not".into()))?;
        let mut words = command.split_whitespace().map(str::to_owned);
        let program = words.next().ok_or_else(|| Failure("VC_SERVICES is empty".into()))?;
        let directory = PathBuf::from(parent).join(format!("{purpose}-{}", namespace()));
        Ok(Some(Control { program, arguments: words.collect(), directory }))
    }

    /// What the command printed.
    async fn call(&self, action: &str, service: Option<Service>) -> Result<String, Failure> {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).arg(&self.directory).arg(action).args(service.map(Service::as_str));
        let output = command.stdin(Stdio::null()).output().await?;
        match output.status.success() {
            true => Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned()),
            false => {
                let said = String::from_utf8_lossy(&output.stderr);
                let service = service.map_or("services", Service::as_str);
                Err(Failure(format!("{action} {service} failed: {said}")))
            }
        }
    }

    async fn url(&self, service: Service) -> Result<String, Failure> {
        self.call("env", Some(service)).await
    }
}
