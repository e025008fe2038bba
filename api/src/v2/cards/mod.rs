//! Cards of the caller's own, and of others for those who look after cards.

pub mod controls;
mod examples;
pub mod life;
mod limits;
mod mirrors;
pub mod operators;

use aggregates::{CardId, Currency, Money, card};
use chrono::{DateTime, Utc};
use flows::cards::{self, CardView};
use poem_openapi::{
    ApiResponse, Enum, Object, OpenApi,
    param::{Header, Path},
};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Tag, payments::Amount};
use crate::{
    auth::{
        Caller,
        rights::{CardsRead, CardsWrite},
    },
    json::{self, Json},
    money,
    parameters::{MinPosition, StepUpToken},
    problem::{Failure, Problem, refusals},
};
use controls::Controls;
use limits::CardLimits;
use mirrors::mirrors;

#[derive(Default)]
pub struct Cards;

mirrors!(CardStatus of card::Status, "What a card is. `inactive` waits to be activated.");
mirrors!(CardScheme of card::CardType, "The scheme.");

/// For what payments a card is.
#[derive(Clone, Copy, Enum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case")]
enum CardPurpose {
    Standard,
    /// For one payment; with its capture the card ends.
    SingleUse,
    /// For one merchant: the named one, or the first that it pays.
    MerchantLocked,
}

/// An exact amount, zero included.
#[derive(Object, Serialize)]
pub(super) struct Funds {
    /// In the currency's smallest unit: cents of a dollar.
    #[oai(validator(minimum(value = "0")))]
    minor_units: i64,
    /// ISO 4217 code.
    currency: String,
}

#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none, example)]
struct NewCard {
    card_type: CardScheme,
    /// ISO 4217 code.
    #[oai(validator(pattern = "^[A-Z]{3}$"))]
    currency: String,
    purpose: CardPurpose,
    /// Of a merchant-locked card; the first that it pays, if absent.
    #[oai(nullable, validator(min_length = 1, max_length = 200))]
    merchant: Option<String>,
    /// What it may be used for; the programme's monthly limit and nothing else, if absent.
    #[serde(default, deserialize_with = "json::maybe_object")]
    #[oai(nullable)]
    controls: Option<Controls>,
}

/// A card without its secrets.
#[derive(Object, Serialize)]
#[oai(skip_serializing_if_is_none, example)]
pub(super) struct Card {
    card_id: Uuid,
    status: CardStatus,
    card_type: CardScheme,
    /// `standard`, `single_use` or `merchant_locked`.
    purpose: String,
    /// Known once it is issued, as is the expiry.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_four: Option<String>,
    /// `MM/YY`.
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<String>,
    monthly_limit: Funds,
    /// Held and spent in this calendar month (UTC).
    used_this_month: Funds,
    /// The card that it took the place of.
    #[serde(skip_serializing_if = "Option::is_none")]
    predecessor: Option<Uuid>,
    /// The card that took its place.
    #[serde(skip_serializing_if = "Option::is_none")]
    successor: Option<Uuid>,
    requested_at: DateTime<Utc>,
}

#[derive(Object, Serialize)]
struct CardList {
    cards: Vec<Card>,
}

