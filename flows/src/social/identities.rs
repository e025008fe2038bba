use aggregates::{
    Actor, CredentialId, UserId,
    user::{self, Command, SessionEnd, User},
};
use store::{
    AppendError, Unit,
    authentications::{Action, Outcome},
    identities::{CLAIM, LinkedIdentity},
};

use super::{Destination, Return, arrive, depart};
use crate::{
    ATTEMPTS, Error, Origin, Principal, System, Written,
    factors::{Presence, presence, record},
    mail::{self, Letter},
    sessions,
};

/// The identities that a person can log in with.
pub async fn list(system: &System, user_id: UserId) -> Result<Vec<LinkedIdentity>, Error> {
    let person = system.store.load_latest::<User>(user_id).await?;
    let noted = system.store.noted_identities(user_id).await?;
    Ok(noted.into_iter().filter(|identity| person.identities().contains_key(&identity.identity_id)).collect())
}

/// The address at the provider to send a person to who wants to link an identity there. Only for somebody who has
/// logged in just now, or shows again who they are.
pub async fn start_linking(
    system: &System,
    principal: Principal,
    provider: &str,
    presence: Presence,
    origin: &Origin,
) -> Result<String, Error> {
    presence::shown(system, principal, presence, origin).await?;
    let Principal { user_id, session_id } = principal;
    depart(system, provider, Destination::Link { user_id, session_id }).await
}

/// Links the identity that the provider vouches for, in the session in which it was begun.
pub async fn complete_linking(
    system: &System,
    principal: Principal,
    provider: &str,
    back: Return,
    origin: &Origin,
) -> Result<Written<CredentialId>, Error> {
    let Principal { user_id, session_id } = principal;
    let vouched = arrive(system, provider, &back, &Destination::Link { user_id, session_id }).await;
    let linked = match vouched {
        Ok(vouched) => {
            let identity = system.store.external_id(&vouched.issuer, &vouched.subject);
            link(system, user_id, provider, identity, origin).await
        }
        Err(error) => Err(error),
    };
    let (outcome, reason) = match &linked {
        Ok(_) => (Outcome::Success, None),
        Err(error) => error.as_outcome(),
    };
    record(system, principal, Action::LinkIdentity, outcome, reason, origin).await?;
    if linked.is_ok() {
        mail::notify(system, user_id, Letter::IdentityLinked { provider }).await;
    }
    linked
}

async fn link(
    system: &System,
    user_id: UserId,
    provider: &str,
    identity: store::identities::ExternalId,
    origin: &Origin,
) -> Result<Written<CredentialId>, Error> {
    let store = &system.store;
    if store.identity_owner(&identity).await?.is_some_and(|owner| owner != user_id) {
        return Err(Error::IdentityTaken);
    }
    let identity_id = identity.at(user_id);
    let noted_at = store.note_identity(user_id, &identity, provider).await?;
    let _turn = system.turns.take(user_id).await;
    for _ in 0..ATTEMPTS {
        let person = store.load_latest::<User>(user_id).await?;
        let linking = Command::LinkIdentity { identity_id, provider: provider.to_owned(), now: crate::now() };
        let events = person.decide(linking)?;
        if events.is_empty() {
            return Ok(Written { value: identity_id, position: store.head().await? });
        }
        let unit = Unit::new(origin.context(Actor::Person(user_id))).stream(&person, events);
        match store.append(unit.claim(CLAIM, identity.key(), user_id.0)).await {
            Ok(appended) => {
                // The note may be an earlier link's, and about to go with it.
                if let Err(error) = store.linked_identity(user_id, &identity, provider).await {
                    tracing::warn!(%error, %user_id, "a linked identity is missing in its owner's list");
                }
                return Ok(Written { value: identity_id, position: appended.position });
            }
            Err(AppendError::Conflict) => {}
            Err(AppendError::Taken) => {
                store.forget_identity(user_id, identity_id, noted_at).await?;
                return Err(Error::IdentityTaken);
            }
            Err(error) => return Err(error.into()),
        }
    }
    Err(Error::Conflict)
}

/// Takes a way in away, if another is left, and ends all other sessions: whoever came that way is not let stay. Only
/// for somebody who has logged in just now, or shows again who they are.
pub async fn unlink(
    system: &System,
    principal: Principal,
    identity_id: CredentialId,
    presence: Presence,
    origin: &Origin,
) -> Result<Written<()>, Error> {
    let (store, Principal { user_id, session_id }) = (&system.store, principal);
    let noted = store.external_id_of(user_id, identity_id).await?;
    let (identity, noted_at) = noted.ok_or(user::Error::NoSuchIdentity)?;
    presence::shown(system, principal, presence, origin).await?;
    let has_password = store.has_password(user_id).await?;
    let _turn = system.turns.take(user_id).await;
    for _ in 0..ATTEMPTS {
        let person = store.load_latest::<User>(user_id).await?;
        let now = crate::now();
        let mut events = person.decide(Command::UnlinkIdentity { identity_id, now })?;
        if !has_password && person.passkeys().is_empty() && person.identities().len() < 2 {
            return Err(Error::LastWayIn);
        }
        let (except, reason) = (Some(session_id), SessionEnd::CredentialsChanged);
        sessions::end_all_in_tables(system, user_id, except).await?;
        events.extend(person.decide(Command::CloseSessions { except, reason, now })?);
        let closed = events.iter().filter_map(sessions::closed).collect();
        let unit = Unit::new(origin.context(Actor::Person(user_id))).stream(&person, events);
        match store.append(unit.release(CLAIM, identity.key(), user_id.0)).await {
            Ok(appended) => {
                // One that was being opened meanwhile.
                sessions::end_in_tables(system, user_id, closed).await?;
                store.forget_identity(user_id, identity_id, noted_at).await?;
                record(system, principal, Action::UnlinkIdentity, Outcome::Success, None, origin).await?;
                let provider = person.identities().get(&identity_id).map_or("", String::as_str);
                mail::notify(system, user_id, Letter::IdentityUnlinked { provider }).await;
                return Ok(Written { value: (), position: appended.position });
            }
            Err(AppendError::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Error::Conflict)
}
