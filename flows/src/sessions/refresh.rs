//! The next tokens of a session, for a refresh token that counts once.

use aggregates::{
    Actor, ClientId,
    client::Client,
    user::{SessionEnd, Standing, User},
};
use chrono::Duration;
use secrecy::SecretString;
use store::{
    authentications::{Action, Authentication, Outcome},
    sessions::{RefreshToken, Rotation, Session},
};

use super::{Opened, end_by, permitted};
use crate::{Error, Origin, System};

/// Who ends a session whose refresh token was used twice.
const THEFT: Actor = Actor::System("token_reuse");

/// Why no new token was given.
pub enum Refreshed {
    Session(Box<Opened>),
    /// The token was used before; the whole session has ended.
    Reused,
    Refused,
}

/// Gives a session its next tokens, for a refresh token that counts once. A second use ends the session: one of the
/// two users has stolen it. What the person may do is read anew, so that no right outlives an access token.
pub async fn refresh(
    system: &System,
    token: &SecretString,
    client: Option<ClientId>,
    origin: &Origin,
) -> Result<Refreshed, Error> {
    let until = crate::now() + Duration::days(system.settings.refresh_days.into());
    // All that can fail comes before the token is used up: whoever is answered 503 may use it again.
    let Some(RefreshToken { session, .. }) = system.store.session_by_refresh_token(token).await? else {
        record(system, origin, None, Some("bad_refresh_token")).await?;
        return Ok(Refreshed::Refused);
    };
    let person = system.store.load_latest::<User>(session.user_id).await?;
    if person.standing() != Standing::Open || person.session(session.session_id).is_none() {
        record(system, origin, Some(&session), Some("session_ended")).await?;
        return Ok(Refreshed::Refused);
    }
    if let Some(client_id) = session.client_id {
        let program = system.store.load_latest::<Client>(client_id).await?;
        if permitted(&person, &program, client_id, session.scopes.as_deref()).is_err() {
            record(system, origin, Some(&session), Some("consent_withdrawn")).await?;
            return Ok(Refreshed::Refused);
        }
    }
    match system.store.rotate_refresh_token(token, client, until).await? {
        Rotation::Rotated(session, refresh_token) => {
            if let Err(error) = record(system, origin, Some(&session), None).await {
                tracing::error!(%error, session_id = %session.session_id, "a refresh is missing in the record");
            }
            let roles = person.roles().iter().copied().collect();
            Ok(Refreshed::Session(Box::new(Opened { session: *session, roles, refresh_token })))
        }
        Rotation::Reused(session) => {
            let theft = SessionEnd::TokenReused;
            let ended = end_by(system, THEFT, session.user_id, session.session_id, theft, origin).await;
            record(system, origin, Some(&session), Some("token_reused")).await?;
            ended?;
            Ok(Refreshed::Reused)
        }
        Rotation::Refused => {
            record(system, origin, None, Some("bad_refresh_token")).await?;
            Ok(Refreshed::Refused)
        }
    }
}

async fn record(
    system: &System,
    origin: &Origin,
    session: Option<&Session>,
    failure: Option<&'static str>,
) -> Result<(), Error> {
    let outcome = if failure.is_none() { Outcome::Success } else { Outcome::Failure };
    let entry = Authentication {
        reason: failure,
        user_id: session.map(|session| session.user_id),
        client_id: session.and_then(|session| session.client_id),
        session_id: session.map(|session| session.session_id),
        device_id: session.and_then(|session| session.device_id.clone()),
        ..origin.authentication(Action::Refresh, outcome)
    };
    Ok(system.store.record_authentication(&entry).await?)
}
