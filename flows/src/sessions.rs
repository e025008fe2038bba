//! Sessions: opened at login, carried on by refresh tokens, ended by their owner, an operator or a thief's mistake.
//!
//! The tables are changed first and the log second when a session ends, the other way round never: whatever fails, a
//! session that should have ended has. Whoever caches sessions is told in the same step as the tables, on a task of
//! its own, so that a client that hangs up cannot come between.

mod list;
mod refresh;

use std::{future::Future, pin::Pin, sync::Arc};

use aggregates::{
    Actor, ClientId, Permission, Proof, Role, SessionId, UserId,
    client::{self, Client},
    user::{self, SessionEnd, User},
};
use chrono::{DateTime, Duration, Utc};
use secrecy::SecretString;
use store::{AppendError, Store, Unit, sessions::Session};

use crate::{ATTEMPTS, Error, Origin, System, Written, apart, people};

pub use list::{Device, Listed, devices, list, revoke, revoke_all, revoke_device};
pub use refresh::{Refreshed, refresh};

/// Who wants in, and how they proved who they are.
pub struct Opening {
    pub user_id: UserId,
    pub proofs: Vec<Proof>,
    pub device_id: Option<String>,
    /// When the password that was shown had been set; none: it was no proof, or is looked at elsewhere.
    pub password_set_at: Option<DateTime<Utc>>,
    /// The program that will act for the person, and within which rights; none: our own app.
    pub client: Option<(ClientId, Vec<Permission>)>,
}

/// A session, and what its access token will say.
pub struct Opened {
    pub session: Session,
    pub roles: Vec<Role>,
    pub refresh_token: SecretString,
}

/// Whoever remembers sessions beside the tables.
pub trait SessionCache: Send + Sync {
    /// Called with what PostgreSQL has ended. Done when requests of these sessions are refused.
    fn forget(self: Arc<Self>, ended: Vec<SessionId>) -> Pin<Box<dyn Future<Output = ()> + Send>>;
}

/// When somebody proved who they are, and for how long that is to serve.
pub(crate) struct Terms {
    pub session_id: SessionId,
    pub auth_time: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    /// None: the session has no refresh token.
    pub refreshable_until: Option<DateTime<Utc>>,
}

/// A session that was opened on its own terms.
pub(crate) struct OpenedOn {
    pub session: Session,
    pub roles: Vec<Role>,
    pub refresh_token: Option<SecretString>,
}

/// Opens a session for somebody whose proofs were checked.
pub async fn open(system: &System, opening: Opening, origin: &Origin) -> Result<Written<Opened>, Error> {
    let now = crate::now();
    let terms = Terms {
        session_id: SessionId(store::new_id()),
        auth_time: now,
        expires_at: now + Duration::days(system.settings.session_days.into()),
        refreshable_until: Some(now + Duration::days(system.settings.refresh_days.into())),
    };
    let Written { value: opened, position } = open_on(system, opening, terms, origin).await?;
    let OpenedOn { session, roles, refresh_token } = opened;
    let refresh_token = refresh_token.ok_or_else(|| Error::Internal("a session without its refresh token".into()))?;
    Ok(Written { value: Opened { session, roles, refresh_token }, position })
}

/// Opens a session on terms of its own. One for a client is opened only if the client may still act, and within what
/// the person has consented to, as both are at the moment of the append.
pub(crate) async fn open_on(
    system: &System,
    opening: Opening,
    terms: Terms,
    origin: &Origin,
) -> Result<Written<OpenedOn>, Error> {
    let Opening { user_id, proofs, device_id, password_set_at, client } = opening;
    let Terms { session_id, auth_time, expires_at, refreshable_until } = terms;
    let (client_id, scopes) = client.unzip();
    let session = Session { session_id, user_id, device_id, auth_time, expires_at, proofs, client_id, scopes };
    // The row first: a session that the log does not know is one whose token nobody has.
    let refresh_token = system.store.open_session(&session, refreshable_until).await?;
    match append_opening(system, &session, password_set_at, origin).await {
        Ok(Written { value: roles, position }) => {
            Ok(Written { value: OpenedOn { session, roles, refresh_token }, position })
        }
        Err(error) => {
            // Whatever the log has by now, nobody gets this session's tokens.
            end_in_tables(system, user_id, vec![session_id]).await?;
            Err(error)
        }
    }
}

