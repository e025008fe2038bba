//! Runs a command beside a whole system with people in it, such as a tester that is no program of ours. `./dev check`
//! brings the services.

use std::process::ExitCode;

use clap::Parser;

#[derive(Parser)]
#[command(name = "stage", about = "Runs a command beside a whole system")]
struct Arguments {
    /// The command and its arguments.
    #[arg(trailing_var_arg = true, required = true)]
    command: Vec<String>,
}

#[tokio::main]
async fn main() -> ExitCode {
    match tests::stage::run(&Arguments::parse().command).await {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(failure) => {
            eprintln!("stage: {failure}");
            ExitCode::FAILURE
        }
    }
}
