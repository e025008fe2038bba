//! Another e-mail address: asked for with the password or a step-up, confirmed from both mailboxes.
//!
//! Whether the new address has an account is not told to who asks, neither by the answer nor by what arrives in their
//! own mailbox: in that case the address's owner is told instead of being asked, and the change waits for ever for the
//! second confirmation.

use aggregates::{
    Actor, CredentialId, SessionId, UserId,
    user::{self, Mailbox, SessionEnd, User},
};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use store::{
    AppendError, Loaded, PersonalData, Store, Unit,
    authentications::{Action, Outcome},
    one_time::Purpose,
};

use super::{registration::tell_owner, text::normalised_email};
use crate::{
    ATTEMPTS, Error, Origin, Principal, System, Written,
    evenly::evenly,
    factors::{Presence, presence, record},
    mail::{self, EMAIL_CHANGE_WITHIN, Letter},
    sessions,
};

/// How often one token may be tried; it is used up only by success, so that an error on our side does not cost it.
const TRIES: u32 = 10;

/// What was mailed to the old address must not open the account any more.
const MAILED_BEFORE: [Purpose; 2] = [Purpose::ResetPassword, Purpose::VerifyEmail];

/// What a mailed token stands for.
#[derive(Serialize, Deserialize)]
struct Asked {
    change_id: CredentialId,
    mailbox: Mailbox,
    /// The session that asked, which stays open when the address changes.
    session_id: SessionId,
}

/// Where a confirmation has led.
pub struct Confirmed {
    pub user_id: UserId,
    /// Whether the address is changed. If not, the other mailbox has to confirm.
    pub is_changed: bool,
}

/// Asks for another address, in the place of a change that was asked for before.
pub async fn request(
    system: &System,
    principal: Principal,
    email: &str,
    presence: Presence,
    origin: &Origin,
) -> Result<Written<()>, Error> {
    let email = normalised_email(email)?;
    presence::owner(system, principal, presence, Action::ChangeEmail, origin).await?;
    evenly(system.settings.answer_tick(), ask(system, principal, &email, origin)).await
}

async fn ask(system: &System, principal: Principal, email: &str, origin: &Origin) -> Result<Written<()>, Error> {
    let (store, Principal { user_id, session_id }) = (&system.store, principal);
    let email_index = store.email_index(email);
    let sealed = store.seal(user_id, PersonalData::Email, email).await?;
    let change_id = CredentialId(store::new_id());
    let command = || user::Command::RequestEmailChange {
        change_id,
        email: sealed.clone(),
        email_index: email_index.clone(),
        now: crate::now(),
    };
    let written =
        crate::people::change(system, user_id, Actor::Person(user_id), origin, |person| person.decide(command()));
    let written = written.await?;

    // The same steps for an address that has an account and for one that has none, but for the last letter.
    store.void_one_time(Purpose::EmailChange, user_id).await?;
    let old = token(system, user_id, Asked { change_id, mailbox: Mailbox::Old, session_id }).await?;
    let new = token(system, user_id, Asked { change_id, mailbox: Mailbox::New, session_id }).await?;
    mail::queue(system, user_id, Letter::ConfirmEmailChange { mailbox: Mailbox::Old, token: &old }).await?;
    match store.account_by_email(&email_index).await? {
        None => {
            let letter = Letter::ConfirmEmailChange { mailbox: Mailbox::New, token: &new };
            mail::queue_to(system, user_id, email, letter).await?;
        }
        Some(owner) => tell_owner(system, owner).await?,
    }
    Ok(written)
}

async fn token(system: &System, user_id: UserId, asked: Asked) -> Result<SecretString, Error> {
    let data = serde_json::to_vec(&asked).map_err(|e| Error::Internal(e.into()))?;
    Ok(system.store.issue_one_time(Purpose::EmailChange, Some(user_id), &data, EMAIL_CHANGE_WITHIN).await?)
}