/// Puts a session whose row is there into the log; the roles that its person has.
async fn append_opening(
    system: &System,
    session: &Session,
    password_set_at: Option<DateTime<Utc>>,
    origin: &Origin,
) -> Result<Written<Vec<Role>>, Error> {
    let (store, Session { session_id, user_id, expires_at, .. }) = (&system.store, session);
    let (session_id, user_id, expires_at) = (*session_id, *user_id, *expires_at);
    let _turn = system.turns.take(user_id).await;
    for _ in 0..ATTEMPTS {
        let person = store.load::<User>(user_id).await?;
        // A factor may have come between the check of the proofs and now.
        if person.has_second_factor() && !Proof::are_two_factors(&session.proofs) {
            return Err(Error::Conflict);
        }
        let mut unit = Unit::new(origin.context(Actor::Person(user_id)));
        if let Some(client_id) = session.client_id {
            let client = store.load::<Client>(client_id).await?;
            permitted(&person, &client, client_id, session.scopes.as_deref())?;
            unit = unit.stream(&client, vec![]);
        }
        let events = person.decide(user::Command::OpenSession {
            session_id,
            device_id: session.device_id.clone(),
            now: crate::now(),
            expires_at,
        })?;
        end_in_tables(system, user_id, events.iter().filter_map(closed).collect()).await?;
        let roles = person.roles().iter().copied().collect();
        match store.append(unit.stream(&person, events)).await {
            Ok(appended) => {
                if password_set_at.is_some() && store.password_set_at(user_id).await? != password_set_at {
                    // Replaced since it was checked: whoever replaced it has ended what was open by then.
                    end(system, user_id, session_id, SessionEnd::CredentialsChanged, origin).await?;
                    return Err(Error::BadCredentials);
                }
                return Ok(Written { value: roles, position: appended.position });
            }
            Err(AppendError::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Error::Conflict)
}

/// Whether a client may act for a person within `scopes`.
fn permitted(person: &User, client: &Client, id: ClientId, scopes: Option<&[Permission]>) -> Result<(), Error> {
    client.active().ok_or(client::Error::Disabled)?;
    let consented = person.consents().get(&id).ok_or(user::Error::NoSuchConsent)?;
    let covered = scopes.is_some_and(|scopes| scopes.iter().all(|scope| consented.contains(scope)));
    if covered { Ok(()) } else { Err(user::Error::NoSuchConsent.into()) }
}

/// Ends a session. Its tokens are refused from the next request on; ending it again changes nothing.
pub async fn end(
    system: &System,
    user_id: UserId,
    session_id: SessionId,
    reason: SessionEnd,
    origin: &Origin,
) -> Result<Written<()>, Error> {
    end_by(system, Actor::Person(user_id), user_id, session_id, reason, origin).await
}

async fn end_by(
    system: &System,
    actor: Actor,
    user_id: UserId,
    session_id: SessionId,
    reason: SessionEnd,
    origin: &Origin,
) -> Result<Written<()>, Error> {
    end_in_tables(system, user_id, vec![session_id]).await?;
    people::change(system, user_id, actor, origin, |person| {
        match person.decide(user::Command::CloseSession { session_id, reason, now: crate::now() }) {
            Err(user::Error::NoSuchSession) => Ok(vec![]),
            decided => decided,
        }
    })
    .await
}

/// Ends all of a person's sessions but one, or all of them; those that the log had open.
pub async fn end_all(
    system: &System,
    user_id: UserId,
    except: Option<SessionId>,
    reason: SessionEnd,
    origin: &Origin,
) -> Result<Written<Vec<SessionId>>, Error> {
    end_all_by(system, Actor::Person(user_id), user_id, except, reason, origin).await
}

/// As [`end_all`], when somebody else than the person ends them.
pub(crate) async fn end_all_by(
    system: &System,
    actor: Actor,
    user_id: UserId,
    except: Option<SessionId>,
    reason: SessionEnd,
    origin: &Origin,
) -> Result<Written<Vec<SessionId>>, Error> {
    end_all_in_tables(system, user_id, except).await?;
    closing(system, user_id, actor, origin, |person| {
        person.decide(user::Command::CloseSessions { except, reason, now: crate::now() })
    })
    .await
}

/// As [`people::change`], for events that close sessions: those end in the tables once more, by name, since a login
/// that overlapped may have written its row after the tables were gone over and its event before these. Which they
/// were.
pub(crate) async fn closing<E>(
    system: &System,
    user_id: UserId,
    actor: Actor,
    origin: &Origin,
    decide: impl Fn(&User) -> Result<Vec<user::Event>, E>,
) -> Result<Written<Vec<SessionId>>, Error>
where
    Error: From<E>,
{
    let Written { value: events, position } = people::decided(system, user_id, actor, origin, decide).await?;
    Ok(Written { value: end_closed(system, user_id, &events).await?, position })
}

/// Ends the sessions that these events close in the tables; which they are.
pub(crate) async fn end_closed(
    system: &System,
    user_id: UserId,
    events: &[user::Event],
) -> Result<Vec<SessionId>, Error> {
    let ended: Vec<SessionId> = events.iter().filter_map(closed).collect();
    end_in_tables(system, user_id, ended.clone()).await?;
    Ok(ended)
}

pub(crate) async fn end_in_tables(system: &System, user_id: UserId, ids: Vec<SessionId>) -> Result<(), Error> {
    if ids.is_empty() {
        return Ok(());
    }
    let work = move |store: Store| async move { store.revoke_sessions(user_id, &ids).await.map(|()| ids) };
    ended(system, work).await.map(drop)
}

pub(crate) async fn end_all_in_tables(
    system: &System,
    user_id: UserId,
    except: Option<SessionId>,
) -> Result<Vec<SessionId>, Error> {
    ended(system, move |store| async move { store.revoke_sessions_of(user_id, except).await }).await
}

/// Runs `work` and tells the cache what it has ended, both whether or not the caller still waits.
pub(crate) async fn ended<F, W>(system: &System, work: W) -> Result<Vec<SessionId>, Error>
where
    W: FnOnce(Store) -> F + Send + 'static,
    F: Future<Output = Result<Vec<SessionId>, store::Error>> + Send + 'static,
{
    let (store, cache) = (system.store.clone(), system.session_cache.clone());
    apart(async move {
        let ids = work(store).await?;
        if let Some(cache) = cache {
            cache.forget(ids.clone()).await;
        }
        Ok(ids)
    })
    .await
}

/// The session that an event closes.
pub(crate) fn closed(event: &user::Event) -> Option<SessionId> {
    if let user::Event::SessionClosed { session_id, .. } = event { Some(*session_id) } else { None }
}
