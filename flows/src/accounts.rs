//! Accounts: registration, login, logout, and the person's own view of the account.

use std::fmt;

use aggregates::{Actor, SessionId, UserId, kyc, user};
use chrono::Duration;
use projections::ReadError;
use secrecy::{ExposeSecret, SecretString};
use store::{AppendError, PersonalData, Unit, sessions::Session};

use crate::{ATTEMPTS, Error, Origin, System, Written};

const SHORTEST_PASSWORD: usize = 12;
/// Keeps the cost of hashing bounded.
const LONGEST_PASSWORD: usize = 256;
const LONGEST_EMAIL: usize = 254;
const LONGEST_NAME: usize = 100;

pub struct Registration {
    pub email: String,
    pub password: SecretString,
    pub first_name: String,
    pub last_name: String,
}

pub struct Login {
    pub email: String,
    pub password: SecretString,
    pub device_id: Option<String>,
}

pub struct LoggedIn {
    pub account: Account,
    pub session: Session,
    /// Sessions that ended to make room for this one. Whoever caches sessions has to forget them.
    pub superseded: Vec<SessionId>,
}

/// A person's account, opened for that person. Prints only the id.
#[derive(Clone)]
pub struct Account {
    pub user_id: UserId,
    pub email: String,
    pub first_name: String,
    pub last_name: String,
    pub kyc_status: kyc::Status,
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").field("user_id", &self.user_id).finish_non_exhaustive()
    }
}

/// Opens an account. An address belongs to one account at most, under any concurrency.
pub async fn register(system: &System, registration: Registration, origin: &Origin) -> Result<Written<Account>, Error> {
    let email = normalised_email(&registration.email)?;
    let first_name = name("first_name", &registration.first_name)?;
    let last_name = name("last_name", &registration.last_name)?;
    acceptable_password(&registration.password)?;
    let store = &system.store;
    let email_index = store.email_index(&email);
    if store.account_by_email(&email_index).await?.is_some() {
        return Err(Error::EmailTaken);
    }

    // Secrets first: without the event they are never found, with it they have to be there.
    let user_id = UserId(store::new_id());
    store.create_person_key(user_id).await?;
    store.set_password(user_id, registration.password).await?;
    let command = user::Command::Register {
        email: store.seal(user_id, PersonalData::Email, &email).await?,
        email_index: email_index.clone(),
        first_name: store.seal(user_id, PersonalData::FirstName, &first_name).await?,
        last_name: store.seal(user_id, PersonalData::LastName, &last_name).await?,
        now: crate::now(),
    };
    let person = store::Loaded::<user::User>::new(user_id);
    let events = person.decide(command)?;
    let unit = Unit::new(origin.context(Actor::Person(user_id))).stream(&person, events);
    match store.append(unit.claim("email", email_index.0.as_bytes(), user_id.0)).await {
        Ok(appended) => {
            let account = Account { user_id, email, first_name, last_name, kyc_status: kyc::Status::NotStarted };
            Ok(Written { value: account, position: appended.position })
        }
        Err(AppendError::Taken) => {
            store.discard_secrets(user_id).await?;
            Err(Error::EmailTaken)
        }
        Err(error) => Err(Error::from(error).about(|| "/api/v1/auth/login".into())),
    }
}

/// Checks the password, always and first, and opens a session.
pub async fn login(system: &System, login: Login, origin: &Origin) -> Result<Written<LoggedIn>, Error> {
    if login.device_id.as_ref().is_some_and(|id| id.is_empty() || id.len() > 128 || id.contains(char::is_control)) {
        return Err(Error::invalid("device_id", "has 1 to 128 bytes and no control characters"));
    }
    if login.password.expose_secret().len() > LONGEST_PASSWORD {
        return Err(Error::BadCredentials);
    }
    let store = &system.store;
    let email = normalised_email(&login.email).map_err(|_| Error::BadCredentials)?;
    let user_id = store.account_by_email(&store.email_index(&email)).await?;
    if !store.check_password(user_id, login.password).await? {
        return Err(Error::BadCredentials);
    }
    let user_id = user_id.ok_or(Error::BadCredentials)?;

    let now = crate::now();
    let session = Session {
        session_id: SessionId(store::new_id()),
        user_id,
        auth_time: now,
        expires_at: now + Duration::days(system.settings.session_days.into()),
    };
    // The row first: a session that the log does not know is one whose token nobody has.
    store.open_session(&session, login.device_id.as_deref()).await?;
    let (position, superseded) = open_session(system, &session, login.device_id, origin).await?;
    let account = account_from_log(system, user_id).await?;
    Ok(Written { value: LoggedIn { account, session, superseded }, position })
}

