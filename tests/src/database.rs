//! A database for each test, copied from a template that has the schema already.

use std::{fs, path::PathBuf, process, str::FromStr, thread};

use sqlx::ConnectOptions;
use sqlx::{Connection, PgConnection, postgres::PgConnectOptions};
use store::{Config, Store, keys::Keys};

/// Names the server, by a role that may create databases.
const SERVER: &str = "VC_TEST_DATABASE_URL";
const TEMPLATE: &str = "vc_template";

/// A database of its own, gone with this value. After a failed test it stays for a look.
pub struct TestDatabase {
    name: String,
    server: PgConnectOptions,
}

impl TestDatabase {
    /// Panics where no server is named or the template is missing: `./dev test` provides both.
    pub async fn new() -> TestDatabase {
        let url = std::env::var(SERVER).unwrap_or_else(|_| panic!("{SERVER} is not set; `./dev test` sets it"));
        let server = PgConnectOptions::from_str(&url).expect("the server's address is a PostgreSQL URL");
        let name = format!("vc_test_{}", namespace());
        execute_at(&server, &format!("CREATE DATABASE {name} TEMPLATE {TEMPLATE}"))
            .await
            .expect("a database of our own");
        TestDatabase { name, server }
    }

    pub fn url(&self) -> String {
        self.options().to_url_lossy().to_string()
    }

    pub fn options(&self) -> PgConnectOptions {
        self.server.clone().database(&self.name)
    }

    /// A connection past the store, to look behind its back or to get in its way.
    pub async fn connect(&self) -> PgConnection {
        PgConnection::connect_with(&self.options()).await.expect("the test's database answers")
    }

    /// A store with connections and caches of its own, as another process would have.
    pub fn store(&self) -> Store {
        self.store_with(&Config::default())
    }

    /// A store as the api has it, behind the second wall.
    pub fn api_store(&self) -> Store {
        let config = Config { max_connections: 4, ..Config::default() };
        Store::connect_as_api(&self.url(), keys(), &config).expect("connecting is lazy")
    }

    pub fn store_with(&self, config: &Config) -> Store {
        // Many tests share one server.
        let config = Config { max_connections: config.max_connections.min(4), ..config.clone() };
        Store::connect(&self.url(), keys(), &config).expect("connecting is lazy")
    }
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("the database {} of this test is kept", self.name);
            return;
        }
        let (server, name) = (self.server.clone(), self.name.clone());
        // The test's own runtime cannot be waited for from within.
        let goodbye = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let sql = format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)");
            runtime.block_on(execute_at(&server, &sql)).map_err(std::io::Error::other)
        });
        if !matches!(goodbye.join(), Ok(Ok(()))) {
            eprintln!("the database {} of this test could not be dropped", self.name);
        }
    }
}

async fn execute_at(server: &PgConnectOptions, sql: &str) -> Result<(), sqlx::Error> {
    let mut connection = PgConnection::connect_with(server).await?;
    sqlx::query(sql).execute(&mut connection).await?;
    connection.close().await
}

/// A name that no other test uses: fit for a database, for subjects on the bus and for keys in Redis.
pub fn namespace() -> String {
    format!("t{:x}x{:08x}", process::id(), rand::random::<u32>())
}

/// One set of keys for all tests, since RSA keys take long to make.
pub fn keys_dir() -> PathBuf {
    let shared = std::env::var_os("VC_TEST_KEYS_DIR").map(PathBuf::from);
    let shared = shared.unwrap_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../target/test-keys"));
    if !shared.join("signing-1.pem").exists() {
        // Made aside and moved into place whole: whoever comes second finds a complete set and drops its own.
        let fresh = shared.with_extension(namespace());
        Keys::generate(&fresh).expect("the keys' directory can be written");
        if fs::rename(&fresh, &shared).is_err() {
            fs::remove_dir_all(&fresh).expect("a directory of our own can be removed");
        }
    }
    shared
}

pub fn keys() -> Keys {
    Keys::load(&keys_dir()).expect("the generated keys are complete")
}
