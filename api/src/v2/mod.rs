//! Version 2: the modern face over the same flows. Unknown fields are refused, money is minor units, payments need an
//! idempotency key. One file a resource.

mod auth;
mod clients;
mod consents;
mod factors;
mod identities;
mod passkeys;
mod payments;
mod proofs;
mod second_factor;
mod social;
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
    Programs,
);

/// What concerns programs of third parties and other providers' logins.
type Programs = (social::Social, identities::Identities, consents::Consents, clients::Clients);

#[derive(Tags)]
enum Tag {
    /// Sessions.
    Authentication,
    /// Authenticator apps, passkeys and recovery codes.
    Factors,
    /// Payments.
    Payments,
    /// How the caller logs in, and who else may act for them.
    Security,
    /// For those who run the programme.
    Administration,
}
