use aggregates::{ClientId, Permission, SessionId, UserId, client::ClientKind, user::SessionEnd};
use chrono::{DateTime, Utc};
use secrecy::SecretString;
use store::{
    authentications::{Action, Outcome},
    sessions::Session,
};

use super::{Authenticated, Refusal};
use crate::{Error, Origin, System, sessions};

/// What a token that is in force says (RFC 7662 §2.2).
pub struct Introspected {
    pub user_id: UserId,
    pub client_id: Option<ClientId>,
    pub scopes: Option<Vec<Permission>>,
    pub session: Session,
    /// Of a refresh token; none: the access token says it.
    pub expires_at: Option<DateTime<Utc>>,
}

/// Says of a token what it stands for, if it is in force and the client may know: its own tokens, and a service any,
/// since that is whom tokens are shown to. `access` is the session of the token, where it is a valid access token.
pub async fn introspect(
    system: &System,
    client: &Authenticated,
    token: &SecretString,
    access: Option<SessionId>,
) -> Result<Option<Introspected>, Refusal> {
    if client.registration.kind == ClientKind::Public {
        return Err(Refusal::InvalidClient);
    }
    let is_refresh_token = access.is_none();
    let (session, expires_at) = match access {
        Some(session_id) => (system.store.session(session_id).await?, None),
        None => {
            let held = system.store.session_by_refresh_token(token).await?.filter(|held| held.is_good);
            held.map(|held| (held.session, held.expires_at)).unzip()
        }
    };
    let may_know = |session: &Session| match client.registration.kind {
        ClientKind::Service => !is_refresh_token,
        ClientKind::Confidential | ClientKind::Public => session.client_id == Some(client.client_id),
    };
    Ok(session.filter(may_know).map(|session| Introspected {
        user_id: session.user_id,
        client_id: session.client_id,
        scopes: session.scopes.clone(),
        expires_at,
        session,
    }))
}

/// Ends the session of a token, if it is one of the client's own (RFC 7009); which it was. What is unknown, of somebody
/// else or over already is left as it is, without saying so.
pub async fn revoke(
    system: &System,
    client: &Authenticated,
    token: &SecretString,
    access: Option<SessionId>,
    origin: &Origin,
) -> Result<Option<SessionId>, Error> {
    let session = match access {
        Some(session_id) => system.store.session(session_id).await?,
        None => system.store.session_by_refresh_token(token).await?.map(|held| held.session),
    };
    let Some(session) = session.filter(|session| session.client_id == Some(client.client_id)) else { return Ok(None) };
    let Session { session_id, user_id, .. } = session;
    match client.registration.kind {
        // A service acts for itself: no person's stream knows the session.
        ClientKind::Service => sessions::end_in_tables(system, user_id, vec![session_id]).await?,
        ClientKind::Confidential | ClientKind::Public => {
            sessions::end(system, user_id, session_id, SessionEnd::LoggedOut, origin).await?;
        }
    }
    let mut entry = origin.authentication(Action::RevokeToken, Outcome::Success);
    entry.client_id = Some(client.client_id);
    entry.user_id = Some(user_id);
    entry.session_id = Some(session_id);
    system.store.record_authentication(&entry).await?;
    Ok(Some(session_id))
}
