use std::time::Duration;

use aggregates::{
    Proof, UserId,
    user::{Standing, User},
};
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use store::{
    authentications::{Action, Authentication, Outcome},
    one_time::Purpose,
    sessions::Session,
};
use uuid::Uuid;

use super::{LoggedIn, account_from_log, registration::mail_verification, text::normalised_email};
use crate::{
    Error, Origin, System, Written,
    lockout::{self, Tried},
    mail::{self, Letter},
    passwords,
    sessions::{self, Opening},
};

/// Characters of what was tried as an address that count.
const LONGEST_TRIED: usize = 254;

/// How long a login may wait for its second factor.
const SECOND_FACTOR_WITHIN: Duration = Duration::from_secs(5 * 60);

pub struct Login {
    pub email: String,
    pub password: SecretString,
    pub device_id: Option<String>,
}

/// Where a login leads.
pub enum Entry {
    Open(Box<LoggedIn>),
    /// The account has a second factor, which is asked for before anything is given out.
    SecondFactor(Pending),
}

/// A login that waits for its second factor.
pub struct Pending {
    /// Redeemed together with the second proof.
    pub ticket: SecretString,
    pub expires_in: Duration,
    pub totp: bool,
    pub passkey: bool,
    pub recovery_code: bool,
}

impl Pending {
    /// What the account has, by name.
    pub fn factors(&self) -> Vec<&'static str> {
        let factors = [(self.totp, "totp"), (self.passkey, "passkey"), (self.recovery_code, "recovery_code")];
        factors.into_iter().filter_map(|(there, name)| there.then_some(name)).collect()
    }
}

/// What a ticket stands for.
#[derive(Serialize, Deserialize)]
pub(crate) struct HalfDone {
    pub proven: Proven,
    pub device_id: Option<String>,
}

/// How somebody has proven who they are.
#[derive(Serialize, Deserialize)]
pub(crate) struct Proven {
    pub proofs: Vec<Proof>,
    /// When the password that was right had been set: another one since then makes it wrong.
    pub password_set_at: Option<DateTime<Utc>>,
}

impl Proven {
    /// By something else than the password.
    pub fn by(proof: Proof) -> Proven {
        Proven { proofs: vec![proof], password_set_at: None }
    }
}

/// Checks the password, always and first. An account with a second factor is then asked for it. `place` is taken in
/// between: a right password for which there is none is refused while nothing has changed yet.
pub async fn login<P: Send>(
    system: &System,
    login: Login,
    place: impl FnOnce() -> Result<P, Error> + Send,
    origin: &Origin,
) -> Result<(Written<Entry>, P), Error> {
    check_device(login.device_id.as_deref())?;
    let mut entry = origin.authentication(Action::LogIn, Outcome::Success);
    entry.device_id.clone_from(&login.device_id);
    let entered = async {
        let (user_id, proven) = prove(system, &login.email, login.password, origin, &mut entry).await?;
        let place = place()?;
        Ok((enter(system, user_id, proven, login.device_id, origin).await?, place))
    };
    let entered = entered.await;
    concluded(&mut entry, entered.as_ref().map(|(written, _)| &written.value));
    system.store.record_authentication(&entry).await?;
    entered
}

/// How a login stands in the record.
pub(crate) fn concluded(entry: &mut Authentication, entered: Result<&Entry, &Error>) {
    match entered {
        Ok(Entry::Open(inside)) => entry.session_id = Some(inside.opened.session.session_id),
        Ok(Entry::SecondFactor(_)) => entry.reason = Some("second_factor_next"),
        Err(error) => (entry.outcome, entry.reason) = error.as_outcome(),
    }
}

pub(crate) fn check_device(device_id: Option<&str>) -> Result<(), Error> {
    match device_id.is_some_and(|id| id.is_empty() || id.len() > 128 || id.contains(char::is_control)) {
        true => Err(Error::invalid("device_id", "has 1 to 128 bytes and no control characters")),
        false => Ok(()),
    }
}

