//! Mail to people: what they have to confirm, and what they have to know about their account.
//!
//! A letter is queued, sealed, by whoever has a reason to write; a worker sends it. Nobody waits for a mail provider.
//! If the process dies between a change and its letter, the letter is missing: what must not be lost is in the log, and
//! what is needed to go on (a token) can be asked for again.

mod letters;

use std::time::Duration;

use aggregates::{UserId, user::User};
use futures::{StreamExt, stream};
use providers::{Failure, mail::Message};
use serde::{Deserialize, Serialize};
use store::{PersonalData, mail::DueMail};
use zeroize::{Zeroize, Zeroizing};

use crate::{Error, System};

pub use letters::{EMAIL_CHANGE_WITHIN, Factor, Letter};
pub(crate) use letters::{RESET_WITHIN, VERIFY_WITHIN};

/// Mails taken from the queue at a time, all of them handed over at once; as many again follow. Not more, lest a lease
/// end before its mail's turn comes.
const ROUND: i64 = 8;

/// Mails handed over at the same time.
const AT_ONCE: usize = ROUND as usize;

/// How long a mail that was taken is out of the other workers' sight. Above the provider's time-out (5 s, and half of
/// it waiting for a place), so that only a dead worker's mail is taken twice.
const LEASE: Duration = Duration::from_secs(15);

/// A mail that the provider did not take is tried again after a second, then after twice as long each time, up to this.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// A letter as it waits: rendered, so that what is sent is what was true when it was written.
#[derive(Serialize, Deserialize, Zeroize)]
struct Content {
    to: String,
    subject: String,
    text: String,
}

/// Writes to a person, at the address of their account.
pub async fn queue(system: &System, user_id: UserId, letter: Letter<'_>) -> Result<(), Error> {
    let person = system.store.load_latest::<User>(user_id).await?;
    let address = person.email().ok_or(Error::NotFound { what: "account" })?;
    let address = system.store.open(user_id, PersonalData::Email, address).await?;
    queue_to(system, user_id, &address, letter).await
}

/// Writes to a person at another address, which they say is theirs too.
pub async fn queue_to(system: &System, user_id: UserId, address: &str, letter: Letter<'_>) -> Result<(), Error> {
    let (subject, text) = letter.render(&system.settings.app_url, crate::now());
    let content = Zeroizing::new(Content { to: address.to_owned(), subject: subject.to_owned(), text });
    let json = Zeroizing::new(serde_json::to_string(&*content).map_err(|e| Error::Internal(e.into()))?);
    Ok(system.store.queue_mail(user_id, &json, letter.lifetime()).await?)
}

/// Writes to a person about what has happened already: failing to is logged, and does not undo it.
pub async fn notify(system: &System, user_id: UserId, letter: Letter<'_>) {
    if let Err(error) = queue(system, user_id, letter).await {
        tracing::warn!(%error, %user_id, "a notice could not be queued");
    }
}

/// Hands over the mails that are due; whether more may be waiting.
pub async fn deliver(system: &System) -> Result<bool, Error> {
    let expired = system.store.delete_expired_mail().await?;
    if expired > 0 {
        metrics::counter!("mail_total", "outcome" => "expired").increment(expired);
        tracing::warn!(expired, "mails could not be sent in time and were given up");
    }
    let due = system.store.take_due_mail(ROUND, LEASE).await?;
    let is_full = i64::try_from(due.len()).is_ok_and(|taken| taken == ROUND);
    stream::iter(due)
        .for_each_concurrent(AT_ONCE, |mail| async move {
            if let Err(error) = deliver_one(system, &mail).await {
                // Its lease ends, and it is taken again.
                tracing::warn!(%error, mail = %mail.mail_id, "a mail could not be handled");
            }
        })
        .await;
    Ok(is_full)
}

async fn deliver_one(system: &System, mail: &DueMail) -> Result<(), Error> {
    let store = &system.store;
    let content = match store.open(mail.user_id, PersonalData::Mail, &mail.content).await {
        Ok(content) => content,
        // The person was erased, or the row is damaged: nobody can read it ever again.
        Err(store::Error::Erased | store::Error::Unsealable) => return give_up(system, mail, "unreadable").await,
        Err(error) => return Err(error.into()),
    };
    let content: Zeroizing<Content> =
        Zeroizing::new(serde_json::from_str(&content).map_err(|e| Error::Internal(e.into()))?);
    let message = Message {
        id: mail.mail_id,
        from: &system.settings.mail_from,
        to: &content.to,
        subject: &content.subject,
        text: &content.text,
    };
    match system.providers.mail.send(&message).await {
        Ok(()) => {
            store.delete_mail(mail.mail_id).await?;
            metrics::counter!("mail_total", "outcome" => "sent").increment(1);
            Ok(())
        }
        // These are about us, our key or our address for the provider, and not about the mail.
        Err(Failure::Refused { status: status @ (401 | 403 | 404), code }) => {
            tracing::error!(status, code, "the mail provider refuses us; mail waits");
            Ok(store.postpone_mail(mail.mail_id, LONGEST_PAUSE).await?)
        }
        Err(Failure::Refused { status, code }) => {
            tracing::warn!(mail = %mail.mail_id, status, code, "the mail provider refuses a mail");
            give_up(system, mail, "refused").await
        }
        // Also an answer that cannot be understood: the mail has an id that keeps it from being delivered twice.
        Err(failure @ (Failure::Unreachable | Failure::Unknown | Failure::Malformed)) => {
            tracing::debug!(mail = %mail.mail_id, %failure, attempts = mail.attempts, "a mail is tried again");
            let pause = Duration::from_secs(1 << mail.attempts.saturating_sub(1).min(10)).min(LONGEST_PAUSE);
            Ok(store.postpone_mail(mail.mail_id, pause).await?)
        }
    }
}

async fn give_up(system: &System, mail: &DueMail, outcome: &'static str) -> Result<(), Error> {
    metrics::counter!("mail_total", "outcome" => outcome).increment(1);
    Ok(system.store.delete_mail(mail.mail_id).await?)
}
