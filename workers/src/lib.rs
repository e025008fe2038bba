//! The long-running loops behind the API: the relay that publishes the log, the projections, the recovery of open
//! flows, mail, and retention.
//!
//! Any number of processes may run them. The relay, the projections and the recovery of each flow ask PostgreSQL for
//! the lead, so that one process does the work while the others stand by; and each is right even when two believe to
//! lead for a moment. Mail and retention ask for none: the mail queue gives each letter to one process, and to delete
//! what is deleted already does no harm. This crate never serves requests and never decides a business rule.

mod mail;
mod projection;
mod recovery;
mod relay;
mod retention;

use flows::System;
use secrecy::SecretString;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub use projection::{Projection, rebuild};

/// Where the loops find bus and cache.
#[derive(Clone)]
pub struct Settings {
    pub redis_url: SecretString,
    pub namespace: String,
    pub bus: nats::Config,
    pub views: projections::Config,
}

/// Why the loops, or a rebuild, ended.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    #[error(transparent)]
    Store(#[from] store::Error),
    #[error("bus: {0}")]
    Bus(#[from] nats::ConnectError),
    #[error(transparent)]
    Views(#[from] projections::AddressError),
    #[error("projection: {0}")]
    Projection(String),
    /// A defect: loops end only when told to.
    #[error("a loop ended: {0}")]
    Ended(String),
}

impl From<projection::SinkFailure> for Failure {
    fn from(failure: projection::SinkFailure) -> Self {
        Failure::Projection(failure.to_string())
    }
}

/// Runs all loops until shut down. If one ends by itself all end: whoever supervises the process starts it again.
pub async fn run(system: System, settings: Settings, shutdown: CancellationToken) -> Result<(), Failure> {
    let mut loops: JoinSet<Result<(), Failure>> = JoinSet::new();
    loops.spawn(relay::run(system.store.clone(), settings.clone(), shutdown.clone()));
    loops.spawn(projection::run(system.store.clone(), settings, shutdown.clone()));
    loops.spawn(retention::run(system.clone(), shutdown.clone()));
    loops.spawn(mail::run(system.clone(), shutdown.clone()));
    loops.spawn(recovery::run::<recovery::Payments>(system.clone(), shutdown.clone()));
    loops.spawn(recovery::run::<recovery::Holds>(system.clone(), shutdown.clone()));
    loops.spawn(recovery::run::<recovery::Cards>(system.clone(), shutdown.clone()));
    loops.spawn(recovery::run::<recovery::Tellings>(system.clone(), shutdown.clone()));
    loops.spawn(recovery::run::<recovery::Expiries>(system.clone(), shutdown.clone()));
    loops.spawn(recovery::run::<recovery::Cases>(system.clone(), shutdown.clone()));
    loops.spawn(recovery::run::<recovery::Endings>(system.clone(), shutdown.clone()));
    loops.spawn(recovery::run::<recovery::Applicants>(system.clone(), shutdown.clone()));
    loops.spawn(recovery::run::<recovery::Approvals>(system.clone(), shutdown.clone()));
    loops.spawn(recovery::run::<recovery::Webhooks>(system.clone(), shutdown.clone()));
    loops.spawn(recovery::run::<recovery::Passwords>(system, shutdown.clone()));
    let first = loops.join_next().await;
    if !shutdown.is_cancelled() {
        return match first {
            Some(Ok(Err(failure))) => Err(failure),
            Some(Err(panic)) => Err(Failure::Ended(panic.to_string())),
            Some(Ok(Ok(()))) | None => Err(Failure::Ended("without being told to".into())),
        };
    }
    while loops.join_next().await.is_some() {}
    Ok(())
}
