//! Kills and empties the parts of a running system under load, then counts what was lost, doubled, stuck or different.
//! `./dev faults` brings the services.

use std::process::ExitCode;

use clap::Parser;
use tests::faults::{Options, run};

#[derive(Parser)]
#[command(name = "faults", about = "A fault campaign against the whole system")]
struct Arguments {
    #[command(flatten)]
    options: Options,
}

#[tokio::main]
async fn main() -> ExitCode {
    match run(&Arguments::parse().options).await {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(failure) => {
            eprintln!("faults: {failure}");
            ExitCode::FAILURE
        }
    }
}
