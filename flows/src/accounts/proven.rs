//! Whether it is the owner who asks, before something that cannot be taken back.

use aggregates::UserId;
use secrecy::{ExposeSecret, SecretString};
use store::authentications::{Action, Outcome};

use super::login::LONGEST_PASSWORD;
use crate::{
    Error, Origin, Principal, System,
    factors::{Presence, record},
    step_up::{self, Operation},
};

/// Goes on only with the owner's password, or with a step-up for `account`, by which also those can show themselves who
/// have no password. However fresh the login is: an open session that somebody finds is not enough.
pub(crate) async fn owner(
    system: &System,
    principal: Principal,
    presence: Presence,
    action: Action,
    origin: &Origin,
) -> Result<(), Error> {
    match presence {
        Presence { step_up: Some(token), password: _ } => {
            step_up::redeem(system, principal, &Operation::Account, Some(&token), origin).await
        }
        Presence { step_up: None, password: Some(given) } => {
            let right = password(system, principal.user_id, given).await?;
            if !right {
                record(system, principal, action, Outcome::Failure, Some("bad_password"), origin).await?;
            }
            if right { Ok(()) } else { Err(Error::WrongPassword) }
        }
        Presence { step_up: None, password: None } => Err(Error::invalid("password", "is required, or a step-up")),
    }
}

async fn password(system: &System, user_id: UserId, given: SecretString) -> Result<bool, Error> {
    let plausible = given.expose_secret().len() <= LONGEST_PASSWORD;
    Ok(plausible && system.store.check_password(Some(user_id), given).await?)
}
