//! Registration, login, and the person's own view of the account.

pub mod email_change;
mod ending;
mod login;
mod profile;
mod registration;
mod second_factor;
pub(crate) mod text;

use std::fmt;

use aggregates::{UserId, kyc, user};
use projections::ReadError;
use store::PersonalData;

use crate::{Error, System};

pub use ending::{Ended, Ending, end, finish};
pub use login::{Entry, Login, Pending, login};
pub(crate) use login::{Proven, admissible, check_device, concluded, enter, prove};
pub(crate) use profile::profile_from_log;
pub use profile::{ERASED, Names, Profile, choose, profile, rename};
pub use registration::{Registration, register, resend_verification, verify_email};
pub use second_factor::{begin_passkey, begin_passkey_login, log_in_with_passkey, second_factor};
pub(crate) use text::{name, normalised_email};

/// A person's account, opened for that person. Prints only the id.
#[derive(Clone)]
pub struct Account {
    pub user_id: UserId,
    pub email: String,
    pub first_name: String,
    pub last_name: String,
    pub kyc_status: kyc::Status,
}

/// Somebody who has just proven who they are.
pub struct LoggedIn {
    pub account: Account,
    pub opened: crate::sessions::Opened,
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").field("user_id", &self.user_id).finish_non_exhaustive()
    }
}

/// The person's account as the read models show it.
pub async fn account(system: &System, user_id: UserId, at_least: Option<i64>) -> Result<Account, Error> {
    match system.views.profile(user_id, at_least).await {
        Ok(Some(profile)) => {
            let sealed = [&profile.email, &profile.first_name, &profile.last_name];
            opened(system, user_id, sealed, profile.kyc_status()).await
        }
        Ok(None) => Err(Error::NotFound { what: "account" }),
        Err(ReadError::Behind { wanted, .. }) => Err(Error::Behind { position: wanted }),
        Err(ReadError::NotReady | ReadError::Unavailable(_)) => account_from_log(system, user_id).await,
    }
}

/// The account from the aggregates, never behind.
pub(crate) async fn account_from_log(system: &System, user_id: UserId) -> Result<Account, Error> {
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

/// The open or closed account that an address belongs to, for programs of ours that may ask.
pub async fn by_email(system: &System, email: &str) -> Result<Profile, Error> {
    let unknown = || Error::NotFound { what: "account" };
    let email = normalised_email(email).map_err(|_| unknown())?;
    let store = &system.store;
    let user_id = store.account_by_email(&store.email_index(&email)).await?.ok_or_else(unknown)?;
    profile_from_log(system, user_id).await
}
