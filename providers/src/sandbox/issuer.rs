//! The card issuer.

use std::{
    collections::{HashMap, hash_map::Entry as Slot},
    sync::{Arc, Mutex, PoisonError},
};

use aggregates::{
    Money, UserId,
    card::{CardType, Expiry, IssuerStatus, Reason},
};
use chrono::{Datelike, Utc};
use poem::{Request, Response};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::{
    SandboxConfig,
    answers::{Problem, authorise, body, hang_up, id_in_query, json},
    card_numbers::{CardNumbers, cvv},
};
use crate::decimal;

pub(super) struct Issuer {
    key: SecretString,
    max_cards: usize,
    expire_in_months: i32,
    cards: Mutex<Cards>,
}

#[derive(Default)]
struct Cards {
    by_id: HashMap<Uuid, Card>,
    numbers: CardNumbers,
}

struct Card {
    /// Whose card it is by its client's own name, which is the key that it was asked for with.
    card_id: Uuid,
    user_id: UserId,
    card_type: CardType,
    limit: Money,
    number: String,
    expiry: Expiry,
    status: IssuerStatus,
    /// Why it has ended, if that was said.
    reason: Option<Reason>,
}

impl Issuer {
    pub fn new(config: &SandboxConfig) -> Issuer {
        Issuer {
            key: config.issuer_key.clone(),
            max_cards: config.max_records,
            expire_in_months: config.cards_expire_in_months,
            cards: Mutex::default(),
        }
    }

    /// What whoever asks the issuer has to know.
    pub fn key(&self) -> &SecretString {
        &self.key
    }

    /// Makes a card what it is told to be, unless it is canceled; what it is then.
    pub fn change(&self, id: Uuid, status: IssuerStatus, reason: Option<Reason>) -> Result<IssuerStatus, Problem> {
        let mut cards = self.cards.lock().unwrap_or_else(PoisonError::into_inner);
        let card = cards.by_id.get_mut(&id).ok_or(Problem::NO_SUCH_CARD)?;
        if card.status != IssuerStatus::Canceled {
            (card.status, card.reason) = (status, reason);
        }
        Ok(card.status)
    }

    fn status_of(&self, id: Uuid) -> Result<StatusAnswer, Problem> {
        let cards = self.cards.lock().unwrap_or_else(PoisonError::into_inner);
        let card = cards.by_id.get(&id).ok_or(Problem::NO_SUCH_CARD)?;
        Ok(StatusAnswer { card_id: format!("card_{id}"), status: card.status, reason: card.reason })
    }

    /// What was made for a client's card, the key of which may be forgotten. Looks at every card there is.
    fn made_for(&self, card_id: Uuid) -> Response {
        let cards = self.cards.lock().unwrap_or_else(PoisonError::into_inner);
        let made = cards.by_id.iter().filter(|(_, card)| card.card_id == card_id);
        json(&CardsAnswer { cards: made.map(|(id, card)| card.shown(*id)).collect() })
    }

    /// Answers the card of this id, and whether it was made just now.
    fn issue(&self, id: Uuid, request: &CardRequest<'_>, limit: Money) -> Result<(Response, bool), Problem> {
        let mut cards = self.cards.lock().unwrap_or_else(PoisonError::into_inner);
        let Cards { by_id, numbers } = &mut *cards;
        let made = by_id.len();
        match by_id.entry(id) {
            Slot::Occupied(slot) => Ok((slot.get().answer(id, request, limit)?, false)),
            Slot::Vacant(_) if made >= self.max_cards => Err(Problem::FULL),
            Slot::Vacant(slot) => {
                let card = slot.insert(Card::make(request, limit, numbers.take(id), self.expire_in_months));
                Ok((card.answer(id, request, limit)?, true))
            }
        }
    }
}

/// What the last two digits of the limit's minor units ask for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Scenario {
    Issue,
    Down,
    LoseFirstAnswer,
    /// As if the key were older than a day already.
    LoseAnswerAndKey,
}

impl Scenario {
    fn of(limit: Money) -> Scenario {
        match limit.minor_units % 100 {
            13 => Scenario::Down,
            14 => Scenario::LoseFirstAnswer,
            15 => Scenario::LoseAnswerAndKey,
            _ => Scenario::Issue,
        }
    }
}

#[derive(Deserialize)]
struct CardRequest<'a> {
    card_id: Uuid,
    user_id: UserId,
    card_type: CardType,
    currency: &'a str,
    #[serde(borrow)]
    amount_limit: &'a RawValue,
}

#[derive(Serialize)]
struct CardAnswer<'a> {
    card_id: String,
    card_number: &'a str,
    cvv: String,
    expiry_date: Expiry,
    status: &'static str,
}

#[derive(Serialize)]
struct CardsAnswer<'a> {
    cards: Vec<CardAnswer<'a>>,
}

#[derive(Deserialize)]
struct StatusRequest {
    status: IssuerStatus,
    #[serde(default)]
    reason: Option<Reason>,
}

#[derive(Serialize)]
struct StatusAnswer {
    card_id: String,
    status: IssuerStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
}

