//! Version 2: the modern face over the same flows. Unknown fields are refused, money is minor units, payments need an
//! idempotency key. One file a resource.

mod auth;
mod factors;
mod passkeys;
mod passwords;
mod payments;
mod proofs;
mod registration;
mod second_factor;
mod step_up;

use poem_openapi::Tags;

/// All resources.
pub type Api = (
    registration::Registration,
    auth::Auth,
    second_factor::SecondFactors,
    passwords::Passwords,
    step_up::StepUps,
    factors::Factors,
    passkeys::Passkeys,
    payments::Payments,
);

#[derive(Tags)]
enum Tag {
    /// Accounts, passwords and sessions.
    Authentication,
    /// Authenticator apps, passkeys and recovery codes.
    Factors,
    /// Payments.
    Payments,
}
