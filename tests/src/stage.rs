//! A whole system and people in it, for a program that is none of ours: it is told by variables where things are and
//! who it may be.

use std::{fs, path::Path, process::ExitStatus};

use tokio::process::Command;

use crate::{
    processes::Failure,
    system::{TestSystem, an_email},
};

/// People whose sessions and accounts the program may end.
const THROWAWAYS: usize = 12;

/// Errors of one process that are repeated.
const SHOWN: usize = 20;

/// Nothing is refused for being too much or too often; a token is good for as long as it may be.
const SETTINGS: [(&str, &str); 8] = [
    ("VC_API__TOKENS__LIFETIME_MINUTES", "30"),
    ("VC_FLOWS__FRAUD__ATTEMPTS_10_MINUTES__WARN_ABOVE", "1000000000"),
    ("VC_FLOWS__FRAUD__ATTEMPTS_10_MINUTES__FAIL_ABOVE", "1000000000"),
    ("VC_FLOWS__FRAUD__ATTEMPTS_HOUR__WARN_ABOVE", "1000000000"),
    ("VC_FLOWS__FRAUD__ATTEMPTS_HOUR__FAIL_ABOVE", "1000000000"),
    ("VC_FLOWS__FRAUD__ATTEMPTS_DAY__WARN_ABOVE", "1000000000"),
    ("VC_FLOWS__FRAUD__ATTEMPTS_DAY__FAIL_ABOVE", "1000000000"),
    ("VC_LOG", "warn"),
];

/// Runs `command` beside a system: `VC_STAGE_URL` names its api, `VC_STAGE_TOKEN` somebody's token who has the card
/// `VC_STAGE_CARD`, `VC_STAGE_STAFF` that of an admin, and `VC_STAGE_THROWAWAY_1` … tokens of people each of whom may
/// come to harm.
pub async fn run(command: &[String]) -> Result<ExitStatus, Failure> {
    let (program, arguments) = command.split_first().ok_or_else(|| Failure("no command".into()))?;
    let system = TestSystem::start_with(1, &SETTINGS).await;
    let holder = system.a_cardholder(1_000_000).await;
    let mut command = Command::new(program);
    command.args(arguments);
    command.env("VC_STAGE_URL", format!("http://{}", system.processes.api()));
    command.env("VC_STAGE_TOKEN", &holder.person.token).env("VC_STAGE_CARD", &holder.card_id);
    command.env("VC_STAGE_STAFF", a_staff_member(&system).await?);
    for number in 1..=THROWAWAYS {
        let (mut client, email) = (system.client(), an_email());
        client.register(&email).await?;
        command.env(format!("VC_STAGE_THROWAWAY_{number}"), client.log_in(&email).await?.token);
    }
    let status = command.status().await?;
    if !status.success() {
        report_errors(system.environment.logs())?;
    }
    Ok(status)
}

/// The token of somebody who may do what staff may.
async fn a_staff_member(system: &TestSystem) -> Result<String, Failure> {
    let (mut client, email) = (system.client(), an_email());
    client.register(&email).await?;
    for role in ["admin", "auditor", "analyst", "support"] {
        system.environment.run(&["admin", "grant", role, "--email", &email]).await?;
    }
    Ok(client.log_in(&email).await?.token)
}

/// What the processes logged as errors: an answer names its request and nothing of the cause.
fn report_errors(logs: &Path) -> Result<(), Failure> {
    for log in fs::read_dir(logs)? {
        let said = fs::read_to_string(log?.path())?;
        for line in said.lines().filter(|line| line.contains("\"level\":\"ERROR\"")).take(SHOWN) {
            eprintln!("{line}");
        }
    }
    Ok(())
}
