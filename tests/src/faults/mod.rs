//! The fault campaign: the whole system under constant load through its real API, while its parts are killed, emptied
//! and wiped; and afterwards the question whether anything that a client was told has turned out untrue.
//!
//! What the client saw is the yardstick ([`ledger`]). The log, the gateway's own books, the read models and the bus
//! are each read on their own and compared with it and with one another ([`verify`]). Figures are counts of
//! contradictions, so the good outcome is zero in each.

mod campaign;
mod cast;
mod ledger;
mod load;
mod report;
mod stage;
mod verify;

use std::path::PathBuf;

use crate::processes::Failure;

#[derive(clap::Args)]
pub struct Options {
    /// Kills of each of api, worker and nats-server. PostgreSQL and Redis get a quarter of that, and Redis is emptied
    /// as often.
    #[arg(long, default_value_t = 20)]
    kills: u32,
    /// Decides the moments and the victims; by default the clock does.
    #[arg(long)]
    seed: Option<u64>,
    /// Where to write the figures.
    #[arg(long)]
    json: Option<PathBuf>,
    /// One phase with two kills of each, for the test suite.
    #[arg(long)]
    short: bool,
}

/// Whether nothing was lost, doubled, stuck or different.
pub async fn run(options: &Options) -> Result<bool, Failure> {
    let seed = options.seed.unwrap_or_else(|| chrono::Utc::now().timestamp_millis().unsigned_abs() % 1_000_000);
    let mut stage = stage::Stage::build(if options.short { 4 } else { 12 }).await?;
    let outcome = campaign::run(&mut stage, options, seed).await;
    match &outcome {
        Ok(outcome) if outcome.is_clean() => stage.discard().await?,
        _ => eprintln!("logs: {}, database: {}", stage.keep_logs()?, stage.addresses.database_url),
    }
    let outcome = outcome?;
    outcome.print();
    if let Some(path) = &options.json {
        outcome.write(path)?;
    }
    Ok(outcome.is_clean())
}
