//! Opening an account, and proving that its address is one's own.
//!
//! The answer to a registration tells nothing about the address, by its content or by its time: what there is to tell
//! is mailed. Until somebody with access to the mailbox has confirmed it, an account cannot be used, and belongs to
//! nobody:
//!
//! - Whoever registers an address first may be a stranger who waits for its owner to register too and confirm
//!   (pre-hijacking). So when an unconfirmed address is registered again with *another* password, none counts any more:
//!   neither the first nor the second of the two can be known to be the owner's. After the confirmation the owner is
//!   mailed a token to choose one.
//! - With the same password it is the same person again, who mistyped a name or lost the mail.
//! - Every token that was mailed proves the same thing, access to the mailbox; so all of them stay good until one is
//!   used, and a stranger's repeated registrations void nothing.

use std::time::Duration;

use aggregates::{Actor, UserId, user};
use secrecy::SecretString;
use store::{
    AppendError, PersonalData, Unit,
    authentications::{Action, Outcome},
    one_time::Purpose,
    passwords::HashedPassword,
};

use super::{
    Account, account_from_log,
    text::{name, normalised_email},
};
use crate::{
    Error, Origin, System, Written,
    evenly::evenly,
    mail::{self, Letter},
    people,
};

/// Between two mails that a stranger can cause by an address alone.
const BETWEEN_MAILS: Duration = Duration::from_secs(2 * 60);

/// Uses of a token that is not void yet: a confirmation that failed half-way can be repeated.
const ATTEMPTS_OF_A_TOKEN: u32 = 20;

pub struct Registration {
    pub email: String,
    pub password: SecretString,
    pub first_name: String,
    pub last_name: String,
}

/// A registration that was found acceptable, whatever there is at its address.
struct Applicant {
    email: String,
    first_name: String,
    last_name: String,
    password: SecretString,
}

/// Opens an account, or writes to the owner of the address that there is one. Which of the two, nobody is told.
pub async fn register(system: &System, registration: Registration, origin: &Origin) -> Result<(), Error> {
    let applicant = Applicant {
        email: normalised_email(&registration.email)?,
        first_name: name("first_name", &registration.first_name)?,
        last_name: name("last_name", &registration.last_name)?,
        password: registration.password,
    };
    let Applicant { email, first_name, last_name, password } = &applicant;
    system.passwords.check(password, &[email, first_name, last_name])?;
    evenly(system.settings.answer_tick(), admit(system, &applicant, origin)).await
}

async fn admit(system: &System, applicant: &Applicant, origin: &Origin) -> Result<(), Error> {
    let store = &system.store;
    let index = store.email_index(&applicant.email);
    // Both are done for everybody, needed or not.
    let mut known = store.account_by_email(&index).await?;
    let same = store.check_password(known, applicant.password.clone()).await?;
    let hashed = store.hash_password(applicant.password.clone()).await?;
    let mut fresh = None;
    if known.is_none() {
        fresh = open(system, applicant, &hashed, origin).await?;
        // Somebody else was faster by a moment.
        known = if fresh.is_none() { store.account_by_email(&index).await? } else { None };
    }
    let mut entry = origin.authentication(Action::Register, Outcome::Success);
    entry.subject = Some(index);
    entry.user_id = fresh.or(known);
    if let Some(user_id) = fresh {
        mail_verification(system, user_id).await?;
    } else if let Some(user_id) = known {
        entry.outcome = Outcome::Failure;
        entry.reason = Some("address_known");
        again(system, user_id, applicant, same, origin).await?;
    }
    Ok(store.record_authentication(&entry).await?)
}

/// A new account; none if somebody has the address.
async fn open(
    system: &System,
    applicant: &Applicant,
    password: &HashedPassword,
    origin: &Origin,
) -> Result<Option<UserId>, Error> {
    let store = &system.store;
    let Applicant { email, first_name, last_name, .. } = applicant;
    let email_index = store.email_index(email);
    // Secrets first: without the event they are never found, with it they have to be there.
    let user_id = UserId(store::new_id());
    store.create_person_key(user_id).await?;
    store.set_password(user_id, password).await?;
    let command = user::Command::Register {
        email: store.seal(user_id, PersonalData::Email, email).await?,
        email_index: email_index.clone(),
        first_name: store.seal(user_id, PersonalData::FirstName, first_name).await?,
        last_name: store.seal(user_id, PersonalData::LastName, last_name).await?,
        now: crate::now(),
    };
    let person = store::Loaded::<user::User>::new(user_id);
    let events = person.decide(command)?;
    let unit = Unit::new(origin.context(Actor::Person(user_id))).stream(&person, events);
    match store.append(unit.claim("email", email_index.0.as_bytes(), user_id.0)).await {
        Ok(_) => Ok(Some(user_id)),
        Err(AppendError::Taken) => {
            store.discard_secrets(user_id).await?;
            Ok(None)
        }
        Err(error) => Err(Error::from(error).about(|| "/api/v1/auth/login".into())),
    }
}

