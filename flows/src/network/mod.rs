//! Purchases that the card network brings: the issuer asks whether one may be made, and tells later what became of it.
//!
//! The question is decided at once by the card's own rules and by screening. Payment and hold, or payment and refusal,
//! are one append before the answer; the payment's id is made of the issuer's id of the authorisation, so the log
//! itself knows what was answered before. What the issuer tells afterwards, in any order and more than once, settles
//! against the hold ([`settle`]).

mod decide;
mod heard;
mod look_up;
mod settle;
mod work;

use std::time::Duration;

use aggregates::{
    CardId, PaymentId,
    card::{self, Card, Purchase},
    payment,
};
use providers::issuing::{network::CardName, stripe};
use serde::Deserialize;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{Error, Origin, System, cards, webhooks::Answer};

pub(crate) use heard::Heard;
pub use look_up::look_up;

/// How fast the issuer is answered, and when it is asked.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Past it the purchase is declined. Below the time that the issuer waits, which is 2 s for Stripe.
    pub decide_within_milliseconds: u64,
    /// How much of that screening may take. Past it the purchase is judged like a newcomer's; the card's rules bind all
    /// the same.
    pub screen_within_milliseconds: u64,
    /// How long nothing was heard of a purchase that still holds something, for a worker to ask the issuer how it
    /// stands. Longer than the issuer repeats a webhook that nobody takes, which is 3 days for Stripe, so that it is
    /// seldom asked for what it would have told. At most 30 days, which is as long as a merchant may wait; more counts
    /// as that, and 0 as 1.
    pub look_up_after_seconds: u64,
}

const DAY: u64 = 24 * 3_600;

impl Default for Settings {
    fn default() -> Self {
        Settings { decide_within_milliseconds: 1_500, screen_within_milliseconds: 500, look_up_after_seconds: 4 * DAY }
    }
}

impl Settings {
    pub fn look_up_after(&self) -> Duration {
        Duration::from_secs(self.look_up_after_seconds.clamp(1, 30 * DAY))
    }
}

/// Where a claim on an issuer's name for a card is made, so that the card is found by it.
pub(crate) const CARD_CLAIM: &str = "issuer_card";

/// Acts on what an issuer sent: answers its question, or settles what it tells.
pub(crate) async fn heard(
    system: &System,
    issuer: &'static str,
    body: &[u8],
    origin: &Origin,
) -> Result<Answer, Error> {
    use providers::issuing::network::Told;
    let told = stripe::read(body).map_err(|_| {
        metrics::counter!("webhooks_not_understood_total", "issuer" => issuer).increment(1);
        tracing::error!(issuer, "a signed event is not of the agreed form");
        Error::WebhookNotUnderstood
    })?;
    match told {
        Told::Question(question) => {
            let approved = decide::answer(system, issuer, question, origin).await;
            let (body, headers) = stripe::answer(approved);
            Ok(Answer { body, headers })
        }
        Told::Report(report) => settle::settle(system, issuer, report, origin).await.map(|()| Answer::default()),
        Told::Card(card) => hear_of_card(system, issuer, &card, origin).await.map(|()| Answer::default()),
        Told::Nothing => Ok(Answer::default()),
    }
}

/// The payment of an authorisation, or of a movement without one.
pub(crate) fn payment_id(issuer: &str, authorization: &str) -> PaymentId {
    let mut named = Sha256::new();
    named.update(b"network payment");
    named.update([issuer.len() as u8]);
    named.update(issuer.as_bytes());
    named.update(authorization.as_bytes());
    let mut id = [0; 16];
    id.copy_from_slice(&named.finalize()[..16]);
    PaymentId(Uuid::new_v8(id))
}

/// Of the requests on one authorisation, the first is named as the authorisation is, the others by their number.
fn request(authorization: &str, number: usize) -> String {
    match number {
        0 => authorization.to_owned(),
        number => format!("{authorization}#{number}"),
    }
}

/// Asks the issuer how a card is. One that we do not know, or that is only being issued, says nothing to us.
async fn hear_of_card(system: &System, issuer: &str, card: &CardName, origin: &Origin) -> Result<(), Error> {
    let Some(card_id) = find_card(system, issuer, card).await? else { return Ok(()) };
    match cards::hear_issuer(system, card_id, &card.reference, origin).await {
        Err(Error::NotFound { .. } | Error::Card(card::Error::NotFound | card::Error::NotIssued)) => Ok(()),
        heard => heard,
    }
}

/// The key of an issuer's name for a card.
pub(crate) fn card_claim(issuer: &str, reference: &str) -> Vec<u8> {
    format!("{issuer}:{reference}").into_bytes()
}

/// Our card, as the issuer repeats our id of it, or by its own.
async fn find_card(system: &System, issuer: &str, card: &CardName) -> Result<Option<CardId>, Error> {
    if card.card_id.is_some() {
        return Ok(card.card_id);
    }
    Ok(system.store.card_by_claim(CARD_CLAIM, &card_claim(issuer, &card.reference)).await?)
}

/// Whether it is this card that the issuer speaks of. Our id, which it repeats, is a hint: only its own name counts, and
/// only for its own cards.
fn is_about(issuer: &str, name: &CardName, card: &Card) -> bool {
    (card.issuer(), card.issuer_reference()) == (Some(issuer), Some(name.reference.as_str()))
}

fn of_network(issuer: &str, authorization: &str, purchase: &Purchase) -> payment::Network {
    payment::Network {
        issuer: issuer.to_owned(),
        authorization: authorization.to_owned(),
        mcc: purchase.mcc,
        country: purchase.country,
        currency: purchase.currency,
        channel: purchase.channel,
        posted: false,
    }
}

#[cfg(test)]
mod tests {
    use aggregates::card::{Event, Expiry};

    use super::*;

    #[test]
    fn an_issuer_speaks_of_its_own_cards_only() {
        let at = crate::now();
        let mut card = Card::default();
        let request = card::Command::Request {
            user_id: aggregates::UserId(Uuid::from_u128(1)),
            card_type: card::CardType::VirtualVisa,
            monthly_limit: aggregates::Money::new(100, aggregates::Currency::USD),
            terms: card::Terms::default(),
            now: at,
        };
        let requested = card.decide(request).expect("a card may be asked for");
        requested.iter().for_each(|event| card.apply(event));
        let name = |reference: &str| CardName { reference: reference.into(), card_id: None };
        assert!(!is_about("stripe", &name("ic_1"), &card));
        card.apply(&Event::Issued {
            issuer: "stripe".into(),
            issuer_reference: "ic_1".into(),
            last_four: "4242".into(),
            expiry: Expiry::new(10, 2029).expect("a month"),
            status: card::Status::Active,
            at,
        });
        assert!(is_about("stripe", &name("ic_1"), &card));
        assert!(!is_about("stripe", &name("ic_2"), &card) && !is_about("sandbox", &name("ic_1"), &card));
    }

    #[test]
    fn a_payment_is_named_by_issuer_and_authorisation() {
        let ids = [("stripe", "iauth_1"), ("stripe", "iauth_2"), ("sandbox", "iauth_1"), ("stripei", "auth_1")];
        let ids = ids.map(|(issuer, authorization)| payment_id(issuer, authorization).0);
        for (n, id) in ids.iter().enumerate() {
            assert_eq!(ids.iter().filter(|other| *other == id).count(), 1, "{n}");
        }
        assert_eq!(payment_id("stripe", "iauth_1").0, ids[0]);
    }
}
