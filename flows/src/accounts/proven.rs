//! Whether it is the owner who asks, before something that cannot be taken back.

use store::authentications::Action;

use crate::{
    Error, Origin, Principal, System,
    factors::{Presence, record},
    passwords,
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
            let proven = passwords::prove(system, principal.user_id, given, origin).await;
            if let Err(error) = &proven {
                let (outcome, reason) = error.as_outcome();
                record(system, principal, action, outcome, reason, origin).await?;
            }
            proven
        }
        Presence { step_up: None, password: None } => Err(Error::invalid("password", "is required, or a step-up")),
    }
}
