use async_trait::async_trait;
use reqwest::{
    Client, Url,
    header::{HeaderName, HeaderValue},
};
use serde::{Deserialize, Serialize};

use super::{Mail, Message};
use crate::{Failure, SetupError, VendorConfig, config::BaseUrl, http::Line, metering::Meter, wiped::WipedBuffer};

const NAME: &str = "sandbox";
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The sandbox's mail: `POST /mail/v1/messages` with the header `Idempotency-Key`.
pub struct Sandbox {
    line: Line,
    messages: Url,
    send: Meter,
}

#[derive(Serialize)]
struct MessageRequest<'a> {
    from: &'a str,
    to: &'a str,
    subject: &'a str,
    text: &'a str,
}

#[derive(Deserialize)]
struct MessageAnswer<'a> {
    status: &'a str,
}

impl Sandbox {
    pub(crate) fn new(client: &Client, base: &BaseUrl, config: &VendorConfig) -> Result<Sandbox, SetupError> {
        Ok(Sandbox {
            line: Line::new(client, config)?,
            messages: base.join("/mail/v1/messages"),
            send: Meter::new(NAME, "mail_send"),
        })
    }
}

#[async_trait]
impl Mail for Sandbox {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn send(&self, message: &Message<'_>) -> Result<(), Failure> {
        let Message { id, from, to, subject, text } = *message;
        let body = WipedBuffer::json(&MessageRequest { from, to, subject, text });
        let key = HeaderValue::try_from(id.to_string()).expect("a UUID is visible ASCII");
        let call = async {
            let answer = self.line.post(self.messages.clone(), body, Some((IDEMPOTENCY_KEY, key))).await?;
            let answer: MessageAnswer<'_> = answer.json()?;
            if answer.status == "accepted" { Ok(()) } else { Err(Failure::Malformed) }
        };
        self.send.measure(call).await
    }
}
