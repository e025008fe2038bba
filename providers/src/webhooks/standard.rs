//! Standard Webhooks 1.0.0, by which the sandbox signs what it sends.

use base64::prelude::{BASE64_STANDARD, Engine};
use chrono::{DateTime, TimeDelta, Utc};
use reqwest::header::HeaderMap;
use secrecy::{ExposeSecret, SecretString};

use super::{Delivery, Refused, Verifier, is_signed, only, signature};

/// How old a delivery may be, or how far ahead of us its sender's clock.
const TOLERANCE: TimeDelta = TimeDelta::minutes(5);

/// The most signatures that are looked at: a sender that changes its secret signs with the old and the new one.
const MOST_SIGNATURES: usize = 4;

const LONGEST_ID: usize = 128;

/// Headers `webhook-id`, `webhook-timestamp` and `webhook-signature`: `v1,` and the base 64 of an HMAC-SHA256 over
/// `id.timestamp.body`, several of them separated by blanks.
pub struct StandardWebhooks {
    secret: SecretString,
}

/// What goes with a delivery to sign it.
pub struct Signed {
    pub id: String,
    pub timestamp: String,
    pub signature: String,
}

impl StandardWebhooks {
    pub fn new(secret: SecretString) -> StandardWebhooks {
        StandardWebhooks { secret }
    }

    /// As the sender does.
    pub fn sign(&self, id: &str, at: DateTime<Utc>, body: &[u8]) -> Signed {
        let timestamp = at.timestamp().to_string();
        let parts = [id.as_bytes(), b".", timestamp.as_bytes(), b".", body];
        let signature = signature(self.secret.expose_secret().as_bytes(), &parts);
        Signed { id: id.to_owned(), signature: format!("v1,{}", BASE64_STANDARD.encode(signature)), timestamp }
    }
}

impl Verifier for StandardWebhooks {
    fn verify(&self, headers: &HeaderMap, body: &[u8], now: DateTime<Utc>) -> Result<Delivery, Refused> {
        let (Some(id), Some(timestamp), Some(signatures)) =
            (only(headers, "webhook-id"), only(headers, "webhook-timestamp"), only(headers, "webhook-signature"))
        else {
            return Err(Refused::Unsigned);
        };
        let parts = [id.as_bytes(), b".", timestamp.as_bytes(), b".", body];
        let mut given = signatures.split(' ').take(MOST_SIGNATURES).filter_map(|one| one.strip_prefix("v1,"));
        let is_right = given.any(|one| {
            let signature = BASE64_STANDARD.decode(one);
            signature.is_ok_and(|signature| is_signed(self.secret.expose_secret().as_bytes(), &parts, &signature))
        });
        if !is_right {
            return Err(Refused::WrongSignature);
        }
        let sent_at = timestamp.parse().ok().and_then(|seconds| DateTime::from_timestamp(seconds, 0));
        let sent_at = sent_at.ok_or(Refused::Malformed)?;
        if (now - sent_at).abs() > TOLERANCE {
            return Err(Refused::Stale);
        }
        if id.is_empty() || id.len() > LONGEST_ID {
            return Err(Refused::Malformed);
        }
        Ok(Delivery { id: Some(id.to_owned()), is_question: false })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const BODY: &[u8] = br#"{"type":"check.completed"}"#;

    fn now() -> DateTime<Utc> {
        DateTime::from_timestamp(1_700_000_000, 0).unwrap()
    }

    fn verifier() -> StandardWebhooks {
        StandardWebhooks::new("a secret".into())
    }

    fn headers(signed: &Signed) -> HeaderMap {
        let fields = [
            ("webhook-id", &signed.id),
            ("webhook-timestamp", &signed.timestamp),
            ("webhook-signature", &signed.signature),
        ];
        fields.into_iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap())).collect()
    }

    #[test]
    fn what_the_sender_signed_is_taken_under_its_id() {
        let delivery = verifier().verify(&headers(&verifier().sign("msg_1", now(), BODY)), BODY, now());
        assert_eq!(delivery, Ok(Delivery { id: Some("msg_1".into()), is_question: false }));
    }

    #[test]
    fn any_of_several_signatures_may_be_right() {
        let mut signed = verifier().sign("msg_1", now(), BODY);
        let old = StandardWebhooks::new("an older secret".into()).sign("msg_1", now(), BODY);
        signed.signature = format!("{} {}", old.signature, signed.signature);
        assert!(verifier().verify(&headers(&signed), BODY, now()).is_ok());
    }

    #[test]
    fn what_was_changed_on_the_way_or_signed_by_another_is_refused() {
        let signed = verifier().sign("msg_1", now(), BODY);
        assert_eq!(verifier().verify(&headers(&signed), b"{}", now()), Err(Refused::WrongSignature));
        let other_id = Signed { id: "msg_2".into(), ..verifier().sign("msg_1", now(), BODY) };
        assert_eq!(verifier().verify(&headers(&other_id), BODY, now()), Err(Refused::WrongSignature));
        let forged = StandardWebhooks::new("another secret".into()).sign("msg_1", now(), BODY);
        assert_eq!(verifier().verify(&headers(&forged), BODY, now()), Err(Refused::WrongSignature));
        let none = Signed { signature: "v1a,xyz".into(), ..signed };
        assert_eq!(verifier().verify(&headers(&none), BODY, now()), Err(Refused::WrongSignature));
        assert_eq!(verifier().verify(&HeaderMap::new(), BODY, now()), Err(Refused::Unsigned));
    }

    #[test]
    fn a_delivery_is_good_for_five_minutes() {
        for (minutes, outcome) in [(0, None), (5, None), (6, Some(Refused::Stale)), (-6, Some(Refused::Stale))] {
            let signed = verifier().sign("msg_1", now() - TimeDelta::minutes(minutes), BODY);
            assert_eq!(verifier().verify(&headers(&signed), BODY, now()).err(), outcome, "{minutes}");
        }
    }
}
