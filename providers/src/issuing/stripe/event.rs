//! Stripe's events about purchases and cards, as far as we listen.

use std::borrow::Cow;

use aggregates::{
    CardId, Currency, Money,
    card::{Channel, Purchase},
};
use serde::Deserialize;

use crate::{
    failure::{reference, stable_code},
    issuing::network::{
        CardName, CardReport, CardStanding, Ended, Movement, MovementKind, Question, Report, Reversal, Ruling, Told,
    },
};

/// The event that waits for an answer.
pub(super) const QUESTION: &str = "issuing_authorization.request";

/// Automated cash disbursements, ISO 18245.
const CASH_MACHINE: &str = "6011";

const LONGEST_NAME: usize = 200;
const LONGEST_CATEGORY: usize = 64;

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
    created: i64,
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
struct Merchant<'a> {
    #[serde(borrow)]
    category: Cow<'a, str>,
    #[serde(borrow)]
    category_code: Cow<'a, str>,
    #[serde(default, borrow)]
    name: Option<Cow<'a, str>>,
    #[serde(default, borrow)]
    country: Option<Cow<'a, str>>,
    #[serde(borrow)]
    network_id: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Card<'a> {
    #[serde(borrow)]
    id: Cow<'a, str>,
    #[serde(borrow)]
    status: Cow<'a, str>,
    #[serde(default, borrow)]
    cancellation_reason: Option<Cow<'a, str>>,
    #[serde(default)]
    metadata: Metadata,
}

#[derive(Default, Deserialize)]
struct Metadata {
    card_id: Option<String>,
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

/// A thing that Stripe gives by its id, or whole if asked to.
#[derive(Deserialize)]
#[serde(untagged)]
enum Named<'a> {
    Id(#[serde(borrow)] Cow<'a, str>),
    Whole {
        #[serde(borrow)]
        id: Cow<'a, str>,
    },
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
            parse::<Event<'_, Transaction<'_>>>(body)?.data.object.report().map(Told::Report)
        }
        "issuing_card.created" | "issuing_card.updated" => {
            let event: Event<'_, Card<'_>> = parse(body)?;
            event.data.object.report(event.created).map(Told::Card)
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
            movements: self.transactions.iter().map(Transaction::movement).collect::<Result<_, _>>()?,
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
    fn movement(&self) -> Result<Movement, NotAnEvent> {
        let kind = match self.kind.as_ref() {
            "capture" => MovementKind::Capture,
            "refund" => MovementKind::Refund,
            _ => return Err(NotAnEvent),
        };
        let amount = self.amount.checked_abs().ok_or(NotAnEvent)?;
        Ok(Movement { reference: name(&self.id)?, kind, amount: Money::new(amount, currency(&self.currency)?) })
    }

    fn report(self) -> Result<Report, NotAnEvent> {
        let movement = self.movement()?;
        // How the card was presented is said of authorisations only.
        let purchase = self.merchant_data.purchase(movement.amount, &self.merchant_currency, Channel::Online)?;
        Ok(Report {
            authorization: self.authorization.as_ref().map(|named| name(named.id())).transpose()?,
            card: CardName { reference: name(self.card.id())?, card_id: None },
            purchase,
            rulings: vec![],
            movements: vec![movement],
            reversal: None,
            ended: None,
        })
    }
}

impl Merchant<'_> {
    fn purchase(&self, amount: Money, paid_in: &str, channel: Channel) -> Result<Purchase, NotAnEvent> {
        let cash = self.category_code == CASH_MACHINE;
        let known = self.name.as_deref().map(str::trim).filter(|name| !name.is_empty());
        Ok(Purchase {
            amount,
            merchant: plain(known.unwrap_or(&self.network_id), LONGEST_NAME),
            merchant_category: plain(&self.category, LONGEST_CATEGORY),
            mcc: self.category_code.parse().ok(),
            country: self.country.as_deref().and_then(|country| country.parse().ok()),
            currency: Some(currency(paid_in)?),
            channel: if cash { Channel::Withdrawal } else { channel },
        })
    }
}

impl Card<'_> {
    fn name(&self) -> Result<CardName, NotAnEvent> {
        let known = self.metadata.card_id.as_deref().and_then(|id| id.parse::<CardId>().ok());
        Ok(CardName { reference: name(&self.id)?, card_id: known })
    }

    fn report(self, at: i64) -> Result<CardReport, NotAnEvent> {
        let reason = self.cancellation_reason.as_deref();
        let status = match self.status.as_ref() {
            "active" => CardStanding::Active,
            "inactive" => CardStanding::Inactive,
            "canceled" => CardStanding::Canceled { stolen: reason == Some("stolen"), lost: reason == Some("lost") },
            _ => return Err(NotAnEvent),
        };
        Ok(CardReport { card: self.name()?, status, at })
    }
}

impl Named<'_> {
    fn id(&self) -> &str {
        match self {
            Named::Id(id) | Named::Whole { id } => id,
        }
    }
}

/// One of Stripe's ids, as it may stand in events.
fn name(id: &str) -> Result<String, NotAnEvent> {
    reference(id).map_err(|_| NotAnEvent)
}

fn currency(code: &str) -> Result<Currency, NotAnEvent> {
    Currency::from_code(&code.to_ascii_uppercase()).ok_or(NotAnEvent)
}

/// Somebody else's words, without control characters and cut to `longest` bytes.
fn plain(text: &str, longest: usize) -> String {
    let mut plain = String::with_capacity(text.len().min(longest));
    for c in text.chars().map(|c| if c.is_control() { ' ' } else { c }) {
        if plain.len() + c.len_utf8() > longest {
            break;
        }
        plain.push(c);
    }
    if plain.trim().is_empty() { "unknown".into() } else { plain }
}
