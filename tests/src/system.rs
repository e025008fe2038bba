//! The whole system for one test: database, bus and read models of its own, third parties played by the sandbox, one
//! worker and one or more apis, all as the real processes.

use std::{env, thread};

use async_nats::jetstream;
use projections::Views;
use redis::aio::MultiplexedConnection;
use serde_json::Value;
use sqlx::PgConnection;
use store::Store;

use crate::{
    client::{Cardholder, Client, Person},
    database::{TestDatabase, keys_dir, namespace},
    eventually::eventually,
    mailbox::{self, Letter},
    processes::{Addresses, Environment, Process, Processes, Role, free_port},
};

/// Requests wait for third parties a shorter time than in production, and workers take over earlier, so that tests
/// need not wait long. A gateway that is late is looked up while there is time. Nobody is turned away for being busy:
/// tests of the rate limits set them. A server reserves what a stream may grow to, and many tests share one.
const FOR_TESTS: [(&str, &str); 6] = [
    ("VC_BUS__MAX_BYTES", "16777216"),
    ("VC_FLOWS__THIRD_PARTY_SECONDS", "2"),
    ("VC_FLOWS__ABANDONED_AFTER_SECONDS", "5"),
    ("VC_PROVIDERS__GATEWAY__TIMEOUT_MS", "1000"),
    // All tests come from one network.
    ("VC_FLOWS__LOCKOUT__NETWORK_FAILURES", "0"),
    ("VC_FLOWS__ANSWER_TICK_MILLISECONDS", "0"),
];

/// A running system; gone with this value. The fields are in the order in which they have to go.
pub struct TestSystem {
    pub processes: Processes,
    pub environment: Environment,
    _remains: Remains,
    pub database: TestDatabase,
}

impl TestSystem {
    pub async fn start() -> TestSystem {
        TestSystem::start_with(1, &[]).await
    }

    /// With several apis, and settings such as `("VC_API__RATE_LIMITS__PERSON", "100")`. Panics where a part does not
    /// start: `./dev test` provides all that is needed.
    pub async fn start_with(apis: usize, settings: &[(&str, &str)]) -> TestSystem {
        let database = TestDatabase::new().await;
        let addresses = Addresses {
            database_url: database.url(),
            nats_url: service("VC_TEST_NATS_URL"),
            redis_url: service("VC_TEST_REDIS_URL"),
            namespace: namespace(),
        };
        let mut environment = Environment::new(&addresses, &keys_dir()).unwrap_or_else(|failure| panic!("{failure}"));
        for limit in api::RateLimits::NAMES {
            environment = environment.set(&format!("VC_API__RATE_LIMITS__{}", limit.to_uppercase()), "0");
        }
        for (name, value) in FOR_TESTS.iter().chain(settings) {
            environment = environment.set(name, value);
        }
        let processes = Processes::start(&environment, 1, apis).await.unwrap_or_else(|failure| panic!("{failure}"));
        TestSystem { processes, environment, _remains: Remains(addresses), database }
    }

    /// One more api, with settings of its own.
    pub async fn another_api(&self, settings: &[(&str, &str)]) -> Process {
        let mut environment = self.environment.clone().set("VC_PROVIDERS_URL", &self.processes.sandbox.url());
        for (name, value) in settings {
            environment = environment.set(name, value);
        }
        environment.start(Role::Api).await.unwrap_or_else(|failure| panic!("{failure}"))
    }

    /// One more api, which is its own issuer of tokens, so that programs find it by that name.
    pub async fn issuer(&self) -> Process {
        let address = free_port().unwrap_or_else(|failure| panic!("{failure}"));
        let environment = self.environment.clone().set("VC_PROVIDERS_URL", &self.processes.sandbox.url());
        let environment = environment.set("VC_API__TOKENS__ISSUER", &format!("http://{address}"));
        environment.start_at(Role::Api, address).await.unwrap_or_else(|failure| panic!("{failure}"))
    }

    pub fn addresses(&self) -> &Addresses {
        &self._remains.0
    }

    /// A client of the first api.
    pub fn client(&self) -> Client {
        self.client_of(0)
    }

    pub fn client_of(&self, api: usize) -> Client {
        self.processes.client(api)
    }

    /// What has arrived for an address, the newest last.
    pub async fn letters(&self, email: &str) -> Vec<Letter> {
        let letters = mailbox::letters(self.processes.sandbox.address(), email).await;
        letters.unwrap_or_else(|failure| panic!("{failure}"))
    }

