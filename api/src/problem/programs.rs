//! What programs get wrong: OAuth clients, and services that tell people something.

use aggregates::{client, notification};

use super::{
    Problem,
    domain::{conflict, not_found, unprocessable},
};

impl From<client::Error> for Problem {
    fn from(error: client::Error) -> Problem {
        let said = error.to_string();
        match error {
            client::Error::NotRegistered => not_found("client"),
            client::Error::AlreadyRegistered => conflict("client.already_registered", "The client is registered"),
            client::Error::NoRedirectUri
            | client::Error::UnwantedRedirectUri
            | client::Error::TooManyRedirectUris { .. }
            | client::Error::BadRedirectUri => {
                unprocessable("client.redirect_uris", "The addresses are not acceptable").field("redirect_uris", said)
            }
            client::Error::ScopeNotAllowed => {
                unprocessable("scope.not_allowed", "The right cannot be given to such a client").field("scopes", said)
            }
            client::Error::PublicClient => conflict("client.public", "A public client has no secret"),
            client::Error::TooManySecrets { .. } => {
                conflict("client.too_many_secrets", "Too many secrets").detail(said)
            }
            client::Error::NoSuchSecret => not_found("client_secret"),
            client::Error::Disabled => conflict("client.disabled", "The client is disabled"),
        }
    }
}

impl From<notification::Error> for Problem {
    fn from(error: notification::Error) -> Problem {
        match error {
            notification::Error::AlreadySent => {
                unprocessable("notification.key_reused", "The idempotency key belongs to another notification")
                    .detail("The first call with this key said something else. Use a fresh key.")
            }
        }
    }
}
