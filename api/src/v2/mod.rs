//! Version 2: the modern face over the same flows. Unknown fields are refused, money is minor units, payments need an
//! idempotency key. One file a resource.

mod admin;
mod api_keys;
mod audit;
mod auth;
mod payments;
mod sessions;
mod tokens;

use poem_openapi::Tags;

/// All resources.
pub type Api =
    (auth::Auth, tokens::Tokens, sessions::Sessions, payments::Payments, api_keys::ApiKeys, admin::Admin, audit::Audit);

#[derive(Tags)]
enum Tag {
    /// Sessions.
    Authentication,
    /// Payments.
    Payments,
    /// Keys for the caller's own programs.
    ApiKeys,
    /// Roles and sessions of others.
    Administration,
    /// What happened, for auditors and analysts.
    Audit,
}
