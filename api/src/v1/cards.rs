use aggregates::{CardId, Currency, card};
use chrono::{DateTime, Utc};
use flows::cards::{self, CardView};
use poem_openapi::{
    ApiResponse, Enum, Object, OpenApi,
    param::{Header, Path},
    types::Example,
};
use serde::{Deserialize, Serialize};
use uuid::{Uuid, uuid};

use super::{Tag, seconds};
use crate::{
    auth::{
        Caller,
        rights::{CardsRead, CardsWrite},
    },
    json::Json,
    money::{self, Amount},
    parameters::{MinPosition, StepUpToken},
    problem::{Failure, Problem, refusals},
};

#[derive(Default)]
pub struct Cards;

#[derive(Object, Deserialize)]
#[oai(skip_serializing_if_is_none, example)]
struct CardRequest {
    card_type: CardType,
    /// ISO 4217 code.
    #[oai(validator(pattern = "^[A-Z]{3}$"))]
    currency: String,
    /// What the card may spend in a calendar month (UTC); the programme's limit if absent.
    #[oai(nullable)]
    monthly_limit: Option<Amount>,
}

#[derive(Clone, Copy, Enum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case")]
enum CardType {
    VirtualVisa,
    VirtualMastercard,
}

#[derive(Clone, Copy, Enum, Serialize)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case")]
enum CardStatus {
    /// The issuer has not answered yet.
    Requested,
    /// Waits to be activated.
    Inactive,
    Active,
    Frozen,
    /// The issuer refused; request another card.
    IssueFailed,
    Expired,
    Terminated,
}

/// A card with its secrets masked. Number, CVV and expiry date are there once it is issued.
#[derive(Object, Serialize)]
#[oai(skip_serializing_if_is_none, example)]
pub(super) struct Card {
    card_id: Uuid,
    #[serde(skip_serializing_if = "Option::is_none")]
    card_number: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cvv: Option<String>,
    /// `MM/YY`.
    #[serde(skip_serializing_if = "Option::is_none")]
    expiry_date: Option<String>,
    status: CardStatus,
    card_type: CardType,
    currency: String,
    monthly_limit: Amount,
    /// Held and spent in this calendar month (UTC).
    used_this_month: Amount,
    #[serde(serialize_with = "seconds")]
    requested_at: DateTime<Utc>,
}

#[derive(Object, Serialize)]
struct OneCard {
    success: bool,
    card: Card,
}

#[derive(Object, Serialize)]
struct AllCards {
    success: bool,
    cards: Vec<Card>,
}

