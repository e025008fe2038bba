use aggregates::{UserId, user::User};

use crate::{Error, System, accounts};

/// What a client may learn of a person, within its scopes (OpenID Connect Core 1.0 §5.1).
pub struct Who {
    pub email: String,
    pub email_verified: bool,
    pub first_name: String,
    pub last_name: String,
}

/// Who a person is, opened for a client that the person lets know.
pub async fn who(system: &System, user_id: UserId) -> Result<Who, Error> {
    let account = accounts::account_from_log(system, user_id).await?;
    let person = system.store.load::<User>(user_id).await?;
    Ok(Who {
        email: account.email,
        email_verified: person.is_email_verified(),
        first_name: account.first_name,
        last_name: account.last_name,
    })
}
