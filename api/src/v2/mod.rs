//! Version 2: the modern face over the same flows. Unknown fields are refused, money is minor units, payments need an
//! idempotency key. One file a resource.

mod auth;
mod passwords;
mod payments;
mod registration;

use poem_openapi::Tags;

/// All resources.
pub type Api = (registration::Registration, auth::Auth, passwords::Passwords, payments::Payments);

#[derive(Tags)]
enum Tag {
    /// Accounts, passwords and sessions.
    Authentication,
    /// Payments.
    Payments,
}
