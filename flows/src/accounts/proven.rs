//! The password once more, before something that cannot be taken back.

use aggregates::UserId;
use secrecy::{ExposeSecret, SecretString};
use store::authentications::{Action, Outcome};

use super::login::LONGEST_PASSWORD;
use crate::{Error, Origin, System};

/// Goes on only if `password` is the person's. A wrong one is recorded as a failure of `action`.
pub(crate) async fn password(
    system: &System,
    user_id: UserId,
    password: SecretString,
    action: Action,
    origin: &Origin,
) -> Result<(), Error> {
    let plausible = password.expose_secret().len() <= LONGEST_PASSWORD;
    if plausible && system.store.check_password(Some(user_id), password).await? {
        return Ok(());
    }
    let mut failure = origin.authentication(action, Outcome::Failure);
    failure.user_id = Some(user_id);
    failure.reason = Some("bad_password");
    system.store.record_authentication(&failure).await?;
    Err(Error::WrongPassword)
}

/// Records that `action` was done.
pub(crate) async fn record_success(
    system: &System,
    user_id: UserId,
    action: Action,
    origin: &Origin,
) -> Result<(), Error> {
    let mut success = origin.authentication(action, Outcome::Success);
    success.user_id = Some(user_id);
    Ok(system.store.record_authentication(&success).await?)
}
