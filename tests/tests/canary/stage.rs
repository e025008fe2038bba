//! A whole system on services of its own, whose files can be read.

use std::{fs, path::PathBuf};

use async_nats::jetstream;
use sqlx::Executor;
use store::Store;
use tests::{
    bench::without_limits,
    canary::Canary,
    client::Client,
    database::{keys, keys_dir, namespace},
    processes::{Addresses, Environment, Failure, Processes},
    scratch::Scratch,
    services::{Service, Services},
};

pub struct Stage {
    pub processes: Option<Processes>,
    pub addresses: Addresses,
    pub database: Scratch,
    services: Services,
    environment: Environment,
}

impl Stage {
    pub async fn build() -> Result<Stage, Failure> {
        let services = Services::start("canary").await?;
        let namespace = namespace();
        let database = Scratch::create(&services.server_url, &format!("vc_canary_{namespace}")).await?;
        let addresses = Addresses {
            database_url: database.url(),
            nats_url: services.nats_url.clone(),
            redis_url: services.redis_url.clone(),
            namespace,
        };
        // As talkative as it gets.
        let environment = without_limits(Environment::new(&addresses, &keys_dir())?)
            .set("VC_LOG", "trace")
            .set("VC_BUS__MAX_BYTES", "16777216")
            .set("VC_FLOWS__ANSWER_TICK_MILLISECONDS", "0");
        environment.run(&["migrate"]).await?;
        let processes = Some(Processes::start(&environment, 1, 1).await?);
        Ok(Stage { processes, addresses, database, services, environment })
    }

    pub fn processes(&self) -> &Processes {
        self.processes.as_ref().expect("they run until the scan")
    }

    pub fn store(&self) -> Store {
        Store::connect(&self.addresses.database_url, keys(), &store::Config::default()).expect("connecting is lazy")
    }

    pub fn client(&self) -> Client {
        self.processes().client(0)
    }

    /// Puts a canary of its own into each kind of place, past our programs.
    pub async fn plant(&self, texts: &[String; 4]) -> Result<Vec<Canary>, Failure> {
        let [row, key, message, line] = texts;
        let mut sql = self.database.connect().await?;
        sql.execute(format!("CREATE TABLE planted AS SELECT '{row}'::text AS canary").as_str()).await?;
        let mut redis =
            redis::Client::open(self.addresses.redis_url.as_str())?.get_multiplexed_async_connection().await?;
        redis::cmd("SET").arg("planted").arg(key).exec_async(&mut redis).await?;
        let client = async_nats::connect(&self.addresses.nats_url).await?;
        let bus = jetstream::new(client);
        let config = jetstream::stream::Config {
            name: "PLANTED".into(),
            subjects: vec!["planted".into()],
            max_bytes: 1 << 20,
            ..Default::default()
        };
        bus.create_stream(config).await?;
        bus.publish("planted", message.clone().into()).await?.await?;
        // Into the log of PostgreSQL.
        let _ = sql.execute(format!("SELECT {line} FROM nowhere").as_str()).await;
        let named = [("row", row), ("key", key), ("message", message), ("line", line)];
        Ok(named.map(|(place, text)| Canary::text(&format!("planted {place}"), text)).to_vec())
    }

    /// What each process tells of itself.
    pub async fn metrics(&self) -> Vec<(String, String)> {
        let processes = self.processes();
        let mut found = Vec::new();
        for process in processes.apis.iter().chain(&processes.workers) {
            let answer = Client::new(process.address()).get("/metrics", None).await.unwrap();
            assert!(answer.contains("# TYPE"), "{}", answer.text());
            found.push((format!("metrics of the {}", process.role().as_str()), answer.text()));
        }
        found
    }

    /// Has everything written out, ends all, and says where it lies.
    pub async fn stop(&mut self) -> Result<Vec<PathBuf>, Failure> {
        if let Some(processes) = &mut self.processes {
            for process in processes.apis.iter_mut().chain(&mut processes.workers) {
                assert!(process.stop().await?, "the {} ends well", process.role().as_str());
            }
            processes.sandbox.stop().await?;
        }
        let mut sql = self.database.connect().await?;
        sql.execute("CHECKPOINT").await?;
        let mut redis =
            redis::Client::open(self.addresses.redis_url.as_str())?.get_multiplexed_async_connection().await?;
        redis::cmd("CONFIG").arg(&["SET", "rdbcompression", "no"]).exec_async(&mut redis).await?;
        redis::cmd("SAVE").exec_async(&mut redis).await?;
        drop((sql, redis));
        for service in Service::ALL {
            self.services.call("stop", service).await?;
        }
        let directory = self.services.directory().ok_or_else(|| Failure("these services are not ours".into()))?;
        assert!(fs::metadata(directory.join("redis/dump.rdb"))?.len() > 1_000, "Redis has written its keys");
        Ok(vec![directory.to_owned(), self.environment.logs().to_owned()])
    }

    pub async fn discard(self) -> Result<(), Failure> {
        drop(self.processes);
        self.services.discard().await
    }
}
