//! What a person is told: by what happens, and by services.

use aggregates::{
    Actor, ClientId, NotificationId, UserId,
    notification::{self, Notification, Sent},
    user::{self, Standing, User},
};
use chrono::{DateTime, Utc};
use projections::{Content, INBOX_KEPT, ReadError, Subject};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use store::{AppendError, Loaded, PersonalData, Unit};
use uuid::Uuid;

use crate::{ATTEMPTS, Error, Origin, System, Written, payments::Key, people};

const LONGEST_TITLE: usize = 200;
const LONGEST_MESSAGE: usize = 2_000;
const LONGEST_DATA: usize = 8 * 1024;
const LONGEST_TOPIC: usize = 64;

/// One notification as its reader sees it.
#[derive(Clone)]
pub struct Told {
    pub id: Uuid,
    /// Where it stands in the log: what is at or before it is older.
    pub position: i64,
    /// What it is about, such as `transaction_success`.
    pub topic: String,
    pub title: String,
    pub message: String,
    pub data: About,
    pub created_at: DateTime<Utc>,
    pub is_read: bool,
}

/// What a notification is about.
#[derive(Clone)]
pub enum About {
    Subject(Subject),
    /// As the sending service gave it.
    Given(Map<String, Value>),
}

/// What a service has to say.
pub struct Message {
    pub user_id: UserId,
    pub topic: String,
    pub title: String,
    pub message: String,
    pub data: Map<String, Value>,
}

/// A part of the inbox, newest first, and how many of all that is kept are not read.
pub struct Inbox {
    pub told: Vec<Told>,
    pub unread: usize,
}

/// The newest notifications, newest first. They live in Redis only: while it is away there are none to show, and
/// that is an error rather than an empty list.
pub async fn inbox(system: &System, user_id: UserId, limit: usize, at_least: Option<i64>) -> Result<Vec<Told>, Error> {
    let inbox = read(system, user_id, limit, at_least).await?;
    opened(system, user_id, inbox).await
}

/// The newest `limit`, with the count of those that are not read.
pub async fn newest(system: &System, user_id: UserId, limit: usize, at_least: Option<i64>) -> Result<Inbox, Error> {
    let mut inbox = read(system, user_id, INBOX_KEPT, at_least).await?;
    let unread = inbox.notifications.iter().filter(|told| told.position > inbox.read_up_to).count();
    inbox.notifications.truncate(limit);
    Ok(Inbox { told: opened(system, user_id, inbox).await?, unread })
}

/// Marks a notification and all older ones as read; none: all that there are.
pub async fn mark_read(
    system: &System,
    user_id: UserId,
    notification: Option<Uuid>,
    at_least: Option<i64>,
    origin: &Origin,
) -> Result<Written<()>, Error> {
    let inbox = read(system, user_id, INBOX_KEPT, at_least).await?;
    let mut told = inbox.notifications.iter();
    let up_to_position = match notification {
        None => told.next().map_or(0, |newest| newest.position),
        Some(id) => told.find(|told| told.id == id).ok_or(Error::NotFound { what: "notification" })?.position,
    };
    let command = || user::Command::ReadNotifications { up_to_position, now: crate::now() };
    people::change(system, user_id, Actor::Person(user_id), origin, |person| person.decide(command())).await
}

