//! Who may do what: roles given and taken, and sessions ended, by an admin or by an operator at the machine.
//!
//! An admin never changes their own roles, and is still one when the change is written: the unit demands that the
//! admin's own stream has not moved. So of two who take the role from each other one is refused, and there is always
//! somebody left who can give it.

mod create;

use aggregates::{
    Actor, CredentialId, Permission, Role, SessionId, UserId,
    user::{self, SessionEnd, Standing, User},
};
use chrono::TimeDelta;
use store::{
    AppendError, Loaded, Unit,
    authentications::{Action, Authentication, Outcome},
};

use crate::{ATTEMPTS, Error, Origin, System, Written, api_keys, sessions};

pub use create::{Created, account_of, create};

/// Who changes somebody's rights.
#[derive(Clone, Copy)]
pub enum By {
    Admin {
        user_id: UserId,
        session_id: SessionId,
    },
    /// Somebody at the machine, by the command line.
    Operator,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    Grant,
    Revoke,
}

impl By {
    fn actor(self) -> Actor {
        match self {
            By::Admin { user_id, .. } => Actor::Person(user_id),
            By::Operator => Actor::System("cli"),
        }
    }
}

/// How old a session is of which the log has to know, if it was opened at all.
const OPENED_BY_NOW: TimeDelta = TimeDelta::minutes(1);

/// Gives a role, or takes it. Where that changes anything all sessions of the person end, so that no token says what
/// is no longer so, and with a role the API keys end that need it. Done again it ends what a crash has left open.
pub async fn change_role(
    system: &System,
    by: By,
    user_id: UserId,
    role: Role,
    change: Change,
    origin: &Origin,
) -> Result<Written<()>, Error> {
    let written = change_in_log(system, by, user_id, role, change, origin).await;
    let action = match change {
        Change::Grant => Action::GrantRole,
        Change::Revoke => Action::RevokeRole,
    };
    let recorded = record(system, by, user_id, action, role.as_str(), written.is_ok(), origin).await;
    let written = written?;
    recorded.map_err(|error| error.after_intent(|| account(user_id)))?;
    Ok(written)
}

