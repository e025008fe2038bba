use std::io::Write;

use aggregates::Role;
use clap::Subcommand;
use flows::{
    Origin,
    staff::{self, By, Change, Created},
};
use secrecy::ExposeSecret;

use crate::{Config, Failure, compose};

/// Staff, managed by whoever has the machine. What is done here stands in the log with the actor `system:cli`.
#[derive(Subcommand)]
pub(crate) enum Admin {
    /// Make somebody an admin, with a new account if the address has none. Prints a token for the first password.
    Create {
        #[arg(long)]
        email: String,
        #[arg(long, default_value = "Admin")]
        first_name: String,
        #[arg(long, default_value = "Admin")]
        last_name: String,
    },
    /// Give a role. All sessions of the person end.
    Grant {
        /// customer, merchant, admin, auditor, analyst or support.
        #[arg(value_parser = role)]
        role: Role,
        #[arg(long)]
        email: String,
    },
    /// Take a role. All sessions of the person end, and the API keys that need it.
    Revoke {
        #[arg(value_parser = role)]
        role: Role,
        #[arg(long)]
        email: String,
    },
}

pub(crate) async fn run(config: &Config, command: Admin) -> Result<(), Failure> {
    let system = compose::system(config, config.load_keys()?)?;
    let origin = Origin::of_worker();
    match command {
        Admin::Create { email, first_name, last_name } => {
            match staff::create(&system, &email, &first_name, &last_name, &origin).await? {
                Created::Account { user_id, password_token, good_for } => {
                    let minutes = good_for.as_secs() / 60;
                    eprintln!("{user_id} is an admin. For {minutes} minutes this token sets the password, once:");
                    Ok(writeln!(std::io::stdout(), "{}", password_token.expose_secret())?)
                }
                Created::Granted { user_id } => {
                    eprintln!("{user_id} has an account already and is an admin now");
                    Ok(())
                }
            }
        }
        Admin::Grant { role, email } => {
            let user_id = staff::account_of(&system, &email).await?;
            staff::change_role(&system, By::Operator, user_id, role, Change::Grant, &origin).await?;
            eprintln!("{user_id} has the role {role}");
            Ok(())
        }
        Admin::Revoke { role, email } => {
            let user_id = staff::account_of(&system, &email).await?;
            staff::change_role(&system, By::Operator, user_id, role, Change::Revoke, &origin).await?;
            eprintln!("{user_id} does not have the role {role} any more");
            Ok(())
        }
    }
}

fn role(text: &str) -> Result<Role, String> {
    let of_people = Role::ALL.into_iter().filter(|role| *role != Role::Service);
    let names: Vec<_> = of_people.clone().map(Role::as_str).collect();
    of_people.into_iter().find(|role| role.as_str() == text).ok_or_else(|| format!("one of {}", names.join(", ")))
}
