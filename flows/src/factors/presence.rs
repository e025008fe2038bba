//! Whether it is the person who sits there, and not somebody who found the session open.

use aggregates::{Proof, user::User};
use chrono::TimeDelta;
use secrecy::SecretString;
use store::authentications::Action;

use super::{Principal, record};
use crate::{
    Error, Origin, System, passwords,
    step_up::{self, Unused},
};

/// How long after a login nobody is asked for the same proofs again.
const FRESH: TimeDelta = TimeDelta::minutes(5);

/// What a person shows to change how they log in.
#[derive(Default)]
pub struct Presence {
    pub password: Option<SecretString>,
    pub step_up: Option<SecretString>,
}

/// Lets somebody add a factor, or another way in, who has just logged in with all that the account has, or proves again
/// that they are its [`owner`].
pub(crate) async fn shown(
    system: &System,
    principal: Principal,
    presence: Presence,
    origin: &Origin,
) -> Result<(), Error> {
    let person = system.store.load_latest::<User>(principal.user_id).await?;
    let session = system.store.session(principal.session_id).await?.ok_or(Error::FreshLoginRequired)?;
    let two = person.has_second_factor();
    if session.auth_time > crate::now() - FRESH && (!two || Proof::are_two_factors(&session.proofs)) {
        return Ok(());
    }
    if !two && presence.password.is_none() {
        return Err(Error::FreshLoginRequired);
    }
    owner(system, principal, presence, Action::EnrolFactor, origin).await
}

/// Lets somebody do what cannot be taken back who proves again that they are the owner, however fresh the login is: by
/// a step-up where there is a second factor, else by the password. `action` is what it is for, in the record.
pub(crate) async fn owner(
    system: &System,
    principal: Principal,
    presence: Presence,
    action: Action,
    origin: &Origin,
) -> Result<(), Error> {
    match proof(system, principal, &presence, action, origin).await? {
        Some(mut step_up) => step_up.redeem(system, origin).await,
        None => Ok(()),
    }
}

/// As [`owner`], for what can still be refused: a password is checked at once, a step-up is left to be used up at the
/// last moment.
pub(crate) async fn proof<'a>(
    system: &System,
    principal: Principal,
    presence: &'a Presence,
    action: Action,
    origin: &Origin,
) -> Result<Option<Unused<'a>>, Error> {
    if system.store.load_latest::<User>(principal.user_id).await?.has_second_factor() {
        let step_up = presence.step_up.as_ref();
        return Unused::new(system, principal, step_up::Operation::Account, step_up).await.map(Some);
    }
    let password = presence.password.clone().ok_or_else(|| Error::invalid("password", "is required"))?;
    let proven = passwords::prove(system, principal.user_id, password, origin).await;
    if let Err(error) = &proven {
        let (outcome, reason) = error.as_outcome();
        record(system, principal, action, outcome, reason, origin).await?;
    }
    proven.map(|()| None)
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
