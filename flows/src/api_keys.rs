//! API keys: issued to a person for their own programs, within rights that the person has.
//!
//! A key is ended like a session, and whoever caches sessions is told of it as of one: see [`as_session`].

use aggregates::{
    Actor, CredentialId, Permission, Role, SessionId, UserId,
    user::{self, Standing, User},
};
use chrono::{DateTime, Duration, Utc};
use secrecy::SecretString;
use store::{
    PersonalData,
    api_keys::{ApiKey, is_well_formed},
    authentications::{Action, Authentication, Outcome},
};

use crate::{Error, Origin, System, Written, people, sessions};

pub use store::api_keys::PREFIX;

const LONGEST_LABEL: usize = 100;
const LONGEST_LIFE_DAYS: u32 = 365;

/// A key that is wanted.
pub struct Wanted {
    /// What the person calls it.
    pub label: String,
    pub scopes: Vec<Permission>,
    /// 1 to 365.
    pub expires_in_days: u32,
}

/// A key without its secret.
pub struct Shown {
    pub key_id: CredentialId,
    pub label: String,
    pub scopes: Vec<Permission>,
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    pub last_used_at: Option<DateTime<Utc>>,
}

/// Who uses a key, and within what.
pub struct Holder {
    pub user_id: UserId,
    pub key_id: CredentialId,
    pub roles: Vec<Role>,
    pub scopes: Vec<Permission>,
    pub expires_at: DateTime<Utc>,
}

/// A key's place where sessions are cached. Ids are never shared between the two.
pub fn as_session(key_id: CredentialId) -> SessionId {
    SessionId(key_id.0)
}

/// Makes a key. Its scopes are among what the person's roles permit now and what may be handed to a program at all.
pub async fn issue(
    system: &System,
    user_id: UserId,
    wanted: Wanted,
    origin: &Origin,
) -> Result<Written<(Shown, SecretString)>, Error> {
    let Wanted { label, mut scopes, expires_in_days } = wanted;
    let label = label.trim().to_owned();
    if !(1..=LONGEST_LABEL).contains(&label.chars().count()) || label.contains(char::is_control) {
        return Err(Error::invalid("label", format!("has 1 to {LONGEST_LABEL} characters")));
    }
    if !(1..=LONGEST_LIFE_DAYS).contains(&expires_in_days) {
        return Err(Error::invalid("expires_in_days", format!("is 1 to {LONGEST_LIFE_DAYS}")));
    }
    scopes.sort_unstable();
    scopes.dedup();
    let (store, now) = (&system.store, crate::now());
    let key = ApiKey {
        key_id: CredentialId(store::new_id()),
        user_id,
        label: store.seal(user_id, PersonalData::ApiKeyLabel, &label).await?,
        scopes,
        created_at: now,
        expires_at: now + Duration::days(expires_in_days.into()),
        last_used_at: None,
    };
    // The row first: a key that the log does not know is one that nobody has.
    let secret = store.add_api_key(&key).await?;
    let ApiKey { key_id, scopes, expires_at, .. } = key;
    let issued = people::change(system, user_id, Actor::Person(user_id), origin, |person| {
        if !scopes.iter().all(|scope| person.roles().iter().any(|role| role.permits(*scope))) {
            return Err(user::Error::ScopeNotAllowed);
        }
        person.decide(user::Command::IssueApiKey { key_id, scopes: scopes.clone(), expires_at, now })
    });
    let position = match issued.await {
        Ok(written) => written.position,
        Err(error) => {
            // Where it is not known whether the log has it, nobody was given the key either.
            store.revoke_api_keys(user_id, &[key_id]).await?;
            return Err(error);
        }
    };
    record(system, origin, Action::IssueApiKey, user_id, key_id).await?;
    let shown = Shown { key_id, label, scopes, created_at: now, expires_at, last_used_at: None };
    Ok(Written { value: (shown, secret), position })
}

/// The person's keys, the newest first.
pub async fn list(system: &System, user_id: UserId) -> Result<Vec<Shown>, Error> {
    let mut shown = Vec::new();
    for key in system.store.api_keys(user_id).await? {
        let label = system.store.open(user_id, PersonalData::ApiKeyLabel, &key.label).await?;
        let ApiKey { key_id, scopes, created_at, expires_at, last_used_at, .. } = key;
        shown.push(Shown { key_id, label: label.to_string(), scopes, created_at, expires_at, last_used_at });
    }
    Ok(shown)
}

