use std::time::Duration;

use aggregates::{
    ClientId, Permission, Proof, Role, SessionId, UserId,
    client::{Client, ClientKind},
};
use secrecy::SecretString;
use store::{
    authentications::{Action, Outcome},
    sessions::{RefreshToken, Session},
};

use super::{Authenticated, Granted, Refusal, scopes};
use crate::{
    Error, Origin, System,
    sessions::{self, Opened, Refreshed},
};

/// How a client says who it is (RFC 6749 §2.3.1).
pub struct Credentials {
    pub client_id: String,
    /// None: a public client.
    pub secret: Option<SecretString>,
}

/// Who the client is, if it is active and has shown what its kind has to show: a secret, or none.
pub async fn authenticate(
    system: &System,
    credentials: &Credentials,
    origin: &Origin,
) -> Result<Authenticated, Refusal> {
    let client_id = ClientId(credentials.client_id.parse().map_err(|_| Refusal::InvalidClient)?);
    let client = system.store.load_latest::<Client>(client_id).await?;
    let known = match (client.active().map(|registration| registration.kind), &credentials.secret) {
        (Some(ClientKind::Public), None) => true,
        (Some(ClientKind::Confidential | ClientKind::Service), Some(secret)) => {
            let shown = system.store.client_secret(client_id, secret).await?;
            shown.is_some_and(|secret_id| client.has_secret(secret_id))
        }
        _ => false,
    };
    match client.active().filter(|_| known) {
        Some(registration) => Ok(Authenticated { client_id, registration: registration.clone() }),
        None => {
            let mut entry = origin.authentication(Action::IssueToken, Outcome::Failure);
            // One that nobody has is no client's.
            entry.client_id = client.registration().map(|_| client_id);
            entry.reason = Some("client_not_authenticated");
            system.store.record_authentication(&entry).await?;
            Err(Refusal::InvalidClient)
        }
    }
}

/// A session for a service that acts for itself (RFC 6749 §4.4). It lasts for one access token, `lifetime`.
pub async fn client_credentials(
    system: &System,
    client: &Authenticated,
    scope: Option<&str>,
    lifetime: Duration,
    origin: &Origin,
) -> Result<Granted, Refusal> {
    if client.registration.kind != ClientKind::Service {
        return Err(Refusal::UnauthorizedClient);
    }
    let session = Session {
        session_id: SessionId(store::new_id()),
        // It acts for nobody but itself.
        user_id: UserId(client.client_id.0),
        device_id: None,
        auth_time: crate::now(),
        expires_at: crate::now() + lifetime,
        proofs: vec![Proof::Secret],
        client_id: Some(client.client_id),
        scopes: Some(narrowed(scope, &client.registration.scopes)?),
    };
    system.store.open_session(&session, None).await?;
    // Disabled since it was authenticated? Then this session may have come too late to be ended with the others.
    if system.store.load_latest::<Client>(client.client_id).await?.active().is_none() {
        sessions::end_in_tables(system, session.user_id, vec![session.session_id]).await?;
        return Err(Refusal::InvalidClient);
    }
    record(system, client, &session, origin).await?;
    Ok(Granted { session, roles: vec![Role::Service], refresh_token: None, nonce: None })
}

/// The next tokens for a refresh token (RFC 6749 §6), for all that was granted or for less. A second use ends the
/// session.
pub async fn refresh(
    system: &System,
    client: &Authenticated,
    token: &SecretString,
    scope: Option<&str>,
    origin: &Origin,
) -> Result<Granted, Refusal> {
    // Looked at before the token is used up: who asks for too much keeps it.
    let mut fewer = None;
    if scope.is_some()
        // A used one goes on: it ends the session, whatever is asked for with it.
        && let Some(RefreshToken { session, is_good: true, .. }) = system.store.session_by_refresh_token(token).await?
        && session.client_id == Some(client.client_id)
    {
        fewer = Some(narrowed(scope, session.scopes.as_deref().unwrap_or_default())?);
    }
    match sessions::refresh(system, token, Some(client.client_id), origin).await? {
        Refreshed::Session(opened) => {
            let Opened { mut session, roles, refresh_token, .. } = *opened;
            if fewer.is_some() {
                session.scopes = fewer;
            }
            Ok(Granted { session, roles, refresh_token: Some(refresh_token), nonce: None })
        }
        Refreshed::Reused => Err(Refusal::InvalidGrant),
        Refreshed::Refused => Err(Refusal::InvalidGrant),
    }
}

/// What was asked for, if all of it was granted; all that was granted, if nothing was asked for.
fn narrowed(asked: Option<&str>, granted: &[Permission]) -> Result<Vec<Permission>, Refusal> {
    let Some(asked) = asked else { return Ok(granted.to_vec()) };
    let asked = scopes(asked).ok_or(Refusal::InvalidScope)?;
    match !asked.is_empty() && asked.iter().all(|scope| granted.contains(scope)) {
        true => Ok(asked),
        false => Err(Refusal::InvalidScope),
    }
}

async fn record(system: &System, client: &Authenticated, session: &Session, origin: &Origin) -> Result<(), Error> {
    let mut entry = origin.authentication(Action::IssueToken, Outcome::Success);
    entry.client_id = Some(client.client_id);
    entry.session_id = Some(session.session_id);

    Ok(system.store.record_authentication(&entry).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scopes_become_fewer_and_never_more() {
        let granted = [Permission::CardsRead, Permission::PaymentsRead];
        let narrow = |asked| narrowed(asked, &granted).ok();
        assert_eq!(narrow(None), Some(granted.to_vec()));
        assert_eq!(narrow(Some("cards:read")), Some(vec![Permission::CardsRead]));
        assert_eq!(narrow(Some("payments:read  cards:read cards:read")), Some(granted.to_vec()));
        for more in ["", " ", "cards:write", "cards:read security:manage", "everything", "cards:read,payments:read"] {
            assert_eq!(narrow(Some(more)), None, "{more:?}");
        }
    }
}
