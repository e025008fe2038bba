//! A nats-server of one's own with our configuration: free port, temporary directory, killed on drop.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use tempfile::TempDir;

pub struct Server {
    child: Option<Child>,
    dir: TempDir,
    port: u16,
}

/// `nats-server` of `VC_NATS_SERVER`, else from `PATH`, else where Debian installs it.
fn binary() -> PathBuf {
    if let Some(path) = std::env::var_os("VC_NATS_SERVER") {
        return path.into();
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .map(|dir| dir.join("nats-server"))
        .find(|file| file.is_file())
        .unwrap_or_else(|| PathBuf::from("/usr/sbin/nats-server"))
}

impl Server {
    pub fn start() -> Server {
        let mut server = Server { child: None, dir: TempDir::new().unwrap(), port: 0 };
        server.run();
        server
    }

    /// Starts the process (again), on the port of the first time, and waits until it listens.
    pub fn run(&mut self) {
        let port = if self.port == 0 { "-1".to_owned() } else { self.port.to_string() };
        let ports = self.dir.path().join("ports");
        let _ = fs::remove_dir_all(&ports);
        fs::create_dir_all(&ports).unwrap();
        let log = fs::OpenOptions::new().create(true).append(true).open(self.dir.path().join("log")).unwrap();
        let mut command = Command::new(binary());
        command.args(["-a", "127.0.0.1", "-p", &port, "-js", "--ports_file_dir"]).arg(&ports);
        command.arg("-sd").arg(self.store());
        command.arg("-c").arg(concat!(env!("CARGO_MANIFEST_DIR"), "/server.conf"));
        self.child = Some(command.stdout(Stdio::null()).stderr(log).spawn().unwrap());
        self.port = self.listening_port(&ports);
    }

    /// The server writes `nats-server_PID.ports` once it listens.
    fn listening_port(&self, ports: &Path) -> u16 {
        let deadline = Instant::now() + Duration::from_secs(20);
        while Instant::now() < deadline {
            let file = fs::read_dir(ports).unwrap().flatten().next();
            let port = file.and_then(|file| {
                let text = fs::read_to_string(file.path()).ok()?;
                let value: serde_json::Value = serde_json::from_str(&text).ok()?;
                value["nats"][0].as_str()?.rsplit_once(':')?.1.parse().ok()
            });
            if let Some(port) = port {
                return port;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("nats-server does not listen: {}", fs::read_to_string(self.dir.path().join("log")).unwrap_or_default());
    }

    /// SIGKILL.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Everything that JetStream keeps is gone. Only while the server is down.
    pub fn wipe(&self) {
        assert!(self.child.is_none());
        fs::remove_dir_all(self.store()).unwrap();
    }

    pub fn store(&self) -> PathBuf {
        self.dir.path().join("store")
    }

    pub fn url(&self) -> String {
        format!("nats://127.0.0.1:{}", self.port)
    }

    pub fn pid(&self) -> u32 {
        self.child.as_ref().unwrap().id()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}
