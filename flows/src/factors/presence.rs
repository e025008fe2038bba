//! Whether it is the person who sits there, and not somebody who found the session open.

use aggregates::{Proof, user::User};
use chrono::TimeDelta;
use secrecy::SecretString;
use store::authentications::Action;

use super::{Principal, record};
use crate::{Error, Origin, System, passwords, step_up};

/// How long after a login nobody is asked for the same proofs again.
const FRESH: TimeDelta = TimeDelta::minutes(5);

/// What a person shows to change how they log in.
#[derive(Default)]
pub struct Presence {
    pub password: Option<SecretString>,
    pub step_up: Option<SecretString>,
}

/// Lets somebody add a factor, or another way in, who has just logged in with all that the account has, or shows it again: the password, or
/// a step-up where there is a second factor.
pub(crate) async fn shown(
    system: &System,
    principal: Principal,
    presence: Presence,
    origin: &Origin,
) -> Result<(), Error> {
    let store = &system.store;
    let person = store.load_latest::<User>(principal.user_id).await?;
    let session = store.session(principal.session_id).await?.ok_or(Error::FreshLoginRequired)?;
    let two = person.has_second_factor();
    if session.auth_time > crate::now() - FRESH && (!two || Proof::are_two_factors(&session.proofs)) {
        return Ok(());
    }
    if two {
        return step_up::redeem(system, principal, &step_up::Operation::Account, presence.step_up.as_ref(), origin)
            .await;
    }
    let password = presence.password.ok_or(Error::FreshLoginRequired)?;
    let proven = passwords::prove(system, principal.user_id, password, origin).await;
    if let Err(error) = &proven {
        let (outcome, reason) = error.as_outcome();
        record(system, principal, Action::EnrolFactor, outcome, reason, origin).await?;
    }
    proven
}

/// Lets somebody take a factor away who shows a second proof, however fresh the login is.
pub(super) async fn proven(
    system: &System,
    principal: Principal,
    step_up: Option<&SecretString>,
    origin: &Origin,
) -> Result<(), Error> {
    step_up::redeem(system, principal, &step_up::Operation::Account, step_up, origin).await
}