/// `POST /issuer/v1/cards`
pub(super) async fn issue(issuer: Arc<Issuer>, mut request: Request) -> Result<Response, Problem> {
    authorise(&request, &issuer.key)?;
    let id = request.header("idempotency-key").and_then(|key| Uuid::try_parse(key).ok());
    let id = id.ok_or(Problem::INVALID_REQUEST)?;
    let body = body(&mut request).await?;
    let request: CardRequest<'_> = serde_json::from_slice(&body).map_err(|_| Problem::INVALID_REQUEST)?;
    let limit = decimal::money(request.amount_limit, request.currency).map_err(|_| Problem::INVALID_REQUEST)?;
    if !limit.is_positive() {
        return Err(Problem::INVALID_REQUEST);
    }
    let scenario = Scenario::of(limit);
    if scenario == Scenario::Down {
        return Err(Problem::DOWN);
    }
    // A key that is forgotten finds nothing, so that the card gets a name that has nothing to do with it.
    let id = if scenario == Scenario::LoseAnswerAndKey { Uuid::now_v7() } else { id };
    let (answer, is_new) = issuer.issue(id, &request, limit)?;
    match scenario {
        Scenario::LoseFirstAnswer | Scenario::LoseAnswerAndKey if is_new => hang_up(),
        Scenario::Issue | Scenario::Down | Scenario::LoseFirstAnswer | Scenario::LoseAnswerAndKey => Ok(answer),
    }
}

/// `GET /issuer/v1/cards?card_id=…`: what was made for a card, by the client's own name for it.
pub(super) async fn find(issuer: Arc<Issuer>, request: Request) -> Result<Response, Problem> {
    authorise(&request, &issuer.key)?;
    Ok(issuer.made_for(id_in_query(&request, "card_id")?))
}

/// `POST /issuer/v1/cards/:card_id/status`: what is canceled stays so. Repeats change nothing, so the key that is asked
/// for is not remembered.
pub(super) async fn set_status(issuer: Arc<Issuer>, mut request: Request) -> Result<Response, Problem> {
    authorise(&request, &issuer.key)?;
    let keyed = request.header("idempotency-key").is_some_and(|key| Uuid::try_parse(key).is_ok());
    let id = request.path_params::<String>().ok();
    let id = id.and_then(|name| Uuid::try_parse(name.strip_prefix("card_")?).ok()).filter(|_| keyed);
    let id = id.ok_or(Problem::INVALID_REQUEST)?;
    let body = body(&mut request).await?;
    let StatusRequest { status, reason } = serde_json::from_slice(&body).map_err(|_| Problem::INVALID_REQUEST)?;
    Ok(json(&StatusAnswer { card_id: format!("card_{id}"), status: issuer.change(id, status, reason)?, reason: None }))
}

/// `GET /issuer/v1/cards/:card_id/status`.
pub(super) async fn look_up(issuer: Arc<Issuer>, request: Request) -> Result<Response, Problem> {
    authorise(&request, &issuer.key)?;
    let id = request.path_params::<String>().ok();
    let id = id.and_then(|name| Uuid::try_parse(name.strip_prefix("card_")?).ok()).ok_or(Problem::INVALID_REQUEST)?;
    Ok(json(&issuer.status_of(id)?))
}

/// `GET /sandbox/cards/:card_id`: what a card is at the issuer, and why it has ended.
pub(super) async fn status(issuer: Arc<Issuer>, request: Request) -> Result<Response, Problem> {
    let id = request.path_params::<Uuid>().map_err(|_| Problem::INVALID_REQUEST)?;
    Ok(json(&issuer.status_of(id)?))
}

/// The month so many after this one; ten years back and thirty ahead at most.
fn expiry(in_months: i32) -> Expiry {
    let in_months = in_months.clamp(-120, 360);
    let now = Utc::now();
    let month = now.year().saturating_mul(12).saturating_add(now.month0() as i32).saturating_add(in_months);
    let (year, month) = (u16::try_from(month / 12).ok(), u8::try_from(month % 12 + 1).ok());
    year.zip(month).and_then(|(year, month)| Expiry::new(month, year)).expect("the clock is before the year 2069")
}

impl Card {
    fn make(request: &CardRequest<'_>, limit: Money, number: String, expire_in_months: i32) -> Card {
        Card {
            card_id: request.card_id,
            user_id: request.user_id,
            card_type: request.card_type,
            limit,
            number,
            expiry: expiry(expire_in_months),
            status: IssuerStatus::Active,
            reason: None,
        }
    }

    fn answer(&self, id: Uuid, request: &CardRequest<'_>, limit: Money) -> Result<Response, Problem> {
        if (self.user_id, self.card_type, self.limit) != (request.user_id, request.card_type, limit) {
            return Err(Problem::KEY_REUSED);
        }
        Ok(json(&self.shown(id)))
    }

    fn shown(&self, id: Uuid) -> CardAnswer<'_> {
        CardAnswer {
            card_id: format!("card_{id}"),
            card_number: &self.number,
            cvv: cvv(id),
            expiry_date: self.expiry,
            status: "active",
        }
    }
}