/// Ends a key. It is refused from the next request on. Where a crash came between the tables and the log, doing it
/// again brings the log after.
pub async fn revoke(
    system: &System,
    user_id: UserId,
    key_id: CredentialId,
    origin: &Origin,
) -> Result<Written<()>, Error> {
    let in_log = system.store.load_latest::<User>(user_id).await?.has_api_key(key_id);
    if end_in_tables(system, user_id, vec![key_id]).await?.is_empty() {
        if !in_log {
            return Err(Error::NotFound { what: "api_key" });
        }
        // Caches may have missed it, too.
        sessions::ended(system, move |_| async move { Ok(vec![as_session(key_id)]) }).await?;
    }
    record(system, origin, Action::RevokeApiKey, user_id, key_id).await?;
    people::change(system, user_id, Actor::Person(user_id), origin, |person| forget(person, &[key_id])).await
}

/// Ends all of a person's keys, in the tables alone: when the account closes, the log says all that there is to say.
pub async fn end_all(system: &System, user_id: UserId) -> Result<(), Error> {
    let keys = system.store.api_keys(user_id).await?;
    end_in_tables(system, user_id, keys.iter().map(|key| key.key_id).collect()).await.map(drop)
}

/// Ends the keys that have a scope which `roles` do not permit; those that were ended.
pub(crate) async fn end_beyond(system: &System, user_id: UserId, roles: &[Role]) -> Result<Vec<CredentialId>, Error> {
    let keys = system.store.api_keys(user_id).await?;
    let covered = |key: &ApiKey| key.scopes.iter().all(|scope| roles.iter().any(|role| role.permits(*scope)));
    let beyond: Vec<_> = keys.iter().filter(|key| !covered(key)).map(|key| key.key_id).collect();
    end_in_tables(system, user_id, beyond).await
}

/// Ends keys in the log, as far as it has them.
pub(crate) fn forget(person: &User, keys: &[CredentialId]) -> Result<Vec<user::Event>, user::Error> {
    let mut events = Vec::new();
    for key_id in keys {
        match person.decide(user::Command::RevokeApiKey { key_id: *key_id, now: crate::now() }) {
            Err(user::Error::NoSuchApiKey) => {}
            decided => events.extend(decided?),
        }
    }
    Ok(events)
}

/// Who holds a key, if it is one that is open and its account too.
pub async fn holder(system: &System, key: &SecretString) -> Result<Option<Holder>, Error> {
    if !is_well_formed(key) {
        return Ok(None);
    }
    let Some(key) = system.store.api_key(key).await? else { return Ok(None) };
    let person = system.store.load_latest::<User>(key.user_id).await?;
    if person.standing() != Standing::Open {
        return Ok(None);
    }
    let ApiKey { key_id, user_id, scopes, expires_at, .. } = key;
    Ok(Some(Holder { user_id, key_id, roles: person.roles().iter().copied().collect(), scopes, expires_at }))
}

/// Records that a key was used. Called as often as one likes, it leaves one entry an hour.
pub async fn note_use(system: &System, user_id: UserId, key_id: CredentialId, origin: &Origin) -> Result<(), Error> {
    let entry = entry(origin, Action::UseApiKey, user_id, key_id);
    Ok(system.store.note_api_key_use(user_id, key_id, &entry).await?)
}

async fn end_in_tables(system: &System, user_id: UserId, keys: Vec<CredentialId>) -> Result<Vec<CredentialId>, Error> {
    if keys.is_empty() {
        return Ok(keys);
    }
    let ended = sessions::ended(system, move |store| async move {
        let ended = store.revoke_api_keys(user_id, &keys).await?;
        Ok(ended.into_iter().map(as_session).collect())
    });
    Ok(ended.await?.into_iter().map(|id| CredentialId(id.0)).collect())
}

async fn record(
    system: &System,
    origin: &Origin,
    action: Action,
    user_id: UserId,
    key_id: CredentialId,
) -> Result<(), Error> {
    Ok(system.store.record_authentication(&entry(origin, action, user_id, key_id)).await?)
}

fn entry(origin: &Origin, action: Action, user_id: UserId, key_id: CredentialId) -> Authentication {
    Authentication {
        user_id: Some(user_id),
        session_id: Some(as_session(key_id)),
        ..origin.authentication(action, Outcome::Success)
    }
}
