//! Passwords: which are acceptable, and how a person comes to another one.
//!
//! A new password, the end of the sessions that the old one opened, and the end of what was mailed to reset it are one
//! step in the tables, before the event is appended. The other way round, a crash between the two would leave a log
//! that says the password was changed, and an old password that still opens the account. As it is, a crash leaves a
//! change without its event, marked as unrecorded, and a worker appends it ([`record`]).
//!
//! The moment in the table is the event's own. It tells replacements apart: none is recorded twice, and of two close
//! together the event of the first does not take the mark of the second away.

mod policy;

use std::{collections::BTreeMap, path::PathBuf, time::Duration};

use aggregates::{
    Actor, Proof, Role, SessionId, UserId,
    user::{self, SessionEnd, Standing, User},
};
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use store::{
    Store,
    authentications::{Action, Outcome},
    one_time::Purpose,
    passwords::Replacement,
};

use crate::{
    Error, Origin, System, Written,
    accounts::{self, Account},
    evenly::evenly,
    lockout::{self, Tried},
    mail::{self, Letter},
    people, sessions,
};

pub(crate) use policy::LONGEST;
pub use policy::{Policy, Refusal};

/// Between two reset tokens that a stranger can cause by an address alone.
const BETWEEN_MAILS: Duration = Duration::from_secs(60);

/// Tries of a token with passwords that are not acceptable.
const ATTEMPTS_OF_A_TOKEN: u32 = 20;

#[derive(Clone, Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// A list of common passwords, one a line, in the place of the one that is built in.
    pub common_file: Option<PathBuf>,
    /// After how many days a password expires, by role; the shortest of a person's roles counts. None by default: NIST
    /// SP 800-63B-4 §3.1.1.2 advises against it, PCI DSS 8.3.9 may ask for it.
    pub expire_after_days: BTreeMap<Role, u32>,
}

/// Changes the password of somebody who is logged in and knows the old one. All other sessions end.
pub async fn change(
    system: &System,
    user_id: UserId,
    session_id: SessionId,
    (current, new): (SecretString, SecretString),
    origin: &Origin,
) -> Result<Written<()>, Error> {
    let mut entry = origin.authentication(Action::ChangePassword, Outcome::Success);
    (entry.user_id, entry.session_id) = (Some(user_id), Some(session_id));
    let changed = try_change(system, user_id, session_id, (current, new), origin).await;
    if let Err(error) = &changed {
        (entry.outcome, entry.reason) = error.as_outcome();
    }
    system.store.record_authentication(&entry).await?;
    changed
}

async fn try_change(
    system: &System,
    user_id: UserId,
    session_id: SessionId,
    (current, new): (SecretString, SecretString),
    origin: &Origin,
) -> Result<Written<()>, Error> {
    prove(system, user_id, current, origin).await?;
    acceptable(system, user_id, &new).await?;
    replace(system, user_id, new, Replacement::Changed, Some(session_id), origin).await
}

/// Whether somebody who is logged in knows the account's password, braked as a login is. [`Error::WrongPassword`] if
/// not.
pub(crate) async fn prove(
    system: &System,
    user_id: UserId,
    password: SecretString,
    origin: &Origin,
) -> Result<(), Error> {
    let tried = Tried::password(system, user_id, origin);
    lockout::admit(system, &tried).await?;
    let possible = password.expose_secret().len() <= LONGEST;
    if !(possible && system.store.check_password(Some(user_id), password).await?) {
        lockout::failed(system, &tried).await?;
        return Err(Error::WrongPassword);
    }
    lockout::succeeded(system, &tried).await
}

/// Mails a token to set a new password, where there is such an account. Nobody is told whether there is.
pub async fn request_reset(system: &System, email: &str, origin: &Origin) -> Result<(), Error> {
    let email = accounts::normalised_email(email)?;
    evenly(system.settings.answer_tick(), async {
        let index = system.store.email_index(&email);
        let known = system.store.account_by_email(&index).await?;
        let mut entry = origin.authentication(Action::RequestPasswordReset, Outcome::Failure);
        (entry.user_id, entry.subject, entry.reason) = (known, Some(index), Some("no_account"));
        if let Some(user_id) = known {
            let person = system.store.load_latest::<User>(user_id).await?;
            if person.standing() == Standing::Open {
                mail_reset(system, user_id, |token| Letter::ResetPassword { token }).await?;
                (entry.outcome, entry.reason) = (Outcome::Success, None);
            }
        }
        Ok(system.store.record_authentication(&entry).await?)
    })
    .await
}

/// Mails a token, which voids older ones; unless one was mailed just now.
async fn mail_reset(
    system: &System,
    user_id: UserId,
    letter: impl for<'a> FnOnce(&'a SecretString) -> Letter<'a>,
) -> Result<(), Error> {
    let (store, purpose) = (&system.store, Purpose::ResetPassword);
    if store.has_recent_one_time(purpose, user_id, BETWEEN_MAILS).await? {
        return Ok(());
    }
    store.void_one_time(purpose, user_id).await?;
    let token = store.issue_one_time(purpose, Some(user_id), &[], mail::RESET_WITHIN).await?;
    mail::queue(system, user_id, letter(&token)).await
}

