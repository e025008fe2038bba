//! Version 2: the modern face over the same flows. Unknown fields are refused, money is minor units, payments need an
//! idempotency key. One file a resource.

mod auth;
mod factors;
mod passkeys;
mod payments;
mod proofs;
mod second_factor;
mod step_up;

use poem_openapi::Tags;

/// All resources.
pub type Api = (
    auth::Auth,
    second_factor::SecondFactors,
    step_up::StepUps,
    factors::Factors,
    passkeys::Passkeys,
    payments::Payments,
);

#[derive(Tags)]
enum Tag {
    /// Sessions.
    Authentication,
    /// Authenticator apps, passkeys and recovery codes.
    Factors,
    /// Payments.
    Payments,
}
