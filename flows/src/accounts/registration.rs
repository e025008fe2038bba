use aggregates::{Actor, UserId, kyc, user};
use secrecy::{ExposeSecret, SecretString};
use store::{AppendError, PersonalData, Unit};

use super::{
    Account,
    text::{name, normalised_email},
};
use crate::{Error, Origin, System, Written};

const SHORTEST_PASSWORD: usize = 12;
/// Keeps the cost of hashing bounded.
const LONGEST_PASSWORD: usize = 256;

pub struct Registration {
    pub email: String,
    pub password: SecretString,
    pub first_name: String,
    pub last_name: String,
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