/// Whose address and password these are. Completes the entry for the record with whom was tried.
pub(crate) async fn prove(
    system: &System,
    email: &str,
    password: SecretString,
    origin: &Origin,
    entry: &mut Authentication,
) -> Result<(UserId, Proven), Error> {
    let store = &system.store;
    // What is no address is counted like one, and nobody has it.
    let email = normalised_email(email).unwrap_or_else(|_| email.chars().take(LONGEST_TRIED).collect());
    let index = store.email_index(&email);
    let tried = Tried::address(system, &index, origin);
    let known = store.account_by_email(&index).await?;
    (entry.subject, entry.user_id) = (Some(index), known);
    lockout::admit(system, &tried).await?;
    // Before the check: one that is set meanwhile is another one. Asked for nobody, too, who takes as long as somebody.
    let password_set_at = store.password_set_at(known.unwrap_or(UserId(Uuid::nil()))).await?;
    let possible = password.expose_secret().len() <= passwords::LONGEST;
    let matches = possible && store.check_password(known, password).await?;
    let Some(user_id) = known.filter(|_| matches) else {
        lockout::failed(system, &tried).await?;
        return Err(Error::BadCredentials);
    };
    let person = store.load_latest::<User>(user_id).await?;
    if person.standing() == Standing::Open && !person.is_email_verified() {
        // Told by mail only. No failure either: whoever knows the password guesses no more.
        mail_verification(system, user_id).await?;
        return Err(Error::BadCredentials);
    }
    // Failed second factors are counted apart: the password does not buy new guesses at them.
    lockout::succeeded(system, &tried).await?;
    Ok((user_id, Proven { proofs: vec![Proof::Password], password_set_at }))
}

/// Whether somebody with these proofs may be let in at all: the account is open, its address verified, and a password
/// that they used has not expired.
pub(crate) async fn admissible(system: &System, user_id: UserId, person: &User, proofs: &[Proof]) -> Result<(), Error> {
    standing_open(person)?;
    passwords::refuse_expired(system, user_id, person, proofs).await
}

fn standing_open(person: &User) -> Result<(), Error> {
    match person.standing() == Standing::Open && person.is_email_verified() {
        true => Ok(()),
        false => Err(Error::BadCredentials),
    }
}

/// Lets somebody in who has proven who they are by `proofs`: at once if that is enough, else with a ticket for the
/// second factor.
pub(crate) async fn enter(
    system: &System,
    user_id: UserId,
    proven: Proven,
    device_id: Option<String>,
    origin: &Origin,
) -> Result<Written<Entry>, Error> {
    let person = system.store.load_latest::<User>(user_id).await?;
    // As if there were no account: that there was one is nobody's business.
    standing_open(&person)?;
    if person.has_second_factor() && !Proof::are_two_factors(&proven.proofs) {
        let half_done = serde_json::to_vec(&HalfDone { proven, device_id }).map_err(|e| Error::Internal(e.into()))?;
        let ticket =
            system.store.issue_one_time(Purpose::SecondFactor, Some(user_id), &half_done, SECOND_FACTOR_WITHIN);
        let pending = Pending {
            ticket: ticket.await?,
            expires_in: SECOND_FACTOR_WITHIN,
            totp: person.has_totp(),
            passkey: !person.passkeys().is_empty(),
            recovery_code: person.recovery_codes() > 0,
        };
        return Ok(Written { value: Entry::SecondFactor(pending), position: system.store.head().await? });
    }
    passwords::refuse_expired(system, user_id, &person, &proven.proofs).await?;
    let Proven { proofs, password_set_at } = proven;
    let opening = Opening { user_id, proofs, device_id, password_set_at, client: None };
    let opened = sessions::open(system, opening, origin).await?;
    tell_of_new_device(system, &opened.value.session).await;
    let account = account_from_log(system, user_id).await?;
    let logged_in = LoggedIn { account, opened: opened.value };
    Ok(Written { value: Entry::Open(Box::new(logged_in)), position: opened.position })
}

/// Writes to the person when a device logs in that they have not used before. Their first device of all is no news.
async fn tell_of_new_device(system: &System, session: &Session) {
    let Some(device) = &session.device_id else { return };
    match system.store.has_used_device(session.user_id, device, session.session_id).await {
        Ok(Some(false)) => mail::notify(system, session.user_id, Letter::NewDevice).await,
        Ok(Some(true) | None) => {}
        Err(error) => tracing::warn!(%error, "a device could not be looked up"),
    }
}
