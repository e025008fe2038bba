//! Recovery codes: shown once when they are made, each good for one login or step-up.

use aggregates::{Actor, user::User};
use secrecy::SecretString;
use store::authentications::{Action, Outcome};

use super::{Principal, change, presence, record};
use crate::{
    Error, Origin, System, Written,
    mail::{self, Letter},
    people,
};

/// Makes new codes in the place of those that are left. Needs a step-up.
pub async fn renew(
    system: &System,
    principal: Principal,
    step_up: Option<&SecretString>,
    origin: &Origin,
) -> Result<Written<Vec<SecretString>>, Error> {
    presence::proven(system, principal, step_up, origin).await?;
    let user_id = principal.user_id;
    let before = system.store.load_latest::<User>(user_id).await?;
    let new = system.store.add_recovery_codes(user_id).await?;
    let issued =
        people::change(system, user_id, Actor::Person(user_id), origin, |person| person.decide(change::issue(&new)));
    let position = issued.await?.position;
    mail::notify(system, user_id, Letter::RecoveryCodesIssued).await;
    record(system, principal, Action::IssueRecoveryCodes, Outcome::Success, None, origin).await?;
    change::forget_void_codes(system, &before).await;
    Ok(Written { value: new.codes, position })
}