async fn change_in_log(
    system: &System,
    by: By,
    user_id: UserId,
    role: Role,
    change: Change,
    origin: &Origin,
) -> Result<Written<()>, Error> {
    let store = &system.store;
    let (now, mut keys) = (crate::now(), Vec::new());
    for _ in 0..ATTEMPTS {
        let admin = allowed(system, by, user_id).await?;
        let person = store.load_latest::<User>(user_id).await?;
        // Anybody may have registered an address that nobody has confirmed: the role would be a stranger's to take.
        if change == Change::Grant && person.is_registered() && !person.is_email_verified() {
            return Err(user::Error::EmailNotVerified.into());
        }
        let command = match change {
            Change::Grant => user::Command::GrantRole { role, now },
            Change::Revoke => user::Command::RevokeRole { role, now },
        };
        let decided = person.decide(command);
        if matches!(&decided, Err(user::Error::NoSuchRole)) || decided.as_ref().is_ok_and(Vec::is_empty) {
            end_left_open(system, &person, user_id).await?;
        }
        let mut events = decided?;
        if events.is_empty() {
            return Ok(Written { value: (), position: store.head().await? });
        }
        if by_operator_and_last(system, by, user_id, role, change).await? {
            return Err(Error::LastAdmin);
        }
        let mut next = User::clone(&person);
        events.iter().for_each(|event| next.apply(event));
        let roles: Vec<Role> = next.roles().iter().copied().collect();
        keys.extend(end_access(system, user_id, &roles).await?);
        events.extend(api_keys::forget(&person, &keys)?);
        events.extend(person.decide(user::Command::CloseSessions {
            except: None,
            reason: SessionEnd::RolesChanged,
            now,
        })?);
        let mut unit = Unit::new(origin.context(by.actor())).stream(&person, events.clone());
        if let Some(admin) = &admin {
            unit = unit.stream(admin, vec![]);
        }
        match store.append(unit).await {
            Ok(appended) => {
                // Whoever logged in meanwhile, with the roles of before, has to do it anew.
                let ended = async {
                    sessions::end_closed(system, user_id, &events).await?;
                    api_keys::end_beyond(system, user_id, &roles).await
                };
                ended.await.map_err(|error| error.after_intent(|| account(user_id)))?;
                return Ok(Written { value: (), position: appended.position });
            }
            Err(AppendError::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Error::Conflict)
}

async fn end_access(system: &System, user_id: UserId, roles: &[Role]) -> Result<Vec<CredentialId>, Error> {
    sessions::end_all_in_tables(system, user_id, None).await?;
    api_keys::end_beyond(system, user_id, roles).await
}

/// Ends what the append of an earlier attempt closed and its tables kept open: sessions that the log does not have, and
/// keys beyond the roles.
async fn end_left_open(system: &System, person: &User, user_id: UserId) -> Result<(), Error> {
    let roles: Vec<Role> = person.roles().iter().copied().collect();
    api_keys::end_beyond(system, user_id, &roles).await?;
    let before = crate::now() - OPENED_BY_NOW;
    let open = system.store.sessions(user_id).await?.into_iter();
    let left = open.filter(|open| open.opened_at < before && person.session(open.session.session_id).is_none());
    sessions::end_in_tables(system, user_id, left.map(|open| open.session.session_id).collect()).await
}

/// Where a person shows to whoever looks after them.
fn account(user_id: UserId) -> String {
    format!("/api/v2/users/{user_id}")
}

/// The admin as they are now, if one acts, and may.
async fn allowed(system: &System, by: By, target: UserId) -> Result<Option<Loaded<User>>, Error> {
    let By::Admin { user_id, .. } = by else { return Ok(None) };
    if user_id == target {
        return Err(Error::OwnRights);
    }
    let admin = system.store.load_latest::<User>(user_id).await?;
    let may =
        admin.standing() == Standing::Open && admin.roles().iter().any(|role| role.permits(Permission::AccountsManage));
    if may { Ok(Some(admin)) } else { Err(Error::RightLost) }
}

/// An admin leaves at least themselves; an operator could take the role from the last one.
async fn by_operator_and_last(
    system: &System,
    by: By,
    user_id: UserId,
    role: Role,
    change: Change,
) -> Result<bool, Error> {
    if !matches!((by, role, change), (By::Operator, Role::Admin, Change::Revoke)) {
        return Ok(false);
    }
    for other in system.store.people_with_role_changes().await?.into_iter().filter(|other| *other != user_id) {
        let other = system.store.load_latest::<User>(other).await?;
        if other.standing() == Standing::Open && other.roles().contains(&Role::Admin) {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Ends all sessions of a person whose account somebody of the programme looks after.
pub async fn end_sessions(system: &System, by: By, user_id: UserId, origin: &Origin) -> Result<Written<usize>, Error> {
    allowed(system, by, user_id).await?;
    let person = system.store.load_latest::<User>(user_id).await?;
    if !person.is_registered() {
        return Err(Error::NotFound { what: "account" });
    }
    let ended = sessions::end_all_by(system, by.actor(), user_id, None, SessionEnd::EndedByOperator, origin).await?;
    record(system, by, user_id, Action::RevokeSession, "ended_by_operator", true, origin).await?;
    Ok(Written { value: ended.value.len(), position: ended.position })
}

/// The entry is about the person; who did it is the actor of the event with the same request id.
async fn record(
    system: &System,
    by: By,
    user_id: UserId,
    action: Action,
    reason: &'static str,
    success: bool,
    origin: &Origin,
) -> Result<(), Error> {
    let session_id = match by {
        By::Admin { session_id, .. } => Some(session_id),
        By::Operator => None,
    };
    let outcome = if success { Outcome::Success } else { Outcome::Failure };
    let entry = Authentication {
        reason: Some(reason),
        user_id: Some(user_id),
        session_id,
        ..origin.authentication(action, outcome)
    };
    Ok(system.store.record_authentication(&entry).await?)
}
