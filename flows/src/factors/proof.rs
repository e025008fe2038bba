//! Checking a second proof: the same for a login and for a step-up.

use aggregates::{
    Actor, Proof, UserId,
    user::{self, User},
};
use secrecy::SecretString;
use serde_json::Value;
use store::authentications::Outcome;
use webauthn_rs::prelude::PasskeyAuthentication;

use super::{passkeys, totp};
use crate::{
    Error, Origin, System,
    lockout::{self, Tried},
    mail::{self, Letter},
    people,
};

/// A second proof as it was sent.
pub enum SecondProof {
    /// Six digits of an authenticator app.
    Totp(SecretString),
    RecoveryCode(SecretString),
    /// What the authenticator signed (WebAuthn Level 3, §5.1 `AuthenticationResponseJSON`).
    Passkey(Value),
}

/// What came of a check.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Proven(Proof),
    /// Why not, for the record.
    Refused(&'static str),
}

impl Verdict {
    /// How an attempt stands in the record.
    pub fn outcome(verdict: &Result<Verdict, Error>) -> (Outcome, Option<&'static str>) {
        match verdict {
            Ok(Verdict::Proven(_)) => (Outcome::Success, None),
            Ok(Verdict::Refused(reason)) => (Outcome::Failure, Some(reason)),
            Err(error) => error.as_outcome(),
        }
    }
}

/// Checks a proof, and uses it up: none counts twice. `ceremony` is what a passkey was asked to sign.
///
/// Wrong ones brake guessing as wrong passwords do: [`Error::Locked`] where there were too many.
pub(crate) async fn verify(
    system: &System,
    user_id: UserId,
    proof: SecondProof,
    ceremony: Option<&PasskeyAuthentication>,
    origin: &Origin,
) -> Result<Verdict, Error> {
    let person = system.store.load_latest::<User>(user_id).await?;
    let tried = Tried::second_proof(system, user_id, origin);
    lockout::admit(system, &tried).await?;
    let verdict = check(system, &person, user_id, proof, ceremony, origin).await?;
    match verdict {
        Verdict::Proven(_) => lockout::succeeded(system, &tried).await?,
        Verdict::Refused(_) => lockout::failed(system, &tried).await?,
    }
    Ok(verdict)
}

async fn check(
    system: &System,
    person: &User,
    user_id: UserId,
    proof: SecondProof,
    ceremony: Option<&PasskeyAuthentication>,
    origin: &Origin,
) -> Result<Verdict, Error> {
    if !person.has_second_factor() {
        return Ok(Verdict::Refused("no_second_factor"));
    }
    match proof {
        SecondProof::Totp(code) if person.has_totp() => totp::check(system, user_id, &code).await,
        SecondProof::Totp(_) => Ok(Verdict::Refused("no_totp")),
        SecondProof::RecoveryCode(code) => recovery_code(system, user_id, &code, origin).await,
        SecondProof::Passkey(credential) => match ceremony {
            Some(ceremony) => passkeys::check(system, person, user_id, &credential, ceremony).await,
            None => Ok(Verdict::Refused("no_ceremony")),
        },
    }
}

async fn recovery_code(
    system: &System,
    user_id: UserId,
    code: &SecretString,
    origin: &Origin,
) -> Result<Verdict, Error> {
    // Codes that the log does not know count for nothing.
    let person = system.store.load_latest::<User>(user_id).await?;
    let Some(set) = person.recovery_set().filter(|_| person.recovery_codes() > 0) else {
        return Ok(Verdict::Refused("bad_recovery_code"));
    };
    if !system.store.use_recovery_code(user_id, set, code).await? {
        return Ok(Verdict::Refused("bad_recovery_code"));
    }
    let used = people::change(system, user_id, Actor::Person(user_id), origin, |person| {
        if person.recovery_set() != Some(set) {
            return Ok(vec![]);
        }
        match person.decide(user::Command::UseRecoveryCode { now: crate::now() }) {
            // Two at once, and the log knew of one: the table has let each of its codes through once.
            Err(user::Error::NoSuchFactor) => Ok(vec![]),
            decided => decided,
        }
    });
    used.await?;
    let remaining = system.store.recovery_codes_left(user_id, set).await?;
    mail::notify(system, user_id, Letter::RecoveryCodeUsed { remaining }).await;
    Ok(Verdict::Proven(Proof::RecoveryCode))
}
