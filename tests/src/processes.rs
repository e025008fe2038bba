//! The real binary as child processes: started, found ready, killed, started again, measured.
//!
//! A child inherits nothing of this process's environment but `PATH`, so what a shell says about another system cannot
//! leak in. Its log goes to a file that stays until the [`Environment`] is dropped. Nothing outlives its owner: a
//! dropped [`Process`] is killed, and the kernel kills it should the owner be killed first.

mod ports;
mod privileges;

use std::{
    collections::BTreeMap,
    env, fmt, fs, io,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Output, Stdio},
    sync::Arc,
    time::Duration,
};

use tempfile::TempDir;
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::timeout,
};

use crate::client::Client;

pub use ports::free_port;
pub use privileges::{WITHOUT_PRIVILEGES, is_privileged};

/// How long a process may take until it listens, or to end when it was asked to.
const PATIENCE: Duration = Duration::from_secs(60);

/// Bytes that a stream may keep. The server reserves them, and many systems may share one server.
const STREAM: u64 = 256 << 20;

/// Something that was needed did not work; the text says what and why. Made of any error by `?`, therefore none
/// itself.
#[derive(Debug)]
pub struct Failure(pub String);

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<E: std::error::Error> From<E> for Failure {
    fn from(error: E) -> Failure {
        Failure(error.to_string())
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    Sandbox,
    Worker,
    Api,
}

impl Role {
    pub const fn as_str(self) -> &'static str {
        match self {
            Role::Sandbox => "sandbox",
            Role::Worker => "worker",
            Role::Api => "api",
        }
    }

    const fn listen(self) -> &'static str {
        match self {
            Role::Sandbox => "VC_SANDBOX__LISTEN",
            Role::Worker => "VC_WORKER__LISTEN",
            Role::Api => "VC_API__LISTEN",
        }
    }
}

/// Where one system's PostgreSQL, NATS and Redis are, and what it is called there.
#[derive(Clone, Debug)]
pub struct Addresses {
    pub database_url: String,
    pub nats_url: String,
    pub redis_url: String,
    pub namespace: String,
}

/// What every process of a system is told. Cheap to clone.
#[derive(Clone)]
pub struct Environment {
    binary: PathBuf,
    unprivileged: bool,
    variables: BTreeMap<String, String>,
    logs: Arc<TempDir>,
}

impl Environment {
    /// Runs the binary that `VC_BIN` names, or else the one built beside this program.
    pub fn new(addresses: &Addresses, keys_dir: &Path) -> Result<Environment, Failure> {
        let logs = Arc::new(tempfile::Builder::new().prefix("virtual-cards-").tempdir()?);
        let environment = Environment { binary: binary()?, unprivileged: false, variables: BTreeMap::new(), logs };
        Ok(environment
            .set("VC_DATABASE_URL", &addresses.database_url)
            .set("VC_NATS_URL", &addresses.nats_url)
            .set("VC_REDIS_URL", &addresses.redis_url)
            .set("VC_NAMESPACE", &addresses.namespace)
            .set("VC_KEYS_DIR", &keys_dir.display().to_string())
            .set("VC_BUS__MAX_BYTES", &STREAM.to_string())
            .set("VC_FLOWS__KYC__BASIC_MONTHLY_LIMIT", "1000000")
            .set("VC_LOG", &env::var("VC_LOG").unwrap_or_else(|_| "warn".into())))
    }

    /// Sets a variable, such as `VC_API__RATE_LIMITS__PERSON`, for the processes started from now on.
    #[must_use]
    pub fn set(mut self, name: &str, value: &str) -> Environment {
        self.variables.insert(name.into(), value.into());
        self
    }

    /// Takes from processes started from now on what root has beyond other users, where we are root.
    #[must_use]
    pub fn unprivileged(self) -> Environment {
        Environment { unprivileged: is_privileged(), ..self }
    }

    /// Where the processes' logs are.
    pub fn logs(&self) -> &Path {
        self.logs.path()
    }

    /// Runs a command of the binary to its end, such as `["migrate"]`; the output, where it succeeds.
    pub async fn run(&self, arguments: &[&str]) -> Result<Output, Failure> {
        let output = self.command(arguments).stdin(Stdio::null()).output().await?;
        match output.status.success() {
            true => Ok(output),
            false => Err(Failure(format!("{arguments:?} failed: {}", String::from_utf8_lossy(&output.stderr)))),
        }
    }

    /// Starts a process; returns when it listens.
    pub async fn start(&self, role: Role) -> Result<Process, Failure> {
        let mut last = Failure(format!("no free port for {}", role.as_str()));
        for _ in 0..3 {
            match self.start_at(role, free_port()?).await {
                // Another program may have taken the port in between.
                Err(failure) if failure.0.contains("in use") => last = failure,
                started => return started,
            }
        }
        Err(last)
    }