#[derive(ApiResponse)]
enum RequestResponse {
    /// The card is issued.
    #[oai(status = 200)]
    Issued(Json<OneCard>, #[oai(header = "X-Position")] i64),
    /// Accepted; the issuer could not be reached yet and will be asked again.
    #[oai(status = 202)]
    Accepted(Json<OneCard>, #[oai(header = "X-Position")] i64),
}

#[derive(ApiResponse)]
enum ListResponse {
    /// The caller's cards.
    #[oai(status = 200)]
    Cards(Json<AllCards>),
}

#[derive(ApiResponse)]
enum GetResponse {
    /// The card.
    #[oai(status = 200)]
    Card(Json<OneCard>),
}

refusals!(Request, V1, [400, 401, 403, 404, 408, 409, 413, 415, 422, 429, 500, 502, 503, 504]);
refusals!(List, V1, [400, 401, 403, 429, 500, 503, 504]);
refusals!(Get, V1, [400, 401, 403, 404, 429, 500, 503, 504]);

#[OpenApi(prefix_path = "/api/v1/cards", tag = "Tag::Cards")]
impl Cards {
    /// Request a card
    ///
    /// Needs a verified identity and a step-up. Answers when the issuer has, or with 202 if it cannot be reached.
    /// A third party's program or an API key cannot get a step-up: it is told `auth.step_up_by_person_only` (403), and the
    /// person has to do it in the app.
    #[oai(path = "/request", method = "post", operation_id = "requestCard")]
    async fn request(
        &self,
        caller: Caller<CardsWrite>,
        #[oai(name = "X-Step-Up-Token")] step_up: Header<Option<StepUpToken>>,
        body: Json<CardRequest>,
    ) -> Result<RequestResponse, Failure<Request>> {
        let request = body.0.read()?;
        let (system, step_up) = (&caller.service.system, StepUpToken::secret(&step_up.0));
        let written = cards::request(system, caller.principal(), step_up, request, &caller.origin()).await?;
        let (view, position) = caller.wrote(written);
        let waiting = view.status == card::Status::Requested;
        let card = Json(OneCard { success: view.status != card::Status::IssueFailed, card: view.into() });
        Ok(match waiting {
            true => RequestResponse::Accepted(card, position),
            false => RequestResponse::Issued(card, position),
        })
    }

    /// My cards
    ///
    /// All cards of the caller, the newest first.
    #[oai(path = "/", method = "get", operation_id = "listCards")]
    async fn list(
        &self,
        caller: Caller<CardsRead>,
        #[oai(name = "X-Min-Position")] min_position: Header<Option<MinPosition>>,
    ) -> Result<ListResponse, Failure<List>> {
        let at_least = caller.at_least(min_position.0);
        let cards = cards::list(&caller.service.system, caller.user_id, at_least).await?;
        let cards = cards.into_iter().map(Card::from).collect();
        Ok(ListResponse::Cards(Json(AllCards { success: true, cards })))
    }

    /// One card
    ///
    /// A card of the caller.
    #[oai(path = "/:card_id", method = "get", operation_id = "getCard")]
    async fn get(
        &self,
        caller: Caller<CardsRead>,
        card_id: Path<Uuid>,
        #[oai(name = "X-Min-Position")] min_position: Header<Option<MinPosition>>,
    ) -> Result<GetResponse, Failure<Get>> {
        let at_least = caller.at_least(min_position.0);
        let card = cards::get(&caller.service.system, caller.user_id, CardId(card_id.0), at_least).await?;
        Ok(GetResponse::Card(Json(OneCard { success: true, card: card.into() })))
    }
}

impl CardRequest {
    fn read(self) -> Result<cards::CardRequest, Problem> {
        let currency: Currency = money::currency(&self.currency)?;
        let monthly_limit = self.monthly_limit.map(|limit| limit.money(currency));
        let monthly_limit = monthly_limit.transpose().map_err(|e| Problem::from(e).of_field("monthly_limit"))?;
        let card_type = match self.card_type {
            CardType::VirtualVisa => card::CardType::VirtualVisa,
            CardType::VirtualMastercard => card::CardType::VirtualMastercard,
        };
        let (purpose, controls) = Default::default();
        Ok(cards::CardRequest { card_type, currency, monthly_limit, purpose, controls })
    }
}

impl From<CardView> for Card {
    fn from(view: CardView) -> Card {
        Card {
            card_id: view.card_id.0,
            cvv: view.last_four.is_some().then(|| "***".into()),
            card_number: view.last_four.map(|last_four| format!("****{last_four}")),
            expiry_date: view.expiry.map(|expiry| expiry.to_string()),
            status: view.status.into(),
            card_type: view.card_type.into(),
            currency: view.currency.code().into(),
            monthly_limit: Amount::of(view.monthly_limit),
            used_this_month: Amount::of(view.used_this_month),
            requested_at: view.requested_at,
        }
    }
}

impl From<card::CardType> for CardType {
    fn from(card_type: card::CardType) -> CardType {
        match card_type {
            card::CardType::VirtualVisa => CardType::VirtualVisa,
            card::CardType::VirtualMastercard => CardType::VirtualMastercard,
        }
    }
}

impl From<card::Status> for CardStatus {
    fn from(status: card::Status) -> CardStatus {
        match status {
            card::Status::Requested => CardStatus::Requested,
            card::Status::Inactive => CardStatus::Inactive,
            card::Status::Active => CardStatus::Active,
            card::Status::Frozen => CardStatus::Frozen,
            card::Status::IssueFailed => CardStatus::IssueFailed,
            card::Status::Expired => CardStatus::Expired,
            card::Status::Terminated => CardStatus::Terminated,
        }
    }
}

impl Example for CardRequest {
    fn example() -> CardRequest {
        CardRequest { card_type: CardType::VirtualVisa, currency: "USD".into(), monthly_limit: None }
    }
}

impl Example for Card {
    fn example() -> Card {
        let dollars = |amount| Amount::of(aggregates::Money::new(amount, Currency::USD));
        Card {
            card_id: uuid!("0199f5a4-7c10-7d45-8f3b-2b6e9a1c7f02"),
            card_number: Some("****9012".into()),
            cvv: Some("***".into()),
            expiry_date: Some("10/27".into()),
            status: CardStatus::Active,
            card_type: CardType::VirtualVisa,
            currency: "USD".into(),
            monthly_limit: dollars(1_000_000),
            used_this_month: dollars(9_999),
            requested_at: DateTime::UNIX_EPOCH + chrono::TimeDelta::seconds(1_760_970_600),
        }
    }
}
