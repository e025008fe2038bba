//! A change of what is asked for at login.
//!
//! It is one append: the factor, the recovery codes that come with it, and the end of the other sessions. What checks a
//! new factor is in the tables before; what checks a removed one goes after. A crash before the append leaves rows that
//! the log does not know, which count for nothing, and other sessions that have ended; one after it leaves rows that do
//! not count any more. Either way it can be asked for again.

use aggregates::{
    Actor,
    user::{Command, Event, SessionEnd, User},
};
use secrecy::SecretString;
use store::{
    authentications::{Action, Outcome},
    factors::recovery_codes::NewCodes,
};

use super::{Principal, record};
use crate::{
    Error, Origin, System, Written,
    mail::{self, Factor, Letter},
    people, sessions,
};

/// Where factors show.
const FACTORS: &str = "/api/v2/me/factors";

/// What is changed.
#[derive(Clone, Copy)]
pub(super) enum Change {
    Added(Factor),
    Removed(Factor),
}

/// Which recovery codes come with it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Codes {
    None,
    /// New ones, if the account has none.
    IfNone,
    New,
}

impl Codes {
    fn wanted(self, person: &User) -> bool {
        match self {
            Codes::None => false,
            Codes::IfNone => person.recovery_codes() == 0,
            Codes::New => true,
        }
    }
}

/// Changes a factor, and gives the new recovery codes. Whoever else was logged in has to prove it anew, the person is
/// told, and it is on record.
pub(super) async fn change(
    system: &System,
    principal: Principal,
    change: Change,
    codes: Codes,
    origin: &Origin,
    decide: impl Fn(&User) -> Result<Command, Error>,
) -> Result<Written<Vec<SecretString>>, Error> {
    let Principal { user_id, session_id } = principal;
    let before = system.store.load_latest::<User>(user_id).await?;
    let new = match codes.wanted(&before) {
        true => Some(system.store.add_recovery_codes(user_id).await?),
        false => None,
    };
    sessions::end_all_in_tables(system, user_id, Some(session_id)).await?;
    let decided = people::decided(system, user_id, Actor::Person(user_id), origin, |person| {
        let new = new.as_ref().filter(|_| codes.wanted(person));
        let close = Command::CloseSessions {
            except: Some(session_id),
            reason: SessionEnd::CredentialsChanged,
            now: crate::now(),
        };
        let commands = [Some(decide(person)?), new.map(issue), Some(close)];
        Ok::<_, Error>(people::in_turn(person, commands.into_iter().flatten())?)
    });
    let Written { value: events, position } = decided.await.map_err(|error| error.about(|| FACTORS.to_owned()))?;
    let concluded = conclude(system, principal, change, &events, origin).await;
    concluded.map_err(|error| error.after_intent(|| FACTORS.to_owned()))?;
    forget_void_codes(system, &before).await;
    let issued = events.iter().any(|event| matches!(event, Event::RecoveryCodesIssued { .. }));
    let codes = new.filter(|_| issued).map(|new| new.codes).unwrap_or_default();
    Ok(Written { value: codes, position })
}

async fn conclude(
    system: &System,
    principal: Principal,
    change: Change,
    events: &[Event],
    origin: &Origin,
) -> Result<(), Error> {
    sessions::end_closed(system, principal.user_id, events).await?;
    let (action, factor, letter) = match change {
        Change::Added(factor) => (Action::EnrolFactor, factor, Letter::FactorAdded(factor)),
        Change::Removed(factor) => (Action::RemoveFactor, factor, Letter::FactorRemoved(factor)),
    };
    let name = match factor {
        Factor::Totp => "totp",
        Factor::Passkey => "passkey",
    };
    mail::notify(system, principal.user_id, letter).await;
    record(system, principal, action, Outcome::Success, Some(name), origin).await
}

/// The command by which a set of codes counts from now on.
pub(super) fn issue(new: &NewCodes) -> Command {
    let count = u32::try_from(new.codes.len()).unwrap_or(u32::MAX);
    Command::IssueRecoveryCodes { set_id: new.set_id, count, now: crate::now() }
}

/// Deletes codes that count no more since the person was as they were `before`.
pub(super) async fn forget_void_codes(system: &System, before: &store::Loaded<User>) {
    let forget = async {
        let user_id = aggregates::UserId(before.id);
        let current = system.store.load_latest::<User>(user_id).await?.recovery_set();
        system.store.forget_recovery_codes(user_id, current, before.recovery_set()).await
    };
    left_over(forget.await);
}

/// What could not be deleted counts for nothing all the same.
pub(super) fn left_over(deleted: Result<(), store::Error>) {
    if let Err(error) = deleted {
        tracing::warn!(%error, "what checked a factor could not be deleted");
    }
}
