//! `bench NAME`: one benchmark, one table. `./dev bench` brings the services and the release build.

use std::process::ExitCode;

use clap::Parser;
use tests::bench::{append, payments, tokens};

#[derive(Parser)]
#[command(name = "bench", about = "Benchmarks against real services")]
enum Bench {
    /// Payments over HTTP, beside pgbench's TPC-B and the same payment on plain postgres-es.
    Payments(payments::Options),
    /// What it costs to know who is calling.
    Tokens(tokens::Options),
    /// The event log alone.
    Append(append::Options),
}

#[tokio::main]
async fn main() -> ExitCode {
    let run = match Bench::parse() {
        Bench::Payments(options) => payments::run(&options).await,
        Bench::Tokens(options) => tokens::run(&options).await,
        Bench::Append(options) => append::run(&options).await,
    };
    match run {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => {
            eprintln!("bench: not what it has to be");
            ExitCode::FAILURE
        }
        Err(failure) => {
            eprintln!("bench: {failure}");
            ExitCode::FAILURE
        }
    }
}
