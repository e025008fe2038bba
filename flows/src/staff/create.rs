use std::time::Duration;

use aggregates::{
    Actor, Role, UserId,
    user::{Command, User},
};
use secrecy::SecretString;
use store::{AppendError, Loaded, PersonalData, Unit, authentications::Action, one_time::Purpose};

use super::{By, Change, change_role, record};
use crate::{
    Error, Origin, System,
    accounts::{name, normalised_email},
    mail::RESET_WITHIN,
};

/// What became of somebody who was to be an admin.
pub enum Created {
    /// A new account, verified, without a password: this token sets the first one, as a forgotten one is reset.
    Account { user_id: UserId, password_token: SecretString, good_for: Duration },
    /// The address had an account already, which has the role now.
    Granted { user_id: UserId },
}

/// The person who has an address.
pub async fn account_of(system: &System, email: &str) -> Result<UserId, Error> {
    let email = normalised_email(email)?;
    let account = system.store.account_by_email(&system.store.email_index(&email)).await?;
    account.ok_or(Error::NotFound { what: "account" })
}

/// Makes somebody an admin, with a new account if the address has none.
pub async fn create(
    system: &System,
    email: &str,
    first_name: &str,
    last_name: &str,
    origin: &Origin,
) -> Result<Created, Error> {
    match account_of(system, email).await {
        Ok(user_id) => {
            change_role(system, By::Operator, user_id, Role::Admin, Change::Grant, origin).await?;
            Ok(Created::Granted { user_id })
        }
        Err(Error::NotFound { .. }) => open(system, email, first_name, last_name, origin).await,
        Err(error) => Err(error),
    }
}

async fn open(
    system: &System,
    email: &str,
    first_name: &str,
    last_name: &str,
    origin: &Origin,
) -> Result<Created, Error> {
    let email = normalised_email(email)?;
    let (first_name, last_name) = (name("first_name", first_name)?, name("last_name", last_name)?);
    let (store, now) = (&system.store, crate::now());
    let (user_id, email_index) = (UserId(store::new_id()), store.email_index(&email));
    store.create_person_key(user_id).await?;
    let register = Command::Register {
        email: store.seal(user_id, PersonalData::Email, &email).await?,
        email_index: email_index.clone(),
        first_name: store.seal(user_id, PersonalData::FirstName, &first_name).await?,
        last_name: store.seal(user_id, PersonalData::LastName, &last_name).await?,
        now,
    };
    let person = Loaded::<User>::new(user_id);
    let (mut state, mut events) = (User::clone(&person), Vec::new());
    for command in [register, Command::VerifyEmail { now }, Command::GrantRole { role: Role::Admin, now }] {
        let decided = state.decide(command)?;
        decided.iter().for_each(|event| state.apply(event));
        events.extend(decided);
    }
    let context = origin.context(Actor::System("cli"));
    let unit = Unit::new(context).stream(&person, events).claim("email", email_index.0.as_bytes(), user_id.0);
    match store.append(unit).await {
        Ok(_) => {}
        Err(AppendError::Taken) => {
            store.discard_secrets(user_id).await?;
            return Err(Error::Conflict);
        }
        Err(error) => return Err(error.into()),
    }
    record(system, By::Operator, user_id, Action::GrantRole, Role::Admin.as_str(), true, origin).await?;
    let password_token = store.issue_one_time(Purpose::ResetPassword, Some(user_id), &[], RESET_WITHIN).await?;
    Ok(Created::Account { user_id, password_token, good_for: RESET_WITHIN })
}
