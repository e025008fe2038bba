//! What people let third parties' programs do for them, and how they take it back.

use aggregates::{
    Actor, ClientId, Permission, SessionId, UserId,
    client::Client,
    user::{self, SessionEnd, User},
};

use crate::{Error, Origin, System, Written, people, sessions};

/// What a client may do for a person.
#[derive(Clone, Debug)]
pub struct Consent {
    pub client_id: ClientId,
    pub client_name: String,
    pub scopes: Vec<Permission>,
}

pub async fn list(system: &System, user_id: UserId) -> Result<Vec<Consent>, Error> {
    let person = system.store.load_latest::<User>(user_id).await?;
    let mut consents = Vec::with_capacity(person.consents().len());
    for (client_id, scopes) in person.consents() {
        let client = system.store.load::<Client>(*client_id).await?;
        let client_name = client.registration().map(|registration| registration.name.clone()).unwrap_or_default();
        consents.push(Consent { client_id: *client_id, client_name, scopes: scopes.clone() });
    }
    Ok(consents)
}

/// Adds to what a client may do. What it was allowed before stays allowed.
pub(crate) async fn grant(
    system: &System,
    user_id: UserId,
    client_id: ClientId,
    scopes: &[Permission],
    origin: &Origin,
) -> Result<Written<()>, Error> {
    people::change(system, user_id, Actor::Person(user_id), origin, |person| {
        let mut all = person.consents().get(&client_id).cloned().unwrap_or_default();
        all.extend(scopes);
        all.sort_unstable();
        all.dedup();
        person.decide(user::Command::GrantConsent { client_id, scopes: all, now: crate::now() })
    })
    .await
}

/// Whether a client may do all of this already.
pub(crate) fn covers(person: &User, client_id: ClientId, scopes: &[Permission]) -> bool {
    let consented = person.consents().get(&client_id);
    consented.is_some_and(|consented| scopes.iter().all(|scope| consented.contains(scope)))
}

/// Takes back all that a client may do. Its sessions for this person end; those that
/// did.
pub async fn withdraw(
    system: &System,
    user_id: UserId,
    client_id: ClientId,
    origin: &Origin,
) -> Result<Written<Vec<SessionId>>, Error> {
    let mut ended = end_sessions(system, user_id, client_id).await?;
    let written = people::change(system, user_id, Actor::Person(user_id), origin, |person| {
        let now = crate::now();
        let mut events = person.decide(user::Command::WithdrawConsent { client_id, now })?;
        let open = ended.iter().filter(|session_id| person.session(**session_id).is_some());
        for session_id in open {
            let (session_id, reason) = (*session_id, SessionEnd::ConsentWithdrawn);
            events.extend(person.decide(user::Command::CloseSession { session_id, reason, now })?);
        }
        Ok::<_, Error>(events)
    })
    .await?;
    // Once more: a session that was being opened meanwhile is found here, or meets the event.
    ended.extend(end_sessions(system, user_id, client_id).await?);
    Ok(Written { value: ended, position: written.position })
}

async fn end_sessions(system: &System, user_id: UserId, client_id: ClientId) -> Result<Vec<SessionId>, Error> {
    sessions::ended(system, move |store| async move { store.revoke_sessions_for(client_id, user_id).await }).await
}
