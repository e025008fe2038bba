//! Stripe's events about purchases and cards, as far as we listen.

use std::borrow::Cow;

use aggregates::{
    Money,
    card::{Channel, Purchase},
};
use serde::Deserialize;

use super::parts::{Card, Merchant, Named, currency, name};
use crate::{
    failure::stable_code,
    issuing::network::{CardName, Ended, Movement, MovementKind, Question, Report, Reversal, Ruling, Told},
};

/// The event that waits for an answer.
pub(super) const QUESTION: &str = "issuing_authorization.request";

/// The event does not have the form that Stripe's specification gives it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the event is not of the agreed form")]
pub struct NotAnEvent;

/// What tells an event from others; the rest is read only by whoever acts on it.
#[derive(Deserialize)]
pub(super) struct Head<'a> {
    #[serde(borrow)]
    pub id: Cow<'a, str>,
    #[serde(rename = "type", borrow)]
    pub kind: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Event<'a, T> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    data: Data<T>,
}

#[derive(Deserialize)]
struct Data<T> {
    object: T,
    #[serde(default)]
    previous_attributes: Previous,
}

/// What an update changed, as it was before.
#[derive(Default, Deserialize)]
struct Previous {
    amount: Option<i64>,
    transactions: Option<serde::de::IgnoredAny>,
}

#[derive(Deserialize)]
struct Authorization<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    amount: i64,
    #[serde(borrow)]
    currency: Cow<'a, str>,
    #[serde(borrow)]
    merchant_currency: Cow<'a, str>,
    #[serde(borrow)]
    authorization_method: Cow<'a, str>,
    #[serde(borrow)]
    merchant_data: Merchant<'a>,
    #[serde(borrow)]
    card: Card<'a>,
    #[serde(borrow)]
    status: Cow<'a, str>,
    #[serde(default)]
    pending_request: Option<Pending>,
    #[serde(default, borrow)]
    request_history: Vec<Request<'a>>,
    #[serde(default, borrow)]
    transactions: Vec<Transaction<'a>>,
}

#[derive(Deserialize)]
struct Pending {
    amount: i64,
}

#[derive(Deserialize)]
struct Request<'a> {
    approved: bool,
    amount: i64,
    #[serde(borrow)]
    reason: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Transaction<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(rename = "type", borrow)]
    kind: Cow<'a, str>,
    /// Below zero for captures.
    amount: i64,
    #[serde(borrow)]
    currency: Cow<'a, str>,
    #[serde(borrow)]
    merchant_currency: Cow<'a, str>,
    #[serde(borrow)]
    merchant_data: Merchant<'a>,
    #[serde(borrow)]
    card: Named<'a>,
    #[serde(default, borrow)]
    authorization: Option<Named<'a>>,
}

/// Reads an event whose signature was verified.
pub fn read(body: &[u8]) -> Result<Told, NotAnEvent> {
    let head: Head<'_> = parse(body)?;
    match head.kind.as_ref() {
        QUESTION => parse::<Event<'_, Authorization<'_>>>(body)?.data.object.question().map(Told::Question),
        "issuing_authorization.created" | "issuing_authorization.updated" => {
            let event: Event<'_, Authorization<'_>> = parse(body)?;
            let (id, previous) = (event.id, event.data.previous_attributes);
            event.data.object.report(&id, &previous).map(Told::Report)
        }
        "issuing_transaction.created" => {
            let report = parse::<Event<'_, Transaction<'_>>>(body)?.data.object.report()?;
            Ok(report.map_or(Told::Nothing, Told::Report))
        }
        "issuing_card.created" | "issuing_card.updated" => {
            // That it changed: how it is now, the issuer is asked.
            parse::<Event<'_, Card<'_>>>(body)?.data.object.name().map(Told::Card)
        }
        _ => Ok(Told::Nothing),
    }
}

pub(super) fn parse<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, NotAnEvent> {
    serde_json::from_slice(body).map_err(|_| NotAnEvent)
}

impl Authorization<'_> {
    fn question(self) -> Result<Question, NotAnEvent> {
        let asked = self.pending_request.as_ref().ok_or(NotAnEvent)?.amount;
        Ok(Question {
            authorization: name(&self.id)?,
            number: u32::try_from(self.request_history.len()).map_err(|_| NotAnEvent)?,
            card: self.card.name()?,
            purchase: self.purchase(asked)?,
        })
    }

    fn report(self, event: &str, previous: &Previous) -> Result<Report, NotAnEvent> {
        let currency = currency(&self.currency)?;
        let ruling = |request: &Request<'_>| Ruling {
            approved: request.approved,
            amount: Money::new(request.amount, currency),
            reason: stable_code(&request.reason),
        };
        let ended = match self.status.as_ref() {
            "closed" => Some(Ended::Closed),
            "reversed" => Some(Ended::Reversed),
            "expired" => Some(Ended::Expired),
            _ => None,
        };
        // With a new transaction, what went from the amount was captured, not given back.
        let less = previous.amount.and_then(|before| before.checked_sub(self.amount));
        let less = less.filter(|less| *less > 0 && previous.transactions.is_none() && ended.is_none());
        let reversal = match less {
            Some(less) => Some(Reversal { reference: name(event)?, amount: Money::new(less, currency) }),
            None => None,
        };
        Ok(Report {
            authorization: Some(name(&self.id)?),
            card: self.card.name()?,
            purchase: self.purchase(self.amount)?,
            rulings: self.request_history.iter().map(ruling).collect(),
            movements: self
                .transactions
                .iter()
                .filter_map(|moved| moved.movement().transpose())
                .collect::<Result<_, _>>()?,
            reversal,
            ended,
        })
    }

    fn purchase(&self, amount: i64) -> Result<Purchase, NotAnEvent> {
        let channel = match self.authorization_method.as_ref() {
            "online" => Channel::Online,
            "keyed_in" => Channel::KeyedIn,
            _ => Channel::InPerson,
        };
        self.merchant_data.purchase(Money::new(amount, currency(&self.currency)?), &self.merchant_currency, channel)
    }
}

impl Transaction<'_> {
    /// None where nothing moved.
    fn movement(&self) -> Result<Option<Movement>, NotAnEvent> {
        let (kind, amount) = match (self.kind.as_ref(), self.amount) {
            ("capture" | "refund", 0) => return Ok(None),
            ("capture", ..0) => (MovementKind::Capture, self.amount.checked_neg().ok_or(NotAnEvent)?),
            ("refund", 1..) => (MovementKind::Refund, self.amount),
            _ => return Err(NotAnEvent),
        };
        Ok(Some(Movement { reference: name(&self.id)?, kind, amount: Money::new(amount, currency(&self.currency)?) }))
    }

    fn report(self) -> Result<Option<Report>, NotAnEvent> {
        let Some(movement) = self.movement()? else { return Ok(None) };
        // How the card was presented is said of authorisations only.
        let purchase = self.merchant_data.purchase(movement.amount, &self.merchant_currency, Channel::Online)?;
        Ok(Some(Report {
            authorization: self.authorization.as_ref().map(|named| name(named.id())).transpose()?,
            card: CardName { reference: name(self.card.id())?, card_id: None },
            purchase,
            rulings: vec![],
            movements: vec![movement],
            reversal: None,
            ended: None,
        }))
    }
}
