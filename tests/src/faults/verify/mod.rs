//! After the faults: what the log says, and whether everybody else says the same.

mod bus;
mod gateway;
mod log;
mod settle;
mod tables;
mod views;

use super::{
    report::{Findings, Kind},
    stage::Stage,
};
use crate::processes::Failure;

/// Verifies as often as wanted while the log grows.
#[derive(Default)]
pub struct Verifier {
    gateway: gateway::Books,
}

impl Verifier {
    /// The load must have been stopped. Waits for what the system finishes by itself, within bounds.
    pub async fn verify(&mut self, stage: &mut Stage) -> Result<Findings, Failure> {
        let mut findings = Findings::default();
        if !stage.processes.sandbox.is_running() {
            return Err(Failure("the sandbox has died, and with it the gateway's books".into()));
        }
        for process in stage.processes.apis.iter_mut().chain(&mut stage.processes.workers) {
            if !process.is_running() {
                findings
                    .add(Kind::StuckFlows, format!("{} at {} has died", process.role().as_str(), process.address()));
                process.restart().await?;
            }
        }
        settle::open_flows(stage, &mut findings).await?;
        let head = settle::read_models(stage, &mut findings).await?;

        let told = log::Told::read(stage, &mut findings).await?;
        told.compare_with_clients(&stage.ledger, &mut findings);
        self.gateway.compare(stage, &told, &mut findings).await?;
        views::compare(stage, &told, &mut findings).await?;
        tables::compare(stage, &told, &mut findings).await?;
        bus::compare(stage, head, &mut findings).await?;
        Ok(findings)
    }
}
