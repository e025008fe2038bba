//! Version 2: the modern face over the same flows. Unknown fields are refused, money is minor units, payments need an
//! idempotency key. One file a resource.

mod account;
mod auth;
mod me;
mod payments;
mod users;

use poem_openapi::Tags;

/// All resources.
pub type Api = (auth::Auth, me::Me, account::Account, users::Users, payments::Payments);

#[derive(Tags)]
enum Tag {
    /// Sessions.
    Authentication,
    /// The caller's own account.
    Account,
    /// Accounts of others.
    Users,
    /// Payments.
    Payments,
}