    /// Starts a process at an address.
    pub async fn start_at(&self, role: Role, address: SocketAddr) -> Result<Process, Failure> {
        let log = self.logs.path().join(format!("{}-{}.log", role.as_str(), address.port()));
        let file = fs::OpenOptions::new().create(true).append(true).open(&log)?;
        let mut command = self.command(&[role.as_str()]);
        command.env(role.listen(), address.to_string()).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(file);
        let mut child = command.kill_on_drop(true).spawn()?;
        let stdout = child.stdout.take().ok_or_else(|| Failure("the child has no standard output".into()))?;
        let mut lines = BufReader::new(stdout).lines();
        let listening = async {
            while let Some(line) = lines.next_line().await? {
                if line.starts_with("listening on http://") {
                    return Ok(true);
                }
            }
            Ok::<_, io::Error>(false)
        };
        match timeout(PATIENCE, listening).await {
            Ok(Ok(true)) => Ok(Process { environment: self.clone(), role, address, child, _stdout: lines }),
            _ => {
                let said = fs::read_to_string(&log).unwrap_or_default();
                let tail: Vec<&str> = said.lines().rev().take(5).collect();
                Err(Failure(format!("{} did not start: {}", role.as_str(), tail.join(" / "))))
            }
        }
    }

    /// `setpriv` lets the kernel kill the child when we are gone, however that came about; it becomes the binary, so
    /// its pid is the binary's.
    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL"]);
        if self.unprivileged {
            command.args(WITHOUT_PRIVILEGES);
        }
        command.arg("--").arg(&self.binary).args(arguments);
        command.env_clear().env("PATH", env::var_os("PATH").unwrap_or_default()).envs(&self.variables);
        command
    }
}

/// A running process of the binary, or one that was killed and may be started again.
pub struct Process {
    environment: Environment,
    role: Role,
    address: SocketAddr,
    child: Child,
    /// Closed, it would kill a process that prints a second line.
    _stdout: Lines<BufReader<ChildStdout>>,
}

impl Process {
    pub fn role(&self) -> Role {
        self.role
    }

    pub fn address(&self) -> SocketAddr {
        self.address
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// None once it has ended.
    pub fn pid(&self) -> Option<u32> {
        self.child.id()
    }

    /// Whether it still runs; it should, unless it was killed or stopped by us.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// SIGKILL; returns when it is gone.
    pub async fn kill(&mut self) -> Result<(), Failure> {
        Ok(self.child.kill().await?)
    }

    /// SIGTERM; returns when it has ended, and whether it did so with success.
    pub async fn stop(&mut self) -> Result<bool, Failure> {
        let Some(pid) = self.pid() else { return Ok(false) };
        Command::new("kill").args(["-TERM", &pid.to_string()]).status().await?;
        let ended = timeout(PATIENCE, self.child.wait()).await;
        Ok(ended.map_err(|_| Failure(format!("{} does not end", self.role.as_str())))??.success())
    }

    /// Starts it again, at the same address, killing it first if it runs.
    pub async fn restart(&mut self) -> Result<(), Failure> {
        if self.is_running() {
            self.kill().await?;
        }
        *self = self.environment.start_at(self.role, self.address).await?;
        Ok(())
    }
}

/// A whole system: one sandbox, and as many workers and apis as wanted.
pub struct Processes {
    pub sandbox: Process,
    pub workers: Vec<Process>,
    pub apis: Vec<Process>,
}

impl Processes {
    /// Starts all of them. The database must be migrated.
    pub async fn start(environment: &Environment, workers: usize, apis: usize) -> Result<Processes, Failure> {
        let first = free_port()?;
        let environment = environment.clone().set("VC_SANDBOX__WEBHOOKS_URL", &format!("http://{first}"));
        let sandbox = environment.start(Role::Sandbox).await?;
        let environment = environment.set("VC_PROVIDERS_URL", &sandbox.url());
        let mut processes = Processes { sandbox, workers: vec![], apis: vec![] };
        for _ in 0..workers {
            processes.workers.push(environment.start(Role::Worker).await?);
        }
        for number in 0..apis {
            let api = if number == 0 {
                environment.start_at(Role::Api, first).await
            } else {
                environment.start(Role::Api).await
            };
            processes.apis.push(api?);
        }
        Ok(processes)
    }

    /// A client of one of the apis, which can read people's mail.
    pub fn client(&self, api: usize) -> Client {
        Client::new(self.apis[api].address).with_mailbox(self.sandbox.address)
    }

    /// The first api's address.
    pub fn api(&self) -> SocketAddr {
        self.apis[0].address
    }
}

fn binary() -> Result<PathBuf, Failure> {
    if let Some(named) = env::var_os("VC_BIN") {
        return Ok(named.into());
    }
    // target/<profile>/bench, or target/<profile>/deps/<test>.
    let own = env::current_exe()?;
    let found = own.ancestors().skip(1).take(2).map(|folder| folder.join("virtual-cards")).find(|path| path.exists());
    found.ok_or_else(|| Failure("there is no virtual-cards beside this program; build it, or name it in VC_BIN".into()))
}
