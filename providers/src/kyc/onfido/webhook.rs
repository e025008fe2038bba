//! Webhooks of Onfido: `X-SHA2-Signature`, the HMAC-SHA256 of the raw body in lower-case hexadecimal. There is no time
//! in it, so a delivery may be replayed for ever; its body tells it from new ones.

use chrono::{DateTime, Utc};
use reqwest::header::HeaderMap;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;

use super::{super::Mention, known_id};
use crate::webhooks::{Delivery, Refused, Verifier, is_signed, only};

pub struct OnfidoWebhooks {
    token: SecretString,
}

impl OnfidoWebhooks {
    pub fn new(token: SecretString) -> OnfidoWebhooks {
        OnfidoWebhooks { token }
    }
}

impl Verifier for OnfidoWebhooks {
    fn verify(&self, headers: &HeaderMap, body: &[u8], _: DateTime<Utc>) -> Result<Delivery, Refused> {
        let signature = only(headers, "x-sha2-signature").ok_or(Refused::Unsigned)?;
        let signature = bytes(signature).ok_or(Refused::WrongSignature)?;
        match is_signed(self.token.expose_secret().as_bytes(), &[body], &signature) {
            true => Ok(Delivery::default()),
            false => Err(Refused::WrongSignature),
        }
    }
}

/// From lower-case hexadecimal digits.
fn bytes(hex: &str) -> Option<Vec<u8>> {
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let pairs = hex.as_bytes().chunks_exact(2);
    let whole = pairs.remainder().is_empty();
    pairs.map(|pair| Some(digit(pair[0])? << 4 | digit(pair[1])?)).collect::<Option<_>>().filter(|_| whole)
}

#[derive(Deserialize)]
struct Event {
    payload: Payload,
}

#[derive(Deserialize)]
struct Payload {
    resource_type: String,
    object: Named,
    resource: Option<Resource>,
}

#[derive(Deserialize)]
struct Named {
    id: String,
}

#[derive(Deserialize)]
struct Resource {
    applicant_id: Option<String>,
}

/// A thin body: what changed, and not how. The run, or the monitor, is looked at afterwards.
pub(super) fn mentioned(webhook: &[u8]) -> Mention {
    let Ok(Event { payload }) = serde_json::from_slice(webhook) else { return Mention::default() };
    let Payload { resource_type, object, resource } = payload;
    let (run, monitor) = match resource_type.as_str() {
        "workflow_run" => (Some(object.id), None),
        "watchlist_monitor" => (None, Some(object.id)),
        _ => (None, None),
    };
    let applicant = resource.and_then(|resource| resource.applicant_id);
    let sound = |id: String| known_id(&id).ok();
    Mention {
        case: None,
        applicant: applicant.and_then(sound),
        run: run.and_then(sound),
        monitor: monitor.and_then(sound),
    }
}
