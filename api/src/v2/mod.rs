//! Version 2: the modern face over the same flows. Unknown fields are refused, money is minor units, payments need an
//! idempotency key. One file a resource.

mod account;
mod auth;
mod factors;
mod me;
mod passkeys;
mod payments;
mod proofs;
mod second_factor;
mod step_up;
mod users;

use poem_openapi::Tags;

/// All resources.
pub type Api = (
    auth::Auth,
    second_factor::SecondFactors,
    step_up::StepUps,
    factors::Factors,
    passkeys::Passkeys,
    me::Me,
    account::Account,
    users::Users,
    payments::Payments,
);

#[derive(Tags)]
enum Tag {
    /// Sessions.
    Authentication,
    /// Authenticator apps, passkeys and recovery codes.
    Factors,
    /// The caller's own account.
    Account,
    /// Accounts of others.
    Users,
    /// Payments.
    Payments,
}
