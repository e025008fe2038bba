//! The one binary: reads the configuration, puts the parts together, and runs one of them.
//!
//! This crate decides nothing about cards or payments; it only knows which part needs which.

mod commands;
mod compose;
mod config;
mod memory;
mod telemetry;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};
use uuid::Uuid;

pub use compose::{Failure, system};
pub use config::Config;
pub use telemetry::install_metrics;

/// An event-sourced backend for virtual cards.
#[derive(Parser)]
#[command(name = "virtual-cards", version)]
pub struct Arguments {
    /// A TOML file whose values go before the built-in defaults; the environment goes before both.
    #[arg(long, env = "VC_CONFIG", global = true)]
    config: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Bring the database schema up to date.
    Migrate,
    /// Serve the REST API.
    Api {
        /// Only these modules, separated by commas; an unknown name is answered with the list. All, if none is named
        /// here or in the configuration.
        #[arg(long, value_delimiter = ',')]
        modules: Vec<String>,
    },
    /// Run the loops behind the API: relay, projections, recovery, retention.
    Worker,
    /// Play the third parties: KYC provider, card issuer, payment gateway, mail.
    Sandbox,
    /// Rebuild the read models from the log, beside the live ones, and switch over.
    Replay {
        /// Which ones; all if none is named.
        #[arg(long)]
        projection: Option<workers::Projection>,
    },
    /// Show where one person, case, card or payment stands: in the log, on the bus, in the read models.
    Trace { id: Uuid },
    /// OAuth clients: third parties' programs and services.
    #[command(subcommand)]
    Clients(Clients),
    /// Make somebody an admin, give and take roles.
    #[command(subcommand)]
    Admin(commands::admin::Admin),
    /// Rotate keys.
    #[command(subcommand)]
    Keys(commands::keys::Keys),
    /// Print the built-in configuration, which is also its documentation.
    Config,
    /// Tools for development.
    #[command(subcommand)]
    Dev(Dev),
}

#[derive(Subcommand)]
enum Clients {
    /// Register a client; prints its id, and its secret once.
    Register(NewClient),
}

#[derive(clap::Args)]
struct NewClient {
    /// As people see it when they are asked for consent.
    #[arg(long)]
    name: String,
    #[arg(long)]
    kind: Kind,
    /// Where people may be sent back to; several may be given.
    #[arg(long)]
    redirect_uri: Vec<String>,
    /// What it may ask for at most, such as `payments:read`; several may be given.
    #[arg(long, required = true)]
    scope: Vec<String>,
}

#[derive(Clone, Copy, clap::ValueEnum)]
enum Kind {
    /// Acts for itself.
    Service,
    /// Acts for people, and keeps a secret.
    Confidential,
    /// Acts for people, and cannot keep a secret.
    Public,
}

#[derive(Subcommand)]
enum Dev {
    /// Write a first set of keys into a directory, keeping those that are there.
    Keys { directory: PathBuf },
    /// Write the published contracts into a directory.
    Schemas {
        #[arg(default_value = "schemas")]
        directory: PathBuf,
        /// Write nothing; fail if a file differs from what would be written.
        #[arg(long)]
        check: bool,
    },
    /// Print the six digits that an authenticator app would show for a secret now.
    Totp {
        /// In base 32, as the enrolment answered it.
        secret: String,
        /// How many steps of 30 seconds later, or earlier if negative; codes of one step either way are accepted.
        #[arg(long, default_value_t = 0, allow_negative_numbers = true)]
        offset: i64,
    },
}

/// Runs the command until it is done, or until SIGTERM or SIGINT.
pub async fn run(arguments: Arguments) -> ExitCode {
    match dispatch(arguments).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("virtual-cards: {failure}");
            ExitCode::FAILURE
        }
    }
}

async fn dispatch(arguments: Arguments) -> Result<(), Failure> {
    if let Command::Config = arguments.command {
        print!("{}", config::DEFAULTS);
        return Ok(());
    }
    let config = Config::load(arguments.config.as_deref())?;
    telemetry::install_logs(&config.log);
    match arguments.command {
        Command::Config => Ok(()),
        Command::Migrate => Ok(store::migrate(config.database_url()).await?),
        Command::Api { modules } => {
            let mut config = config;
            if !modules.is_empty() {
                config.api.modules = modules;
            }
            commands::serve::api(&config).await
        }
        Command::Worker => commands::serve::worker(&config).await,
        Command::Sandbox => commands::serve::sandbox(&config).await,
        Command::Replay { projection } => commands::replay::run(&config, projection).await,
        Command::Trace { id } => commands::trace::run(&config, id).await,
        Command::Clients(Clients::Register(new)) => commands::clients::register(&config, new).await,
        Command::Admin(command) => commands::admin::run(&config, command).await,
        Command::Keys(command) => commands::keys::run(&config, &command).await,
        Command::Dev(Dev::Keys { directory }) => Ok(store::keys::Keys::generate(&directory)?),
        Command::Dev(Dev::Totp { secret, offset }) => commands::totp::run(&secret, offset),
        Command::Dev(Dev::Schemas { directory, check }) => commands::schemas::run(&directory, check),
    }
}
