//! The mailboxes of the people in tests, which the sandbox keeps.

use std::{net::SocketAddr, time::Duration};

use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::client::{Client, ClientError};

/// Subjects of letters that hold a token.
pub const VERIFY: &str = "Confirm your e-mail address";
pub const RESET: &str = "Reset your password";

/// Far beyond what a loaded machine, or a worker that is killed and started again, needs.
const PATIENCE: Duration = Duration::from_secs(30);
const BETWEEN_LOOKS: Duration = Duration::from_millis(20);

/// Characters of a token: 256 bits in base64url.
const TOKEN: usize = 43;

/// A letter that has arrived.
#[derive(Clone, Debug)]
pub struct Letter {
    pub subject: String,
    pub text: String,
}

impl Letter {
    /// The token, which stands on a line of its own.
    pub fn token(&self) -> Option<String> {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        self.text.lines().find(|line| line.len() == TOKEN && line.chars().all(plain)).map(str::to_owned)
    }
}

/// What has arrived for an address, the newest last.
pub async fn letters(sandbox: SocketAddr, to: &str) -> Result<Vec<Letter>, ClientError> {
    let path = format!("/mail/v1/messages?to={}", to.replace('+', "%2B"));
    let answer = Client::new(sandbox).get(&path, None).await?;
    let messages = answer.expect("the mailbox", hyper::StatusCode::OK)?["messages"].clone();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let letter = |message: &Value| Letter { subject: text(&message["subject"]), text: text(&message["text"]) };
    Ok(messages.as_array().into_iter().flatten().map(letter).collect())
}

/// Waits for a letter with this subject; the newest.
pub async fn letter(sandbox: SocketAddr, to: &str, subject: &'static str) -> Result<Letter, ClientError> {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let found = letters(sandbox, to).await?.into_iter().rfind(|letter| letter.subject == subject);
        match found {
            Some(letter) => return Ok(letter),
            None if Instant::now() < deadline => sleep(BETWEEN_LOOKS).await,
            None => return Err(ClientError::Unexpected { step: subject, answer: "no letter".into() }),
        }
    }
}