/// Sets a new password with a token that was mailed. All sessions end, second factors stay (OWASP ASVS 5.0 §6.4.3).
/// A password that is not acceptable does not use the token up.
pub async fn complete_reset(
    system: &System,
    token: &SecretString,
    new: SecretString,
    origin: &Origin,
) -> Result<Written<()>, Error> {
    let mut entry = origin.authentication(Action::ResetPassword, Outcome::Success);
    let found = system.store.attempt_one_time(Purpose::ResetPassword, token, ATTEMPTS_OF_A_TOKEN).await?;
    entry.user_id = found.and_then(|found| found.user_id);
    let reset = async {
        let user_id = entry.user_id.ok_or(Error::BadToken)?;
        if system.store.load_latest::<User>(user_id).await?.standing() != Standing::Open {
            return Err(Error::BadToken);
        }
        acceptable(system, user_id, &new).await?;
        // Where two use it at once, one of them voids it for the other.
        replace(system, user_id, new, Replacement::Reset, None, origin).await
    };
    let reset = reset.await;
    if let Err(error) = &reset {
        (entry.outcome, entry.reason) = error.as_outcome();
    }
    system.store.record_authentication(&entry).await?;
    reset
}

/// Whether the person may have this password.
async fn acceptable(system: &System, user_id: UserId, password: &SecretString) -> Result<(), Error> {
    let Account { email, first_name, last_name, .. } = accounts::account_from_log(system, user_id).await?;
    system.passwords.check(password, &[&email, &first_name, &last_name])?;
    match system.store.is_recent_password(user_id, password.clone()).await? {
        true => Err(Refusal::Reused.into()),
        false => Ok(()),
    }
}

/// Tables first, then the log. [`Error::BadToken`] where a reset's token was void by now.
async fn replace(
    system: &System,
    user_id: UserId,
    password: SecretString,
    replacement: Replacement,
    except: Option<SessionId>,
    origin: &Origin,
) -> Result<Written<()>, Error> {
    let hashed = system.store.hash_password(password).await?;
    let at = crate::now();
    let work =
        move |store: Store| async move { store.replace_password(user_id, &hashed, (replacement, at), except).await };
    sessions::ended(system, work).await?;
    // Whatever happens to the log now, the password is another one, and a worker makes up for the rest.
    append(system, user_id, (replacement, at), except, origin).await.or_else(|error| {
        tracing::error!(%error, %user_id, "a password was replaced without its event; a worker goes on");
        Ok(Written { value: (), position: 0 })
    })
}

async fn append(
    system: &System,
    user_id: UserId,
    (replacement, at): (Replacement, DateTime<Utc>),
    except: Option<SessionId>,
    origin: &Origin,
) -> Result<Written<()>, Error> {
    let written = sessions::closing(system, user_id, Actor::Person(user_id), origin, |person| {
        let (reason, now) = (SessionEnd::CredentialsChanged, crate::now());
        people::in_turn(person, [command(replacement, at), user::Command::CloseSessions { except, reason, now }])
    });
    let Written { position, .. } = written.await?;
    tell(system, user_id, at).await?;
    Ok(Written { value: (), position })
}

fn command(replacement: Replacement, at: DateTime<Utc>) -> user::Command {
    match replacement {
        Replacement::Changed => user::Command::ChangePassword { now: at },
        Replacement::Reset => user::Command::ResetPassword { now: at },
    }
}

/// The letter first: whoever hangs up in between does not keep it from being sent.
async fn tell(system: &System, user_id: UserId, at: DateTime<Utc>) -> Result<(), Error> {
    mail::queue(system, user_id, Letter::PasswordChanged).await?;
    Ok(system.store.password_recorded(user_id, at).await?)
}

/// Appends the event of a replacement that a crash has left without, and writes to the person. Sessions that the tables
/// ended are not closed in the log by this: which of them was to stay is not known any more, and they expire there as
/// all do.
pub async fn record(system: &System, user_id: UserId, origin: &Origin) -> Result<(), Error> {
    let Some((replacement, at)) = system.store.unrecorded_password(user_id).await? else { return Ok(()) };
    let appended = people::change(system, user_id, Actor::System("passwords"), origin, |person| {
        person.decide(command(replacement, at))
    });
    match appended.await {
        Ok(_) => tell(system, user_id, at).await,
        // A closed account's password does not matter any more.
        Err(Error::User(user::Error::Closed)) => Ok(system.store.password_recorded(user_id, at).await?),
        Err(error) => Err(error),
    }
}

/// Refuses somebody who comes by a password that is older than their roles allow, and mails them the way to a new one.
/// Called when everything else was right.
pub(crate) async fn refuse_expired(
    system: &System,
    user_id: UserId,
    person: &User,
    proofs: &[Proof],
) -> Result<(), Error> {
    let days = &system.settings.passwords.expire_after_days;
    let allowed = person.roles().iter().filter_map(|role| days.get(role)).min();
    let Some(days) = allowed.filter(|_| proofs.contains(&Proof::Password)) else { return Ok(()) };
    let set_at = system.store.password_set_at(user_id).await?;
    if set_at.is_none_or(|set_at| crate::now() - set_at < chrono::Duration::days((*days).into())) {
        return Ok(());
    }
    mail_reset(system, user_id, |token| Letter::PasswordExpired { token }).await?;
    Err(Error::PasswordExpired)
}