/// The address has an account.
async fn again(
    system: &System,
    user_id: UserId,
    applicant: &Applicant,
    same_password: bool,
    origin: &Origin,
) -> Result<(), Error> {
    let store = &system.store;
    let person = store.load_latest::<user::User>(user_id).await?;
    if person.standing() != user::Standing::Open {
        return Ok(());
    }
    if person.is_email_verified() {
        return tell_owner(system, user_id).await;
    }
    if same_password {
        rename(system, user_id, applicant, origin).await?;
    } else {
        store.void_password(user_id).await?;
    }
    mail_verification(system, user_id).await
}

/// Writes to the owner of an address that somebody has used it, unless they were told just now.
pub(super) async fn tell_owner(system: &System, owner: UserId) -> Result<(), Error> {
    let (purpose, mark) = (Purpose::RegistrationNotice, BETWEEN_MAILS);
    if system.store.has_recent_one_time(purpose, owner, mark).await? {
        return Ok(());
    }
    system.store.issue_one_time(purpose, Some(owner), &[], mark).await?;
    mail::queue(system, owner, Letter::AlreadyRegistered).await
}

/// The same person wrote their name otherwise.
async fn rename(system: &System, user_id: UserId, applicant: &Applicant, origin: &Origin) -> Result<(), Error> {
    let account = account_from_log(system, user_id).await?;
    if (&account.first_name, &account.last_name) == (&applicant.first_name, &applicant.last_name) {
        return Ok(());
    }
    let first_name = system.store.seal(user_id, PersonalData::FirstName, &applicant.first_name).await?;
    let last_name = system.store.seal(user_id, PersonalData::LastName, &applicant.last_name).await?;
    people::change(system, user_id, Actor::Person(user_id), origin, |person| {
        let (first_name, last_name) = (first_name.clone(), last_name.clone());
        person.decide(user::Command::ChangeName { first_name, last_name, now: crate::now() })
    })
    .await
    .map(drop)
}

/// Mails a token to an unconfirmed address, unless one was mailed just now.
pub(crate) async fn mail_verification(system: &System, user_id: UserId) -> Result<(), Error> {
    let store = &system.store;
    if store.has_recent_one_time(Purpose::VerifyEmail, user_id, BETWEEN_MAILS).await? {
        return Ok(());
    }
    let token = store.issue_one_time(Purpose::VerifyEmail, Some(user_id), &[], mail::VERIFY_WITHIN).await?;
    mail::queue(system, user_id, Letter::VerifyEmail { token: &token }).await
}

/// Mails the token once more, where there is an account that waits for it. Nobody is told whether there is.
pub async fn resend_verification(system: &System, email: &str, origin: &Origin) -> Result<(), Error> {
    let email = normalised_email(email)?;
    evenly(system.settings.answer_tick(), async {
        let index = system.store.email_index(&email);
        let known = system.store.account_by_email(&index).await?;
        let mut entry = origin.authentication(Action::VerifyEmail, Outcome::Failure);
        (entry.user_id, entry.subject, entry.reason) = (known, Some(index), Some("nothing_to_verify"));
        if let Some(user_id) = known {
            let person = system.store.load_latest::<user::User>(user_id).await?;
            if person.standing() == user::Standing::Open && !person.is_email_verified() {
                mail_verification(system, user_id).await?;
                (entry.outcome, entry.reason) = (Outcome::Success, Some("asked_again"));
            }
        }
        Ok(system.store.record_authentication(&entry).await?)
    })
    .await
}

/// The address is confirmed: the account can be used.
pub async fn verify_email(system: &System, token: &SecretString, origin: &Origin) -> Result<Written<Account>, Error> {
    let store = &system.store;
    let mut entry = origin.authentication(Action::VerifyEmail, Outcome::Failure);
    let found = store.attempt_one_time(Purpose::VerifyEmail, token, ATTEMPTS_OF_A_TOKEN).await?;
    let Some(user_id) = found.and_then(|found| found.user_id) else {
        entry.reason = Some("bad_token");
        store.record_authentication(&entry).await?;
        return Err(Error::BadToken);
    };
    let verified = people::change(system, user_id, Actor::Person(user_id), origin, |person| {
        person.decide(user::Command::VerifyEmail { now: crate::now() })
    });
    let position = match verified.await {
        Ok(written) => written.position,
        Err(Error::User(user::Error::Closed)) => return Err(Error::BadToken),
        Err(error) => return Err(error),
    };
    // Only now: had the step before failed, the token would have to serve again.
    store.void_one_time(Purpose::VerifyEmail, user_id).await?;
    if store.password_set_at(user_id).await?.is_none() {
        let token = store.issue_one_time(Purpose::ResetPassword, Some(user_id), &[], mail::RESET_WITHIN).await?;
        mail::queue(system, user_id, Letter::ChoosePassword { token: &token }).await?;
    }
    (entry.outcome, entry.user_id) = (Outcome::Success, Some(user_id));
    store.record_authentication(&entry).await?;
    Ok(Written { value: account_from_log(system, user_id).await?, position })
}