#[derive(ApiResponse)]
pub(super) enum RequestResponse {
    /// The issuer has answered.
    #[oai(status = 201)]
    Answered(Json<Card>, #[oai(header = "Location")] String, #[oai(header = "X-Position")] i64),
    /// Accepted; the issuer could not be reached yet and will be asked again.
    #[oai(status = 202)]
    Accepted(Json<Card>, #[oai(header = "Location")] String, #[oai(header = "X-Position")] i64),
}

#[derive(ApiResponse)]
enum ListResponse {
    /// The caller's cards, the newest first.
    #[oai(status = 200)]
    Cards(Json<CardList>),
}

#[derive(ApiResponse)]
enum GetResponse {
    /// The card.
    #[oai(status = 200)]
    Card(Json<Card>),
}

#[derive(ApiResponse)]
enum LimitsResponse {
    /// The limits, now.
    #[oai(status = 200)]
    Limits(Json<CardLimits>),
}

refusals!(Request, V2, [400, 401, 403, 404, 408, 409, 413, 415, 422, 429, 500, 502, 503, 504]);
refusals!(List, V2, [400, 401, 403, 429, 500, 503, 504]);
refusals!(Get, V2, [400, 401, 403, 404, 429, 500, 503, 504]);

#[OpenApi(prefix_path = "/api/v2/cards", tag = "Tag::Cards")]
impl Cards {
    /// Request a card
    ///
    /// Needs a verified identity and a step-up. Answers when the issuer has, or with 202 if it cannot be reached.
    #[oai(path = "/", method = "post", operation_id = "createCard")]
    async fn request(
        &self,
        caller: Caller<CardsWrite>,
        #[oai(name = "X-Step-Up-Token")] step_up: Header<Option<StepUpToken>>,
        body: Json<NewCard>,
    ) -> Result<RequestResponse, Failure<Request>> {
        let request = body.0.read()?;
        let (system, step_up) = (&caller.service.system, StepUpToken::secret(&step_up.0));
        let written = cards::request(system, caller.principal(), step_up, request, &caller.origin()).await?;
        Ok(RequestResponse::of(caller.wrote(written)))
    }

    /// My cards
    ///
    /// All cards of the caller, those that ended too.
    #[oai(path = "/", method = "get", operation_id = "getCards")]
    async fn list(
        &self,
        caller: Caller<CardsRead>,
        #[oai(name = "X-Min-Position")] min_position: Header<Option<MinPosition>>,
    ) -> Result<ListResponse, Failure<List>> {
        let at_least = caller.at_least(min_position.0);
        let cards = cards::list(&caller.service.system, caller.user_id, at_least).await?;
        Ok(ListResponse::Cards(Json(CardList { cards: cards.into_iter().map(Card::from).collect() })))
    }

    /// One card
    ///
    /// A card of the caller.
    #[oai(path = "/:card_id", method = "get", operation_id = "readCard")]
    async fn get(
        &self,
        caller: Caller<CardsRead>,
        card_id: Path<Uuid>,
        #[oai(name = "X-Min-Position")] min_position: Header<Option<MinPosition>>,
    ) -> Result<GetResponse, Failure<Get>> {
        let at_least = caller.at_least(min_position.0);
        let card = cards::get(&caller.service.system, caller.user_id, CardId(card_id.0), at_least).await?;
        Ok(GetResponse::Card(Json(card.into())))
    }

    /// How far the limits are used
    ///
    /// Each limit with what is used of it, what is left, and the window that it counts in. Exact at this moment.
    #[oai(path = "/:card_id/limits", method = "get", operation_id = "getCardLimits")]
    async fn limits(&self, caller: Caller<CardsRead>, card_id: Path<Uuid>) -> Result<LimitsResponse, Failure<Get>> {
        let limits = cards::limits(&caller.service.system, caller.user_id, CardId(card_id.0)).await?;
        Ok(LimitsResponse::Limits(Json(limits.into())))
    }
}

impl RequestResponse {
    pub(super) fn of((view, position): (CardView, i64)) -> RequestResponse {
        let location = format!("/api/v2/cards/{}", view.card_id);
        match view.status == card::Status::Requested {
            true => RequestResponse::Accepted(Json(view.into()), location, position),
            false => RequestResponse::Answered(Json(view.into()), location, position),
        }
    }
}

impl NewCard {
    fn read(self) -> Result<cards::CardRequest, Problem> {
        let currency: Currency = money::currency(&self.currency)?;
        let purpose = match (self.purpose, self.merchant) {
            (CardPurpose::MerchantLocked, merchant) => card::Purpose::MerchantLocked { merchant },
            (_, Some(_)) => return Err(Problem::invalid("merchant", "is for merchant-locked cards alone")),
            (CardPurpose::Standard, None) => card::Purpose::Standard,
            (CardPurpose::SingleUse, None) => card::Purpose::SingleUse,
        };
        let new = self.controls.map(Controls::read).transpose().map_err(|problem| problem.of_field("controls"))?;
        let (monthly_limit, controls) =
            new.map_or_else(Default::default, |new| (Some(new.monthly_limit), new.controls));
        Ok(cards::CardRequest { card_type: self.card_type.into(), currency, monthly_limit, purpose, controls })
    }
}

impl From<Money> for Funds {
    fn from(money: Money) -> Funds {
        Funds { minor_units: money.minor_units, currency: money.currency.code().into() }
    }
}

impl From<CardView> for Card {
    fn from(view: CardView) -> Card {
        Card {
            card_id: view.card_id.0,
            status: view.status.into(),
            card_type: view.card_type.into(),
            purpose: view.purpose,
            last_four: view.last_four,
            expires: view.expiry.map(|expiry| expiry.to_string()),
            monthly_limit: view.monthly_limit.into(),
            used_this_month: view.used_this_month.into(),
            predecessor: view.predecessor.map(|card| card.0),
            successor: view.successor.map(|card| card.0),
            requested_at: view.requested_at,
        }
    }
}

/// An amount that a client sends.
fn money_of(amount: &Amount, field: &str) -> Result<Money, Problem> {
    let currency = money::currency(&amount.currency).map_err(|problem| problem.of_field(field))?;
    Ok(Money::new(amount.minor_units, currency))
}
