//! pgbench's TPC-B: what this PostgreSQL makes of small durable transactions.

use std::{env, process::Stdio, time::Duration};

use tokio::process::Command;

use crate::{
    processes::Failure,
    scratch::{Scratch, execute},
};

/// 16 clients on one thread with prepared statements: the figure that payments are measured against. Each run begins
/// with a vacuum of the small tables, as pgbench has it.
const RUN: [&str; 6] = ["-c", "16", "-j", "1", "-M", "prepared"];

/// Autovacuum would tidy up after pgbench while the next leg is measured, and be counted there.
const QUIET: &str = r"DO $$ DECLARE t text; BEGIN
    FOR t IN SELECT relname FROM pg_class WHERE relkind = 'r' AND relname LIKE 'pgbench\_%' LOOP
        EXECUTE format('ALTER TABLE %I SET (autovacuum_enabled = off)', t);
    END LOOP; END $$";

/// A million accounts: well above the number of clients, so that they seldom wait for each other's row.
const SCALE: &str = "10";

pub struct Tpcb {
    database: Scratch,
}

impl Tpcb {
    pub async fn prepare(database: Scratch) -> Result<Tpcb, Failure> {
        pgbench(&["-i", "-q", "-s", SCALE], &database.url()).await?;
        execute(&database.url(), QUIET).await?;
        Ok(Tpcb { database })
    }

    /// Transactions a second.
    pub async fn run(&self, time: Duration) -> Result<f64, Failure> {
        let seconds = time.as_secs().max(1).to_string();
        let said = pgbench(&[&RUN[..], &["-T", &seconds]].concat(), &self.database.url()).await?;
        rate(&said).ok_or_else(|| Failure(format!("pgbench says no rate: {said}")))
    }

    pub async fn discard(self) -> Result<(), Failure> {
        self.database.discard().await
    }
}

/// Runs the pgbench that `PGBENCH` names, else the one on the path; its standard output.
async fn pgbench(arguments: &[&str], url: &str) -> Result<String, Failure> {
    let program = env::var("PGBENCH").ok().filter(|named| !named.is_empty()).unwrap_or_else(|| "pgbench".into());
    let output = Command::new(&program).args(arguments).arg(url).stdin(Stdio::null()).output().await;
    let output = output.map_err(|e| Failure(format!("{program} (name it in PGBENCH): {e}")))?;
    match output.status.success() {
        true => Ok(String::from_utf8_lossy(&output.stdout).into_owned()),
        false => Err(Failure(format!("pgbench failed: {}", String::from_utf8_lossy(&output.stderr)))),
    }
}

/// `tps = 1234.567890 (without initial connection time)`
fn rate(said: &str) -> Option<f64> {
    let line = said.lines().find_map(|line| line.strip_prefix("tps = "))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_is_read_from_what_pgbench_prints() {
        let said = "scaling factor: 10\nlatency average = 9.6 ms\ntps = 1665.25 (without initial connection time)\n";
        assert_eq!(rate(said), Some(1665.25));
        assert_eq!(rate("no connection"), None);
    }
}
