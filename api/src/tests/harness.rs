use std::{
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use aggregates::{Proof, Role, SessionId, UserId};
use chrono::{TimeDelta, Utc};
use flows::System;
use metrics_exporter_prometheus::PrometheusBuilder;
use poem::{Endpoint, Response};
use serde_json::Value;
use store::{Store, keys::Keys, sessions::Session};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::oneshot,
};
use uuid::Uuid;

use crate::{Config, Deps, auth::token::Tokens, config::Http, server, service};

/// Nobody listens there.
const NOWHERE: &str = "127.0.0.1:1";

/// Keys are slow to make, so all tests share one set. Whoever is first makes it, whole or not at all.
pub fn keys() -> Keys {
    let shared = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../target/api-test-keys"));
    if !shared.exists() {
        let fresh = tempfile::tempdir_in(shared.parent().unwrap()).unwrap();
        Keys::generate(fresh.path()).unwrap();
        // Loses to another test that was quicker; then the other's keys serve.
        let _ = std::fs::rename(fresh.keep(), &shared);
    }
    Keys::load(&shared).unwrap()
}

/// A running API without PostgreSQL.
pub struct Api {
    pub address: std::net::SocketAddr,
    pub tokens: Tokens,
    stop: Option<oneshot::Sender<()>>,
    server: tokio::task::JoinHandle<()>,
}

/// An answer, taken apart.
#[derive(Debug)]
pub struct Answer {
    pub status: u16,
    pub headers: Vec<(String, String)>,
    pub body: String,
}

impl Api {
    /// Without Redis either.
    pub async fn alone() -> Api {
        Api::start(&format!("redis://{NOWHERE}"), Config::default()).await
    }

    pub async fn start(redis_url: &str, config: Config) -> Api {
        let endpoint = service::endpoint(deps(redis_url), &config).unwrap();
        Api::serve(endpoint, config).await
    }

    pub async fn serve(endpoint: impl Endpoint<Output = Response> + 'static, config: Config) -> Api {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let http: Http = config.http.clone();
        let server = tokio::spawn(async move {
            let stopped = async { drop(stopped.await) };
            server::run(listener, endpoint, &http, stopped).await;
        });
        let tokens = Tokens::new(&keys().signing(), &config.tokens).unwrap();
        Api { address, tokens, stop: Some(stop), server }
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(&format!("GET {path} HTTP/1.1\r\n"), "").await
    }

    pub async fn post(&self, path: &str, token: &str, body: &str) -> Answer {
        let head = format!(
            "POST {path} HTTP/1.1\r\nAuthorization: Bearer {token}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n",
            body.len()
        );
        self.send(&head, body).await
    }

    /// Sends one request, given as its head without the empty line, and reads until the server closes.
    pub async fn send(&self, head: &str, body: &str) -> Answer {
        let request = format!("{head}Host: test\r\nConnection: close\r\n\r\n{body}");
        self.exchange(request.as_bytes()).await
    }

    pub async fn exchange(&self, request: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        // The server may refuse before it has read everything.
        let _ = stream.write_all(request).await;
        let mut bytes = Vec::new();
        let _ = stream.read_to_end(&mut bytes).await;
        Answer::parse(&bytes)
    }

    /// A token for a new person's new session, which lasts a day.
    pub async fn token(&self) -> (String, Session) {
        let session = a_session();
        let place = self.tokens.signing_place().unwrap();
        (self.tokens.issue(place, &session, &[Role::Customer]).await.unwrap().token, session)
    }

    /// Asks the server to stop and waits until it has.
    pub async fn stop(mut self) {
        self.stop.take().unwrap().send(()).unwrap();
        (&mut self.server).await.unwrap();
    }
}

pub fn deps(redis_url: &str) -> Deps {
    let database = format!("postgres://{NOWHERE}/none");
    let store = Store::connect(&database, keys(), &store::Config::default()).unwrap();
    let providers = providers::Providers::sandbox(&format!("http://{NOWHERE}"), &Default::default()).unwrap();
    let views = projections::Views::connect(redis_url, "test", &Default::default()).unwrap();
    Deps {
        system: System::new(store, providers, views, Default::default()),
        signing: keys().signing(),
        redis_url: redis_url.to_owned().into(),
        namespace: "test".into(),
        metrics: PrometheusBuilder::new().build_recorder().handle(),
    }
}

pub fn a_session() -> Session {
    let now = Utc::now();
    let (session_id, user_id) = (SessionId(Uuid::now_v7()), UserId(Uuid::now_v7()));
    Session {
        session_id,
        user_id,
        device_id: None,
        expires_at: now + TimeDelta::days(1),
        auth_time: now,
        proofs: vec![Proof::Password],
        client_id: None,
        scopes: None,
    }
}

impl Answer {
    fn parse(bytes: &[u8]) -> Answer {
        let text = String::from_utf8_lossy(bytes);
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let mut lines = head.lines();
        let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|code| code.parse().ok());
        let headers = lines.filter_map(|line| line.split_once(": "));
        let headers = headers.map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
        Answer { status: status.unwrap_or(0), headers, body: body.to_owned() }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }

    /// Status and code, after checking that it is a problem in all respects.
    #[track_caller]
    pub fn problem(&self) -> (u16, String) {
        let json = self.json();
        assert_eq!(self.header("content-type"), Some("application/problem+json"), "{self:?}");
        assert_eq!(json["status"], self.status, "{self:?}");
        assert_eq!(json["request_id"].as_str(), self.header("x-request-id"), "{self:?}");
        let code = json["code"].as_str().unwrap();
        assert_eq!(json["type"], format!("urn:virtual-cards:problem:{code}"));
        assert!(json["title"].is_string() && json["detail"].is_string(), "{self:?}");
        (self.status, code.to_owned())
    }
}

/// A private Redis, killed when dropped.
pub struct RedisServer {
    process: Child,
    directory: tempfile::TempDir,
}

impl RedisServer {
    pub fn start() -> RedisServer {
        let directory = tempfile::tempdir().unwrap();
        let process = Command::new("redis-server")
            .args(["--port", "0", "--save", "", "--appendonly", "no", "--unixsocket", "redis.sock"])
            .current_dir(directory.path())
            .stdout(Stdio::null())
            .spawn()
            .expect("redis-server is in the PATH");
        let server = RedisServer { process, directory };
        let began = Instant::now();
        while UnixStream::connect(server.socket()).is_err() {
            assert!(began.elapsed() < Duration::from_secs(10), "redis-server does not start");
            std::thread::sleep(Duration::from_millis(2));
        }
        server
    }

    fn socket(&self) -> PathBuf {
        Path::new(self.directory.path()).join("redis.sock")
    }

    pub fn url(&self) -> String {
        format!("redis+unix://{}", self.socket().display())
    }

    /// Runs one command, given as words.
    pub async fn command<T: redis::FromRedisValue>(&self, words: &[&str]) -> T {
        let client = redis::Client::open(self.url()).unwrap();
        let mut connection = client.get_multiplexed_async_connection().await.unwrap();
        redis::cmd(words[0]).arg(&words[1..]).query_async(&mut connection).await.unwrap()
    }
}

impl Drop for RedisServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
