//! Payments through the real API, measured beside two yardsticks.

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use sqlx::Row;

use super::{
    baseline::Baseline,
    ground::{Ground, Services},
    lag::Lookout,
    load::{self, Outcome},
    people,
    report::{Measured, Report, Round, Steady},
    tpcb::Tpcb,
};
use crate::{client::Prepared, database::namespace, processes::Failure, scratch::Scratch};

/// More failures than this share make the run one that failed.
const TOLERATED_ERRORS: f64 = 0.001;

/// Tried one after the other, where no number of connections is given.
const CONNECTIONS: [usize; 3] = [32, 64, 128];
const TRIAL: Duration = Duration::from_secs(4);

/// The open loop's rate, as a share of the peak.
const STEADY: f64 = 0.8;

#[derive(clap::Args)]
pub struct Options {
    /// How long each leg of each round takes.
    #[arg(long, default_value_t = 15)]
    seconds: u64,
    /// Rounds of payments, pgbench and postgres-es.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Connections of the closed loop; by default a few numbers are tried and the best one is kept.
    #[arg(long)]
    connections: Option<usize>,
    /// People who pay, each with a card; at least one for each connection.
    #[arg(long, default_value_t = 256)]
    people: usize,
    /// Where to write the figures.
    #[arg(long)]
    json: Option<PathBuf>,
}

struct Bench {
    ground: Ground,
    payments: Vec<Prepared>,
    failures: BTreeMap<String, u64>,
    paid: u64,
}

/// Whether few enough requests failed.
pub async fn run(options: &Options) -> Result<bool, Failure> {
    let services = Services::from_environment()?;
    let ground = Ground::prepare(&services).await?;
    // Else two connections would pay with one card, and wait for each other.
    let people = options.people.max(options.connections.unwrap_or(CONNECTIONS[CONNECTIONS.len() - 1]));
    eprintln!("registering {people} people");
    let people = people::onboard(&ground.processes, people).await?;
    let mut bench = Bench { ground, payments: people::payments(&people), failures: BTreeMap::new(), paid: 0 };
    bench.ground.positions.settle().await?;

    let connections = match options.connections {
        Some(connections) => connections.max(1),
        None => bench.best_connections().await?,
    };
    let scratch = |purpose: &str| format!("vc_bench_{purpose}_{}", namespace());
    let tpcb = Tpcb::prepare(Scratch::create(&services.server_url, &scratch("tpcb")).await?).await?;
    let baseline = Scratch::create(&services.server_url, &scratch("plain")).await?;
    let baseline = Baseline::prepare(baseline, &bench.ground.processes.sandbox.url(), connections).await?;

    let (time, mut rounds) = (Duration::from_secs(options.seconds.max(1)), Vec::new());
    for number in 1..=options.rounds.max(1) {
        eprintln!("round {number} of {}", options.rounds);
        let mut round = bench.payments(connections, time).await?;
        services.level().await;
        round.tpcb_per_s = tpcb.run(time).await?;
        services.level().await;
        round.postgres_es_per_s = baseline.run(bench.payments.len(), connections, time).await?;
        services.level().await;
        rounds.push(round);
    }
    let peak = super::median(rounds.iter().map(|round| round.payments_per_s));
    let steady = bench.steady(peak * STEADY, time).await?;

    let postgres = bench.postgres().await?;
    let Bench { ground, payments, failures, paid } = bench;
    let people = payments.len();
    let report = Report::new(Measured { rounds, steady, connections, people, paid, failures, postgres });
    report.print();
    if let Some(path) = &options.json {
        report.write(path)?;
    }
    tpcb.discard().await?;
    baseline.discard().await?;
    ground.discard().await?;
    Ok(report.error_share <= TOLERATED_ERRORS)
}

impl Bench {
    async fn best_connections(&mut self) -> Result<usize, Failure> {
        let mut best = (CONNECTIONS[0], 0.0);
        for connections in CONNECTIONS {
            let rate = self.closed(connections, TRIAL).await?.per_second();
            self.ground.positions.settle().await?;
            eprintln!("{connections} connections: {rate:.0} payments/s");
            if rate > best.1 {
                best = (connections, rate);
            }
        }
        Ok(best.0)
    }

    /// The closed loop, and what it cost until the read models had caught up.
    async fn payments(&mut self, connections: usize, time: Duration) -> Result<Round, Failure> {
        let before = self.ground.parts.spent();
        let outcome = self.closed(connections, time).await?;
        let catch_up = self.ground.positions.settle().await?;
        let spent = self.ground.parts.spent().since(&before);
        Ok(Round {
            payments_per_s: outcome.per_second(),
            tpcb_per_s: 0.0,
            postgres_es_per_s: 0.0,
            catch_up_s: catch_up.as_secs_f64(),
            cpu_us_per_payment: Round::cpu(&spent, outcome.paid),
            others_share: spent.others(),
        })
    }

    async fn closed(&mut self, connections: usize, time: Duration) -> Result<Outcome, Failure> {
        let outcome = load::closed(self.ground.processes.api(), &self.payments, connections, time).await?;
        self.count(&outcome);
        Ok(outcome)
    }

    async fn steady(&mut self, rate: f64, time: Duration) -> Result<Steady, Failure> {
        eprintln!("open loop at {rate:.0} payments/s");
        let lookout = Lookout::start(&self.ground.positions).await?;
        let outcome = load::open(self.ground.processes.api(), &self.payments, rate, time).await?;
        self.count(&outcome);
        let lag = lookout.finish().await?;
        Ok(Steady {
            rate_per_s: rate,
            p50_ms: outcome.quantile_ms(0.5),
            p95_ms: outcome.quantile_ms(0.95),
            p99_ms: outcome.quantile_ms(0.99),
            p999_ms: outcome.quantile_ms(0.999),
            max_ms: outcome.quantile_ms(1.0),
            lag_p99_ms: lag.views_p99_ms,
            tables_lag_p99_ms: lag.tables_p99_ms,
        })
    }

    fn count(&mut self, outcome: &Outcome) {
        self.paid += outcome.paid;
        for (failure, count) in &outcome.failures {
            *self.failures.entry(failure.clone()).or_default() += count;
        }
    }

    /// What makes the comparison a fair one: the same server, and durable.
    async fn postgres(&self) -> Result<BTreeMap<String, String>, Failure> {
        let mut settings = BTreeMap::new();
        for name in ["server_version", "fsync", "synchronous_commit", "full_page_writes"] {
            let row = sqlx::query(&format!("SHOW {name}")).fetch_one(&self.ground.positions.pool).await?;
            settings.insert(name.to_owned(), row.try_get(0)?);
        }
        Ok(settings)
    }
}
