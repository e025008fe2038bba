//! A person's own sessions: where they are logged in, and how to end it.

use aggregates::{
    Actor, SessionId, UserId,
    client::Client,
    user::{self, SessionEnd},
};
use chrono::{DateTime, Utc};
use store::{
    authentications::{Action, Authentication, Outcome},
    sessions::OpenSession,
};

use super::{end_all_by, end_in_tables};
use crate::{Error, Origin, System, Written, people};

/// A session as its owner sees it, and the name of the program that has it, where one has.
pub struct Listed {
    pub open: OpenSession,
    pub client_name: Option<String>,
}

/// The sessions of one device.
pub struct Device {
    pub device_id: String,
    pub first_seen: DateTime<Utc>,
    pub last_seen: DateTime<Utc>,
    pub sessions: u32,
    pub is_current: bool,
}

/// The person's open sessions, the last used first.
pub async fn list(system: &System, user_id: UserId) -> Result<Vec<Listed>, Error> {
    let mut listed = Vec::new();
    for open in system.store.sessions(user_id).await? {
        let client_name = match open.session.client_id {
            None => None,
            Some(client_id) => {
                let client = system.store.load::<Client>(client_id).await?;
                client.registration().map(|known| known.name.clone())
            }
        };
        listed.push(Listed { open, client_name });
    }
    Ok(listed)
}

/// The devices on which the person is logged in, the last used first. Sessions without a device are not among them.
pub async fn devices(system: &System, user_id: UserId, current: SessionId) -> Result<Vec<Device>, Error> {
    let mut devices: Vec<Device> = Vec::new();
    for OpenSession { session, opened_at, refreshed_at } in system.store.sessions(user_id).await? {
        let Some(device_id) = session.device_id else { continue };
        let is_current = session.session_id == current;
        match devices.iter_mut().find(|device| device.device_id == device_id) {
            Some(device) => {
                device.first_seen = device.first_seen.min(opened_at);
                device.last_seen = device.last_seen.max(refreshed_at);
                device.sessions += 1;
                device.is_current |= is_current;
            }
            None => devices.push(Device {
                device_id,
                first_seen: opened_at,
                last_seen: refreshed_at,
                sessions: 1,
                is_current,
            }),
        }
    }
    Ok(devices)
}

/// Ends one of the person's sessions; [`Error::NotFound`] for one that is not theirs, or not open.
pub async fn revoke(
    system: &System,
    user_id: UserId,
    session_id: SessionId,
    origin: &Origin,
) -> Result<Written<()>, Error> {
    let theirs = move |open: &OpenSession| open.session.session_id == session_id;
    revoke_some(system, user_id, "session", theirs, origin).await
}

/// Ends the sessions of one device; [`Error::NotFound`] where there are none.
pub async fn revoke_device(
    system: &System,
    user_id: UserId,
    device_id: &str,
    origin: &Origin,
) -> Result<Written<()>, Error> {
    let on_it = |open: &OpenSession| open.session.device_id.as_deref() == Some(device_id);
    revoke_some(system, user_id, "device", on_it, origin).await
}

/// Ends all of the person's sessions, or all but one.
pub async fn revoke_all(
    system: &System,
    user_id: UserId,
    except: Option<SessionId>,
    origin: &Origin,
) -> Result<Written<()>, Error> {
    let ended = end_all_by(system, Actor::Person(user_id), user_id, except, SessionEnd::Revoked, origin).await?;
    recorded(system, user_id, &ended.value, origin).await?;
    Ok(Written { value: (), position: ended.position })
}

async fn revoke_some(
    system: &System,
    user_id: UserId,
    what: &'static str,
    chosen: impl Fn(&OpenSession) -> bool,
    origin: &Origin,
) -> Result<Written<()>, Error> {
    let open = system.store.sessions(user_id).await?;
    let ids: Vec<_> = open.iter().filter(|open| chosen(open)).map(|open| open.session.session_id).collect();
    if ids.is_empty() {
        return Err(Error::NotFound { what });
    }
    end_in_tables(system, user_id, ids.clone()).await?;
    recorded(system, user_id, &ids, origin).await?;
    close(system, user_id, ids, origin).await
}

async fn recorded(system: &System, user_id: UserId, ended: &[SessionId], origin: &Origin) -> Result<(), Error> {
    for session_id in ended {
        let entry = Authentication {
            user_id: Some(user_id),
            session_id: Some(*session_id),
            ..origin.authentication(Action::RevokeSession, Outcome::Success)
        };
        system.store.record_authentication(&entry).await?;
    }
    Ok(())
}

/// What the tables have ended ends in the log.
async fn close(system: &System, user_id: UserId, ended: Vec<SessionId>, origin: &Origin) -> Result<Written<()>, Error> {
    people::change(system, user_id, Actor::Person(user_id), origin, |person| {
        let mut events = Vec::new();
        for session_id in &ended {
            let (session_id, reason, now) = (*session_id, SessionEnd::Revoked, crate::now());
            match person.decide(user::Command::CloseSession { session_id, reason, now }) {
                Err(user::Error::NoSuchSession) => {}
                decided => events.extend(decided?),
            }
        }
        Ok::<_, user::Error>(events)
    })
    .await
}
