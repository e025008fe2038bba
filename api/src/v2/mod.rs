//! Version 2: the modern face over the same flows. Unknown fields are refused, money is minor units, payments need an
//! idempotency key. One file a resource.

mod auth;
mod payments;

use poem_openapi::Tags;

/// All resources.
pub type Api = (auth::Auth, payments::Payments);

#[derive(Tags)]
enum Tag {
    /// Sessions.
    Authentication,
    /// Payments.
    Payments,
}
