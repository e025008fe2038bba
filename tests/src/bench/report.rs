//! What the benchmark of payments prints, and what it writes.

use std::{collections::BTreeMap, path::Path};

use serde::Serialize;

use super::{cpu::Spent, median};
use crate::processes::Failure;

/// The parts whose processor time makes the total: ours and the services', not the third parties or the load.
const COUNTED: [&str; 5] = ["api", "workers", "postgres", "nats", "redis"];

/// In the order of the table.
const PARTS: [&str; 7] = ["api", "workers", "postgres", "nats", "redis", "sandbox", "loadgen"];

/// One round: the three legs, one after the other.
#[derive(Clone, Debug, Serialize)]
pub struct Round {
    pub payments_per_s: f64,
    pub tpcb_per_s: f64,
    pub postgres_es_per_s: f64,
    /// How long the read models needed to catch up when the load had ended.
    pub catch_up_s: f64,
    /// Microseconds, from the first request until the read models had caught up.
    pub cpu_us_per_payment: BTreeMap<&'static str, f64>,
    /// The share of the machine that programs took which are no part of this.
    pub others_share: f64,
}

impl Round {
    pub fn cpu(spent: &Spent, payments: u64) -> BTreeMap<&'static str, f64> {
        let each = |time: &std::time::Duration| time.as_secs_f64() * 1e6 / payments.max(1) as f64;
        spent.parts.iter().map(|(part, time)| (*part, each(time))).collect()
    }
}

/// The open loop at a share of the peak.
#[derive(Clone, Debug, Serialize)]
pub struct Steady {
    pub rate_per_s: f64,
    pub p50_ms: f64,
    pub p95_ms: f64,
    pub p99_ms: f64,
    pub p999_ms: f64,
    pub max_ms: f64,
    pub lag_p99_ms: f64,
    pub tables_lag_p99_ms: f64,
}

#[derive(Debug, Serialize)]
pub struct Report {
    pub payments_per_s: f64,
    pub tpcb_per_s: f64,
    pub postgres_es_per_s: f64,
    pub ratio_tpcb: f64,
    pub ratio_postgres_es: f64,
    #[serde(flatten)]
    pub steady: Steady,
    pub catch_up_s: f64,
    pub cpu_us_per_payment: BTreeMap<&'static str, f64>,
    pub connections: usize,
    pub people: usize,
    pub errors: u64,
    pub error_share: f64,
    /// What the errors were, and how many of each.
    pub failures: BTreeMap<String, u64>,
    /// `fsync`, `synchronous_commit`, `full_page_writes` and the version of PostgreSQL.
    pub postgres: BTreeMap<String, String>,
    pub cores: usize,
    /// Of the machine, while payments were made: a large one spoils the figures.
    pub others_share: f64,
    pub rounds: Vec<Round>,
}

/// What a report is made from.
pub struct Measured {
    pub rounds: Vec<Round>,
    pub steady: Steady,
    pub connections: usize,
    pub people: usize,
    pub paid: u64,
    pub failures: BTreeMap<String, u64>,
    pub postgres: BTreeMap<String, String>,
}

impl Report {
    pub fn new(measured: Measured) -> Report {
        let Measured { rounds, steady, connections, people, paid, failures, postgres } = measured;
        let middle = |of: fn(&Round) -> f64| median(rounds.iter().map(of));
        let (payments, tpcb, plain) =
            (middle(|r| r.payments_per_s), middle(|r| r.tpcb_per_s), middle(|r| r.postgres_es_per_s));
        let each = |part| median(rounds.iter().filter_map(|round| round.cpu_us_per_payment.get(part).copied()));
        let mut cpu: BTreeMap<_, _> = PARTS.into_iter().map(|part| (part, each(part))).collect();
        cpu.insert("total", COUNTED.iter().map(|part| cpu[part]).sum());
        let errors: u64 = failures.values().sum();
        Report {
            payments_per_s: payments,
            tpcb_per_s: tpcb,
            postgres_es_per_s: plain,
            ratio_tpcb: payments / tpcb.max(f64::EPSILON),
            ratio_postgres_es: payments / plain.max(f64::EPSILON),
            catch_up_s: middle(|r| r.catch_up_s),
            others_share: middle(|r| r.others_share),
            cpu_us_per_payment: cpu,
            steady,
            connections,
            people,
            errors,
            error_share: errors as f64 / (paid + errors).max(1) as f64,
            failures,
            postgres,
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            rounds,
        }
    }

    pub fn write(&self, path: &Path) -> Result<(), Failure> {
        Ok(std::fs::write(path, serde_json::to_string_pretty(self)? + "\n")?)
    }

    pub fn print(&self) {
        let Steady { rate_per_s, p50_ms, p95_ms, p99_ms, p999_ms, max_ms, lag_p99_ms, tables_lag_p99_ms } = self.steady;
        println!();
        println!(
            "{} cores, {} connections, {} people, {} rounds",
            self.cores,
            self.connections,
            self.people,
            self.rounds.len()
        );
        let settings: Vec<_> = self.postgres.iter().map(|(name, value)| format!("{name}={value}")).collect();
        println!("PostgreSQL: {}", settings.join(" "));
        println!("other programs took {:.0} % of the machine", self.others_share * 100.0);
        println!();
        println!(
            "payments/s (closed loop)      {:10.0}   rounds: {}",
            self.payments_per_s,
            self.each(|r| r.payments_per_s)
        );
        println!("pgbench TPC-B/s               {:10.0}   rounds: {}", self.tpcb_per_s, self.each(|r| r.tpcb_per_s));
        println!(
            "the same on postgres-es /s    {:10.0}   rounds: {}",
            self.postgres_es_per_s,
            self.each(|r| r.postgres_es_per_s)
        );
        println!("ratio to TPC-B                {:10.2}", self.ratio_tpcb);
        println!("ratio to postgres-es          {:10.2}", self.ratio_postgres_es);
        println!("read models caught up after   {:10.2} s", self.catch_up_s);
        println!();
        println!("open loop at {rate_per_s:.0}/s, from when a payment was due:");
        println!(
            "  p50 {p50_ms:.1} ms   p95 {p95_ms:.1} ms   p99 {p99_ms:.1} ms   p99.9 {p999_ms:.1} ms   max {max_ms:.1} ms"
        );
        println!("  lag p99: read models {lag_p99_ms:.0} ms, relational tables {tables_lag_p99_ms:.0} ms");
        println!();
        println!("CPU per payment, microseconds:");
        for part in PARTS.iter().chain(&["total"]) {
            let note = if *part == "total" { "   (without sandbox and loadgen)" } else { "" };
            println!("  {part:9} {:7.0}{note}", self.cpu_us_per_payment[part]);
        }
        println!();
        println!("errors: {} ({:.3} %)", self.errors, self.error_share * 100.0);
        for (failure, count) in &self.failures {
            println!("  {count:7} × {failure}");
        }
    }

    fn each(&self, of: fn(&Round) -> f64) -> String {
        self.rounds.iter().map(|round| format!("{:.0}", of(round))).collect::<Vec<_>>().join(" ")
    }
}
