//! The mail provider, and every mailbox that it delivers to.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use chrono::{DateTime, Utc};
use poem::{Request, Response};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{
    SandboxConfig,
    answers::{Problem, authorise, body, json},
};

/// Messages kept in one mailbox; the oldest makes room.
const KEPT: usize = 50;

pub(super) struct Mailboxes {
    key: SecretString,
    max_mailboxes: usize,
    mailboxes: Mutex<HashMap<String, Mailbox>>,
}

#[derive(Default)]
struct Mailbox {
    messages: VecDeque<Message>,
    /// Was turned away once, as `flaky.…` asks for.
    turned_away: bool,
}

#[derive(Clone, Serialize)]
struct Message {
    id: Uuid,
    from: String,
    subject: String,
    text: String,
    at: DateTime<Utc>,
}

#[derive(Deserialize)]
struct MessageRequest {
    from: String,
    to: String,
    subject: String,
    text: String,
}

#[derive(Serialize)]
struct Accepted {
    message_id: String,
    status: &'static str,
}

#[derive(Deserialize)]
struct Reader {
    to: String,
}

#[derive(Serialize)]
struct Messages {
    messages: Vec<Message>,
}

impl Mailboxes {
    pub fn new(config: &SandboxConfig) -> Mailboxes {
        Mailboxes { key: config.mail_key.clone(), max_mailboxes: config.max_records, mailboxes: Mutex::default() }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Mailbox>> {
        self.mailboxes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn deliver(&self, id: Uuid, request: MessageRequest) -> Result<(), Problem> {
        let MessageRequest { from, to, subject, text } = request;
        let mut mailboxes = self.lock();
        if mailboxes.len() >= self.max_mailboxes && !mailboxes.contains_key(&to) {
            return Err(Problem::FULL);
        }
        let is_flaky = to.starts_with("flaky.");
        let mailbox = mailboxes.entry(to).or_default();
        if is_flaky && !mailbox.turned_away {
            mailbox.turned_away = true;
            return Err(Problem::DOWN);
        }
        if mailbox.messages.iter().any(|message| message.id == id) {
            return Ok(());
        }
        if mailbox.messages.len() >= KEPT {
            mailbox.messages.pop_front();
        }
        mailbox.messages.push_back(Message { id, from, subject, text, at: Utc::now() });
        Ok(())
    }
}

/// `POST /mail/v1/messages`
pub(super) async fn send(mail: Arc<Mailboxes>, mut request: Request) -> Result<Response, Problem> {
    authorise(&request, &mail.key)?;
    let id = request.header("idempotency-key").and_then(|key| Uuid::try_parse(key).ok());
    let id = id.ok_or(Problem::INVALID_REQUEST)?;
    let body = body(&mut request).await?;
    let request: MessageRequest = serde_json::from_slice(&body).map_err(|_| Problem::INVALID_REQUEST)?;
    match &request.to {
        to if !to.contains('@') || request.text.is_empty() => return Err(Problem::INVALID_REQUEST),
        to if to.starts_with("down.") => return Err(Problem::DOWN),
        to if to.starts_with("refused.") => return Err(Problem::NO_SUCH_MAILBOX),
        _ => mail.deliver(id, request)?,
    }
    Ok(json(&Accepted { message_id: format!("msg_{id}"), status: "accepted" }))
}

/// `GET /mail/v1/messages?to=…`
pub(super) async fn read(mail: Arc<Mailboxes>, request: Request) -> Result<Response, Problem> {
    let Reader { to } = request.params().map_err(|_| Problem::INVALID_REQUEST)?;
    let messages = mail.lock().get(&to).map(|mailbox| mailbox.messages.iter().cloned().collect());
    Ok(json(&Messages { messages: messages.unwrap_or_default() }))
}