/// Records what a service tells a person, sealed under the person's key. With a key of the service's a repeat finds the
/// notification that the first call made; without one each call is a notification of its own.
pub async fn send(
    system: &System,
    message: Message,
    sender: ClientId,
    key: Key<'_>,
    origin: &Origin,
) -> Result<Written<NotificationId>, Error> {
    check(&message)?;
    let (store, user_id) = (&system.store, message.user_id);
    let id = identify(sender, key);
    let data = serde_json::to_string(&message.data).map_err(|e| Error::Internal(e.into()))?;
    for _ in 0..ATTEMPTS {
        let sent = match key {
            Key::Fresh => Loaded::<Notification>::new(id),
            Key::Client(_) => store.load_latest::<Notification>(id).await?,
        };
        if let Some(earlier) = sent.sent() {
            refuse_another(system, &message, &data, earlier).await?;
            return Ok(Written { value: id, position: store.head().await? });
        }
        refuse_ended(&*store.load_latest::<User>(user_id).await?)?;
        let command = notification::Command::Send {
            user_id,
            topic: message.topic.clone(),
            title: store.seal(user_id, PersonalData::NotificationTitle, &message.title).await?,
            message: store.seal(user_id, PersonalData::NotificationMessage, &message.message).await?,
            data: store.seal(user_id, PersonalData::NotificationData, &data).await?,
            now: crate::now(),
        };
        let events = sent.decide(command)?;
        match store.append(Unit::new(origin.context(Actor::Service(sender))).stream(&sent, events)).await {
            Ok(appended) => return Ok(Written { value: id, position: appended.position }),
            Err(AppendError::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Error::Conflict)
}

/// A sender's key is the notification's id, so the log itself is the record of what was sent under it.
fn identify(sender: ClientId, key: Key<'_>) -> NotificationId {
    let Key::Client(key) = key else { return NotificationId(store::new_id()) };
    let named = Sha256::new_with_prefix(b"notification").chain_update(sender.0).chain_update(key);
    let mut id = [0; 16];
    id.copy_from_slice(&named.finalize()[..16]);
    NotificationId(Uuid::new_v8(id))
}

fn refuse_ended(person: &User) -> Result<(), Error> {
    match person.standing() {
        Standing::Open if person.is_registered() => Ok(()),
        Standing::Open | Standing::Erased => Err(Error::NotFound { what: "account" }),
        Standing::Closed => Err(user::Error::Closed.into()),
    }
}

/// Refuses a repeat that says something else than the first call did.
async fn refuse_another(system: &System, message: &Message, data: &str, earlier: &Sent) -> Result<(), Error> {
    if (earlier.user_id, &earlier.topic) != (message.user_id, &message.topic) {
        return Err(notification::Error::AlreadySent.into());
    }
    for (field, sealed, said) in [
        (PersonalData::NotificationTitle, &earlier.title, message.title.as_str()),
        (PersonalData::NotificationMessage, &earlier.message, &message.message),
        (PersonalData::NotificationData, &earlier.data, data),
    ] {
        match system.store.open(earlier.user_id, field, sealed).await {
            Ok(earlier) if *earlier == said => {}
            Ok(_) => return Err(notification::Error::AlreadySent.into()),
            Err(store::Error::Erased) => return Err(Error::NotFound { what: "account" }),
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

async fn read(
    system: &System,
    user_id: UserId,
    limit: usize,
    at_least: Option<i64>,
) -> Result<projections::Inbox, Error> {
    match system.views.inbox(user_id, limit, at_least).await {
        Ok(inbox) => Ok(inbox),
        Err(ReadError::Behind { wanted, .. }) => Err(Error::Behind { position: wanted }),
        Err(ReadError::NotReady | ReadError::Unavailable(_)) => {
            Err(Error::Unavailable { what: "notifications", resource: None })
        }
    }
}

async fn opened(system: &System, user_id: UserId, inbox: projections::Inbox) -> Result<Vec<Told>, Error> {
    let mut told = Vec::with_capacity(inbox.notifications.len());
    for projections::Notification { id, position, content, created_at } in inbox.notifications {
        let is_read = position <= inbox.read_up_to;
        let (topic, title, message, data) = match content {
            Content::Composed(text) => {
                (text.kind.as_str().to_owned(), text.title, text.message, About::Subject(text.data))
            }
            Content::Sent { topic, title, message, data } => {
                let open = async |field, sealed| system.store.open(user_id, field, sealed).await;
                let title = open(PersonalData::NotificationTitle, &title).await?.to_string();
                let message = open(PersonalData::NotificationMessage, &message).await?.to_string();
                let data = open(PersonalData::NotificationData, &data).await?;
                let data = serde_json::from_str(&data).map_err(|e| Error::Internal(e.into()))?;
                (topic, title, message, About::Given(data))
            }
        };
        told.push(Told { id, position, topic, title, message, data, created_at, is_read });
    }
    Ok(told)
}

fn check(message: &Message) -> Result<(), Error> {
    let is_topic = |topic: &str| {
        (1..=LONGEST_TOPIC).contains(&topic.len())
            && topic.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
    };
    if !is_topic(&message.topic) {
        return Err(Error::invalid(
            "type",
            format!("has 1 to {LONGEST_TOPIC} lower-case letters, digits or underscores"),
        ));
    }
    for (field, text, longest) in
        [("title", &message.title, LONGEST_TITLE), ("message", &message.message, LONGEST_MESSAGE)]
    {
        let odd = |c: char| c.is_control() && c != '\n';
        if text.trim().is_empty() || text.chars().count() > longest || text.contains(odd) {
            return Err(Error::invalid(field, format!("has 1 to {longest} characters")));
        }
    }
    match serde_json::to_string(&message.data).is_ok_and(|data| data.len() <= LONGEST_DATA) {
        true => Ok(()),
        false => Err(Error::invalid("data", format!("has at most {LONGEST_DATA} bytes"))),
    }
}