/// Confirms from one mailbox. The second of the two changes the address, unless somebody has taken it meanwhile, and
/// ends all sessions but the one that asked.
pub async fn confirm(system: &System, token: &SecretString, origin: &Origin) -> Result<Written<Confirmed>, Error> {
    let store = &system.store;
    let found = store.attempt_one_time(Purpose::EmailChange, token, TRIES).await?.ok_or(Error::BadToken)?;
    let user_id = found.user_id.ok_or(Error::BadToken)?;
    let asked: Asked = serde_json::from_slice(&found.data).map_err(|e| Error::Internal(e.into()))?;
    let old_address = old_address(system, user_id).await?;
    let (position, is_changed) = append(system, user_id, &asked, origin).await?;
    store.redeem_one_time(Purpose::EmailChange, token).await?;
    if is_changed {
        // What was asked for between the look at the tables and the change.
        for purpose in [Purpose::EmailChange].into_iter().chain(MAILED_BEFORE) {
            store.void_one_time(purpose, user_id).await?;
        }
        if let Err(error) = mail::queue_to(system, user_id, &old_address, Letter::EmailChanged).await {
            tracing::warn!(%error, %user_id, "a notice could not be queued");
        }
    }
    let principal = Principal { user_id, session_id: asked.session_id };
    let reason = if is_changed { "changed" } else { "confirmed_by_one" };
    record(system, principal, Action::ChangeEmail, Outcome::Success, Some(reason), origin).await?;
    Ok(Written { value: Confirmed { user_id, is_changed }, position })
}

async fn old_address(system: &System, user_id: UserId) -> Result<zeroize::Zeroizing<String>, Error> {
    let person = system.store.load_latest::<User>(user_id).await?;
    let email = person.email().ok_or(Error::BadToken)?;
    match system.store.open(user_id, PersonalData::Email, email).await {
        Err(store::Error::Erased) => Err(Error::BadToken),
        opened => Ok(opened?),
    }
}

/// The position, and whether the address is changed now.
async fn append(system: &System, user_id: UserId, asked: &Asked, origin: &Origin) -> Result<(i64, bool), Error> {
    let store = &system.store;
    for _ in 0..ATTEMPTS {
        let person = store.load_latest::<User>(user_id).await?;
        let command =
            user::Command::ConfirmEmailChange { change_id: asked.change_id, by: asked.mailbox, now: crate::now() };
        // A change that another one has replaced, or an account that has ended: the token is good for nothing.
        let events = match person.decide(command) {
            Err(user::Error::NoSuchEmailChange | user::Error::Closed) => return Err(Error::BadToken),
            decided => decided?,
        };
        if events.is_empty() {
            return Ok((store.head().await?, false));
        }
        let is_changed = events.iter().any(|event| matches!(event, user::Event::EmailChanged { .. }));
        let unit = Unit::new(origin.context(Actor::Person(user_id)));
        let (unit, closed) = match is_changed {
            true => changing(system, unit, &person, events, asked.session_id).await?,
            false => (unit.stream(&person, events), vec![]),
        };
        match store.append(unit).await {
            Ok(appended) => {
                // One that was being opened meanwhile.
                sessions::end_in_tables(system, user_id, closed).await?;
                return Ok((appended.position, is_changed));
            }
            Err(AppendError::Conflict) => {}
            Err(AppendError::Taken) => return Err(Error::EmailTaken),
            Err(error) => return Err(error.into()),
        }
    }
    Err(Error::Conflict)
}

/// The unit that changes the address and closes all sessions but `keep`, and which those are. They, and what was mailed
/// to the old address, end in the tables first: a crash before the append leaves an address that did not change and
/// somebody who logs in again, the other way round it would leave a thief logged in.
async fn changing(
    system: &System,
    unit: Unit,
    person: &Loaded<User>,
    mut events: Vec<user::Event>,
    keep: SessionId,
) -> Result<(Unit, Vec<SessionId>), Error> {
    let (user_id, except) = (UserId(person.id), Some(keep));
    let change = person.email_change().ok_or(user::Error::NoSuchEmailChange)?;
    // Before anything ends; the claim decides.
    if system.store.account_by_email(&change.email_index).await?.is_some_and(|owner| owner != user_id) {
        return Err(Error::EmailTaken);
    }
    let work = move |store: Store| async move { store.revoke_sessions_and_void(user_id, except, &MAILED_BEFORE).await };
    sessions::ended(system, work).await?;
    let (reason, now) = (SessionEnd::CredentialsChanged, crate::now());
    events.extend(person.decide(user::Command::CloseSessions { except, reason, now })?);
    let closed = events.iter().filter_map(sessions::closed).collect();
    Ok((moved(unit.stream(person, events), person)?, closed))
}

/// Claims the new address and gives the old one back, in the same transaction as the change.
fn moved(unit: Unit, person: &Loaded<User>) -> Result<Unit, Error> {
    let (Some(old), Some(change)) = (person.email_index(), person.email_change()) else {
        return Err(user::Error::NoSuchEmailChange.into());
    };
    let unit = unit.claim("email", change.email_index.0.as_bytes(), person.id);
    Ok(unit.release("email", old.0.as_bytes(), person.id))
}
