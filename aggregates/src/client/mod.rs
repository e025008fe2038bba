//! An OAuth client: a third party's program that acts for people, or a service that acts for itself.

mod commands;
mod errors;
mod events;
#[cfg(test)]
mod tests;

use serde::{Deserialize, Serialize};

use crate::{CredentialId, Kind, Permission, Role, aggregate::aggregate};

pub use commands::Command;
pub use errors::Error;
pub use events::{ClientKind, Event};

/// Where a client may have people sent back to, at most.
pub const MAX_REDIRECT_URIS: usize = 10;

/// The longest address to be sent back to, bytes.
pub const MAX_REDIRECT_URI_BYTES: usize = 512;

/// How many secrets a client may have at once: the old one and the one that follows it.
pub const MAX_SECRETS: usize = 2;

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Client {
    registration: Option<Registration>,
    secrets: Vec<CredentialId>,
    disabled: bool,
}

/// What a client is registered as.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registration {
    pub name: String,
    pub kind: ClientKind,
    pub redirect_uris: Vec<String>,
    pub scopes: Vec<Permission>,
}

aggregate!(Client, Kind::Client, snapshot_version = 1);

impl Client {
    /// The registration of a client that may still act.
    pub fn active(&self) -> Option<&Registration> {
        self.registration.as_ref().filter(|_| !self.disabled)
    }

    pub fn registration(&self) -> Option<&Registration> {
        self.registration.as_ref()
    }

    pub fn is_disabled(&self) -> bool {
        self.disabled
    }

    pub fn secrets(&self) -> &[CredentialId] {
        &self.secrets
    }

    pub fn has_secret(&self, secret_id: CredentialId) -> bool {
        self.secrets.contains(&secret_id)
    }

    pub fn decide(&self, command: Command) -> Result<Vec<Event>, Error> {
        let known = || self.registration.as_ref().ok_or(Error::NotRegistered);
        match command {
            Command::Register { name, kind, redirect_uris, scopes, now } => {
                let wanted = Registration { name, kind, redirect_uris, scopes };
                match &self.registration {
                    Some(registration) if *registration == wanted => return Ok(vec![]),
                    Some(_) => return Err(Error::AlreadyRegistered),
                    None => wanted.check()?,
                }
                let Registration { name, kind, redirect_uris, scopes } = wanted;
                Ok(vec![Event::Registered { name, kind, redirect_uris, scopes, at: now }])
            }
            Command::IssueSecret { secret_id, now } => {
                let registration = known()?;
                if self.has_secret(secret_id) {
                    return Ok(vec![]);
                }
                if self.disabled {
                    return Err(Error::Disabled);
                }
                if registration.kind == ClientKind::Public {
                    return Err(Error::PublicClient);
                }
                if self.secrets.len() >= MAX_SECRETS {
                    return Err(Error::TooManySecrets { limit: MAX_SECRETS });
                }
                Ok(vec![Event::SecretIssued { secret_id, at: now }])
            }
            Command::RevokeSecret { secret_id, now } => {
                known()?;
                match self.has_secret(secret_id) {
                    true => Ok(vec![Event::SecretRevoked { secret_id, at: now }]),
                    false => Err(Error::NoSuchSecret),
                }
            }
            Command::Disable { now } => {
                known()?;
                Ok(if self.disabled { vec![] } else { vec![Event::Disabled { at: now }] })
            }
        }
    }

    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::Registered { name, kind, redirect_uris, scopes, at: _ } => {
                self.registration = Some(Registration {
                    name: name.clone(),
                    kind: *kind,
                    redirect_uris: redirect_uris.clone(),
                    scopes: scopes.clone(),
                });
            }
            Event::SecretIssued { secret_id, at: _ } => self.secrets.push(*secret_id),
            Event::SecretRevoked { secret_id, at: _ } => self.secrets.retain(|known| known != secret_id),
            Event::Disabled { at: _ } => self.disabled = true,
        }
    }
}

impl Registration {
    fn check(&self) -> Result<(), Error> {
        let is_service = self.kind == ClientKind::Service;
        if is_service && !self.redirect_uris.is_empty() {
            return Err(Error::UnwantedRedirectUri);
        }
        if !is_service && self.redirect_uris.is_empty() {
            return Err(Error::NoRedirectUri);
        }
        if self.redirect_uris.len() > MAX_REDIRECT_URIS {
            return Err(Error::TooManyRedirectUris { limit: MAX_REDIRECT_URIS });
        }
        if !self.redirect_uris.iter().all(|uri| is_redirect_uri(uri)) {
            return Err(Error::BadRedirectUri);
        }
        let allowed = |scope: &Permission| match is_service {
            true => Role::Service.permits(*scope),
            false => scope.is_consentable(),
        };
        if self.scopes.iter().all(allowed) { Ok(()) } else { Err(Error::ScopeNotAllowed) }
    }
}

/// What holds for every address, whoever registers it: absolute, visible ASCII, not too long, without a fragment
/// (RFC 6749 §3.1.2), and encrypted on its way unless it stays on the device (RFC 9700 §2.6, RFC 8252 §7).
fn is_redirect_uri(uri: &str) -> bool {
    let Some((scheme, rest)) = uri.split_once(':') else { return false };
    let letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"+-.".contains(&byte);
    let sound = !rest.is_empty() && uri.len() <= MAX_REDIRECT_URI_BYTES && uri.bytes().all(|b| b.is_ascii_graphic());
    let leads_to_the_client = match scheme {
        "https" => true,
        "http" => rest.starts_with("//127.") || rest.starts_with("//[::1]"),
        // Its own scheme is a domain in reverse.
        own => own.contains('.') && own.starts_with(|c: char| c.is_ascii_lowercase()) && own.bytes().all(letter),
    };
    sound && !uri.contains('#') && leads_to_the_client
}
