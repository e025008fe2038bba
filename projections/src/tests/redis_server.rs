//! A private Redis for one test.

use std::{
    os::unix::net::UnixStream,
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use aggregates::Envelope;
use redis::Value;

use crate::{Config, Views, Writer};

/// How long a new server may take to answer.
const START: Duration = Duration::from_secs(10);

/// Killed when dropped. It listens on a socket in a directory of its own: no port to be taken by somebody else.
pub struct RedisServer {
    process: Child,
    directory: tempfile::TempDir,
}

impl RedisServer {
    pub fn start() -> RedisServer {
        let directory = tempfile::tempdir().unwrap();
        let process = Command::new("redis-server")
            .args(["--port", "0", "--save", "", "--appendonly", "no", "--unixsocket", "redis.sock", "--dir"])
            .arg(directory.path())
            .current_dir(directory.path())
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server is in the PATH");
        let server = RedisServer { process, directory };
        let started = Instant::now();
        while UnixStream::connect(server.socket()).is_err() {
            assert!(started.elapsed() < START, "redis-server does not start");
            std::thread::sleep(Duration::from_millis(2));
        }
        server
    }

    fn socket(&self) -> PathBuf {
        self.directory.path().join("redis.sock")
    }

    pub fn url(&self) -> String {
        format!("redis+unix://{}", self.socket().display())
    }

    pub fn process_id(&self) -> u32 {
        self.process.id()
    }

    /// Sends a signal by name, such as `STOP`.
    pub fn signal(&self, name: &str) {
        let status = Command::new("kill").arg(format!("-{name}")).arg(self.process_id().to_string()).status();
        assert!(status.unwrap().success());
    }

    pub async fn writer(&self, namespace: &str) -> Writer {
        Writer::open(&self.url(), namespace, &quick()).await.unwrap()
    }

    pub fn views(&self, namespace: &str) -> Views {
        Views::connect(&self.url(), namespace, &quick()).unwrap()
    }

    /// A live generation with all of `log`, and its writer.
    pub async fn built(&self, namespace: &str, log: &[Envelope]) -> Writer {
        let mut writer = self.writer(namespace).await;
        writer.start_generation().await.unwrap();
        writer.apply(log).await.unwrap();
        writer.go_live().await.unwrap().finished().await.unwrap();
        writer
    }

    /// Runs one command, given as words.
    pub async fn command(&self, words: &str) -> Value {
        let client = redis::Client::open(self.url()).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        let mut words = words.split(' ');
        let mut command = redis::cmd(words.next().unwrap());
        command.arg(words.collect::<Vec<_>>()).query_async(&mut connection).await.unwrap()
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// No grace: what is replaced is deleted at once, the hardest case for readers.
pub fn quick() -> Config {
    Config { grace_seconds: 0, ..Config::default() }
}
