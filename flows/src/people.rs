//! One command on one person's stream: what most changes of an account come down to.

use aggregates::{
    Actor, UserId,
    user::{self, User},
};
use store::{AppendError, Unit};

use crate::{ATTEMPTS, Error, Origin, System, Written};

/// Decides on the person as they are, appends, and decides anew where somebody else was faster. Without events
/// nothing is written, and the position is the log's head.
pub(crate) async fn change<E>(
    system: &System,
    user_id: UserId,
    actor: Actor,
    origin: &Origin,
    decide: impl Fn(&User) -> Result<Vec<user::Event>, E>,
) -> Result<Written<()>, Error>
where
    Error: From<E>,
{
    let Written { value: _, position } = decided(system, user_id, actor, origin, decide).await?;
    Ok(Written { value: (), position })
}

/// Decides several commands one after another, each on what those before it make of the person.
pub(crate) fn in_turn(
    person: &User,
    commands: impl IntoIterator<Item = user::Command>,
) -> Result<Vec<user::Event>, user::Error> {
    let (mut person, mut events) = (person.clone(), Vec::new());
    for command in commands {
        let decided = person.decide(command)?;
        decided.iter().for_each(|event| person.apply(event));
        events.extend(decided);
    }
    Ok(events)
}

/// As [`change`], and gives the events back.
pub(crate) async fn decided<E>(
    system: &System,
    user_id: UserId,
    actor: Actor,
    origin: &Origin,
    decide: impl Fn(&User) -> Result<Vec<user::Event>, E>,
) -> Result<Written<Vec<user::Event>>, Error>
where
    Error: From<E>,
{
    let store = &system.store;
    let _turn = system.turns.take(user_id).await;
    for _ in 0..ATTEMPTS {
        let person = store.load_latest::<User>(user_id).await?;
        let events = decide(&person)?;
        if events.is_empty() {
            return Ok(Written { value: events, position: store.head().await? });
        }
        let unit = Unit::new(origin.context(actor)).stream(&person, events.clone());
        match store.append(unit).await {
            Ok(appended) => return Ok(Written { value: events, position: appended.position }),
            Err(AppendError::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Error::Conflict)
}
