//! Version 1: the shapes that the mobile app was built against. Their fields keep name, type and meaning; new ones
//! may be added. One file a resource.

mod auth;
mod cards;
mod fraud;
mod kyc;
mod notifications;
mod overview;
mod payments;
mod refresh;
mod registration;
mod second_factor;
mod users;

use chrono::{DateTime, SecondsFormat, Utc};
use poem_openapi::Tags;
use serde::Serializer;

/// All resources.
pub type Api = (
    registration::Registration,
    auth::Auth,
    refresh::Refreshing,
    second_factor::SecondFactor,
    users::Users,
    overview::Me,
    kyc::Kyc,
    cards::Cards,
    payments::Payments,
    notifications::Notifications,
    fraud::Fraud,
);

#[derive(Tags)]
enum Tag {
    /// Accounts and sessions.
    Authentication,
    /// The caller's own profile.
    Users,
    /// Identity verification.
    Kyc,
    /// Virtual cards.
    Cards,
    /// Payments, listed as transactions.
    Payments,
    /// What the person was told.
    Notifications,
    /// For other services, by service token.
    Services,
}

/// Times as this version writes them: `2025-10-20T14:30:05Z`.
fn seconds<S: Serializer>(time: &DateTime<Utc>, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&time.to_rfc3339_opts(SecondsFormat::Secs, true))
}