    /// A person with an account, logged in; verification has not begun.
    pub async fn a_person(&self) -> Person {
        let (mut client, email) = (self.client(), an_email());
        let registered = client.register(&email).await;
        registered.and(client.log_in(&email).await).unwrap_or_else(|failure| panic!("{failure}"))
    }

    /// Somebody with an active card in USD that may spend `monthly_limit` (major units) a month.
    pub async fn a_cardholder(&self, monthly_limit: u64) -> Cardholder {
        let holder = self.client().onboard(&an_email(), monthly_limit).await;
        holder.unwrap_or_else(|failure| panic!("{failure}"))
    }

    /// The store past the processes, to look behind their backs.
    pub fn store(&self) -> Store {
        self.database.store()
    }

    pub async fn sql(&self) -> PgConnection {
        self.database.connect().await
    }

    pub fn views(&self) -> Views {
        let Addresses { redis_url, namespace, .. } = self.addresses();
        Views::connect(redis_url, namespace, &projections::Config::default()).expect("the test's Redis has an address")
    }

    pub async fn redis(&self) -> MultiplexedConnection {
        redis_connection(&self.addresses().redis_url).await.expect("the test's Redis answers")
    }

    /// Every key of this system in Redis.
    pub async fn redis_keys(&self) -> Vec<String> {
        keys_of(&mut self.redis().await, &self.addresses().namespace).await.expect("the test's Redis answers")
    }

    /// What the sandbox says happened at the gateway under a path below `/sandbox`.
    pub async fn sandbox(&self, path: &str) -> Value {
        let answer = Client::new(self.processes.sandbox.address()).get(&format!("/sandbox{path}"), None).await;
        answer.unwrap_or_else(|failure| panic!("{failure}")).json()
    }

    /// Returns once the read models show everything that is in the log now.
    pub async fn caught_up(&self) {
        let (store, views) = (self.store(), self.views());
        let head = store.head().await.expect("the log can be read");
        let tables = store.read_tables();
        eventually("the read models have caught up with the log", async || {
            let shown = views.checkpoint().await.unwrap_or_default();
            let tables = tables.position().await.unwrap_or_default();
            (shown >= head && tables >= head).then_some(())
        })
        .await;
    }
}

fn service(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("{name} is not set; `./dev test` sets it"))
}

/// An address that nobody has.
pub fn an_email() -> String {
    format!("ada.{}@example.com", namespace())
}

/// What a system leaves on a bus and in a cache that others use too.
struct Remains(Addresses);

impl Drop for Remains {
    fn drop(&mut self) {
        let addresses = self.0.clone();
        // Best effort, and not on the test's own runtime, which cannot be waited for from within.
        let goodbye = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.map(|runtime| runtime.block_on(clear(&addresses)))
        });
        let _ = goodbye.join();
    }
}

/// Deletes what a system left on its bus and in its cache, as far as that can be reached.
pub(crate) async fn clear(Addresses { nats_url, redis_url, namespace, .. }: &Addresses) {
    if let Ok(client) = async_nats::connect(nats_url).await {
        let stream = format!("{}_EVENTS", namespace.to_uppercase());
        let _ = jetstream::new(client).delete_stream(stream).await;
    }
    if let Ok(mut connection) = redis_connection(redis_url).await {
        let keys = keys_of(&mut connection, namespace).await.unwrap_or_default();
        for keys in keys.chunks(10_000) {
            let _ = redis::cmd("UNLINK").arg(keys).exec_async(&mut connection).await;
        }
    }
}

async fn redis_connection(url: &str) -> redis::RedisResult<MultiplexedConnection> {
    redis::Client::open(url)?.get_multiplexed_async_connection().await
}

async fn keys_of(connection: &mut MultiplexedConnection, namespace: &str) -> redis::RedisResult<Vec<String>> {
    let (mut found, mut cursor) = (Vec::new(), 0_u64);
    loop {
        let mut scan = redis::cmd("SCAN");
        scan.arg(cursor).arg("MATCH").arg(format!("{{{namespace}}}:*")).arg("COUNT").arg(1_000);
        let (next, keys): (u64, Vec<String>) = scan.query_async(connection).await?;
        found.extend(keys);
        cursor = next;
        if cursor == 0 {
            return Ok(found);
        }
    }
}