async fn open_session(
    system: &System,
    session: &Session,
    device_id: Option<String>,
    origin: &Origin,
) -> Result<(i64, Vec<SessionId>), Error> {
    let store = &system.store;
    let _turn = system.turns.take(session.user_id).await;
    for _ in 0..ATTEMPTS {
        let person = store.load::<user::User>(session.user_id).await?;
        let events = person.decide(user::Command::OpenSession {
            session_id: session.session_id,
            device_id: device_id.clone(),
            now: session.auth_time,
            expires_at: session.expires_at,
        })?;
        let superseded: Vec<SessionId> = events.iter().filter_map(closed_session).collect();
        let unit = Unit::new(origin.context(Actor::Person(session.user_id))).stream(&person, events);
        match store.append(unit).await {
            Ok(appended) => {
                store.revoke_sessions(&superseded).await?;
                return Ok((appended.position, superseded));
            }
            Err(AppendError::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Error::Conflict)
}

fn closed_session(event: &user::Event) -> Option<SessionId> {
    match event {
        user::Event::SessionClosed { session_id, .. } => Some(*session_id),
        user::Event::Registered { .. } | user::Event::SessionOpened { .. } => None,
    }
}

/// Ends a session. Its tokens are refused from the next request on; ending it again changes nothing.
pub async fn logout(
    system: &System,
    user_id: UserId,
    session_id: SessionId,
    origin: &Origin,
) -> Result<Written<()>, Error> {
    let store = &system.store;
    // The revocation first: should the rest fail, the session is closed all the same.
    store.revoke_sessions(&[session_id]).await?;
    let _turn = system.turns.take(user_id).await;
    for _ in 0..ATTEMPTS {
        let person = store.load_latest::<user::User>(user_id).await?;
        let close = user::Command::CloseSession { session_id, reason: user::SessionEnd::LoggedOut, now: crate::now() };
        let events = match person.decide(close) {
            Err(user::Error::NoSuchSession) => return Ok(Written { value: (), position: store.head().await? }),
            decided => decided?,
        };
        let unit = Unit::new(origin.context(Actor::Person(user_id))).stream(&person, events);
        match store.append(unit).await {
            Ok(appended) => return Ok(Written { value: (), position: appended.position }),
            Err(AppendError::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Error::Conflict)
}

/// The person's account as the read models show it.
pub async fn account(system: &System, user_id: UserId, at_least: Option<i64>) -> Result<Account, Error> {
    match system.views.profile(user_id, at_least).await {
        Ok(Some(profile)) => {
            let sealed = [&profile.email, &profile.first_name, &profile.last_name];
            opened(system, user_id, sealed, profile.kyc_status).await
        }
        Ok(None) => Err(Error::NotFound { what: "account" }),
        Err(ReadError::Behind { wanted, .. }) => Err(Error::Behind { position: wanted }),
        Err(ReadError::NotReady | ReadError::Unavailable(_)) => account_from_log(system, user_id).await,
    }
}

/// The account from the aggregates, never behind.
async fn account_from_log(system: &System, user_id: UserId) -> Result<Account, Error> {
    let person = system.store.load_latest::<user::User>(user_id).await?;
    let identity = system.store.load_latest::<kyc::Kyc>(user_id).await?;
    match (person.email(), person.first_name(), person.last_name()) {
        (Some(email), Some(first_name), Some(last_name)) => {
            opened(system, user_id, [email, first_name, last_name], identity.status()).await
        }
        _ => Err(Error::NotFound { what: "account" }),
    }
}

async fn opened(
    system: &System,
    user_id: UserId,
    [email, first_name, last_name]: [&aggregates::Sealed; 3],
    kyc_status: kyc::Status,
) -> Result<Account, Error> {
    let open = async |field, sealed| system.store.open(user_id, field, sealed).await.map(|text| text.to_string());
    Ok(Account {
        user_id,
        email: open(PersonalData::Email, email).await?,
        first_name: open(PersonalData::FirstName, first_name).await?,
        last_name: open(PersonalData::LastName, last_name).await?,
        kyc_status,
    })
}

/// Addresses are compared without regard to case: nobody runs two mailboxes that differ in it.
fn normalised_email(email: &str) -> Result<String, Error> {
    let email = email.trim().to_lowercase();
    let parts = email.split_once('@').filter(|(local, domain)| {
        !local.is_empty() && domain.contains('.') && !domain.starts_with('.') && !domain.ends_with('.')
    });
    let odd = |c: char| c.is_whitespace() || c.is_control();
    match parts {
        Some((_, domain)) if !domain.contains('@') && email.len() <= LONGEST_EMAIL && !email.contains(odd) => Ok(email),
        _ => Err(Error::invalid("email", "is not an e-mail address")),
    }
}

fn name(field: &'static str, name: &str) -> Result<String, Error> {
    let name = name.trim();
    match (1..=LONGEST_NAME).contains(&name.chars().count()) && !name.contains(char::is_control) {
        true => Ok(name.to_owned()),
        false => Err(Error::invalid(field, format!("has 1 to {LONGEST_NAME} characters"))),
    }
}

fn acceptable_password(password: &SecretString) -> Result<(), Error> {
    let password = password.expose_secret();
    match password.chars().count() >= SHORTEST_PASSWORD && password.len() <= LONGEST_PASSWORD {
        true => Ok(()),
        false => {
            let reason = format!("has at least {SHORTEST_PASSWORD} characters and at most {LONGEST_PASSWORD} bytes");
            Err(Error::invalid("password", reason))
        }
    }
}
