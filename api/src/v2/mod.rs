//! Version 2: the modern face over the same flows. Unknown fields are refused, money is minor units, payments need an
//! idempotency key. One file a resource.

mod account;
mod admin;
mod api_keys;
mod audit;
mod auth;
mod factors;
mod me;
mod passkeys;
mod passwords;
mod payments;
mod proofs;
mod registration;
mod second_factor;
mod sessions;
mod step_up;
mod tokens;
mod users;

use poem_openapi::Tags;

/// All resources.
pub type Api =
    (Access, me::Me, account::Account, users::Users, payments::Payments, api_keys::ApiKeys, admin::Admin, audit::Audit);

/// How people prove who they are. Apart only because tuples have a longest.
type Access = (
    registration::Registration,
    auth::Auth,
    tokens::Tokens,
    passwords::Passwords,
    second_factor::SecondFactors,
    step_up::StepUps,
    factors::Factors,
    passkeys::Passkeys,
    sessions::Sessions,
);

#[derive(Tags)]
enum Tag {
    /// Accounts, passwords and sessions.
    Authentication,
    /// Authenticator apps, passkeys and recovery codes.
    Factors,
    /// The caller's own account.
    Account,
    /// Accounts of others.
    Users,
    /// Payments.
    Payments,
    /// Keys for the caller's own programs.
    ApiKeys,
    /// Roles and sessions of others.
    Administration,
    /// What happened, for auditors and analysts.
    Audit,
}
