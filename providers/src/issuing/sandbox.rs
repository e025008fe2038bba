use aggregates::{
    CardId, Currency, UserId,
    card::{CardType, Expiry, IssuerStatus, Reason},
};
use async_trait::async_trait;
use reqwest::{
    Client, Url,
    header::{HeaderName, HeaderValue},
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::{Interval, IssueRequest, IssuedCard, Issuer, network::Report, stripe::Authorization};
use crate::{
    CardNumber, Cvv, Failure, SetupError, VendorConfig, config::BaseUrl, decimal, failure::reference, http::Line,
    metering::Meter, wiped::WipedBuffer,
};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The sandbox's issuer: `POST /issuer/v1/cards` and `POST /issuer/v1/cards/:card_id/status`, each with the header
/// `Idempotency-Key`. Purchases are in Stripe's form, as the sandbox's webhooks are.
pub struct Sandbox {
    line: Line,
    cards: Url,
    authorizations: Url,
    issue: Meter,
    find: Meter,
    set_status: Meter,
    look_up: Meter,
    look_up_authorization: Meter,
}

#[derive(Serialize)]
struct CardRequest<'a> {
    card_id: CardId,
    user_id: UserId,
    card_type: CardType,
    currency: Currency,
    amount_limit: &'a RawValue,
}

#[derive(Deserialize)]
struct CardAnswer<'a> {
    card_id: &'a str,
    card_number: &'a str,
    cvv: &'a str,
    expiry_date: Expiry,
    status: &'a str,
}

#[derive(Deserialize)]
struct CardsAnswer<'a> {
    #[serde(borrow)]
    cards: Vec<CardAnswer<'a>>,
}

#[derive(Serialize)]
struct StatusRequest {
    status: IssuerStatus,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
}

#[derive(Deserialize)]
struct StatusAnswer {
    status: IssuerStatus,
}

impl Sandbox {
    /// The issuer's name in events and metrics.
    pub const NAME: &'static str = "sandbox";

    pub(crate) fn new(client: &Client, base: &BaseUrl, config: &VendorConfig) -> Result<Sandbox, SetupError> {
        Ok(Sandbox {
            line: Line::new(client, config)?,
            cards: base.join("/issuer/v1/cards"),
            authorizations: base.join("/issuer/v1/authorizations"),
            issue: Meter::new(Sandbox::NAME, "card_issue"),
            find: Meter::new(Sandbox::NAME, "card_find"),
            set_status: Meter::new(Sandbox::NAME, "card_status"),
            look_up: Meter::new(Sandbox::NAME, "card_look_up"),
            look_up_authorization: Meter::new(Sandbox::NAME, "authorization_look_up"),
        })
    }
}

#[async_trait]
impl Issuer for Sandbox {
    fn name(&self) -> &'static str {
        Sandbox::NAME
    }

    async fn issue(&self, card: CardId, request: &IssueRequest) -> Result<IssuedCard, Failure> {
        let body = WipedBuffer::json(&CardRequest {
            card_id: card,
            user_id: request.user_id,
            card_type: request.card_type,
            currency: request.monthly_limit.currency,
            amount_limit: &decimal::json_number(request.monthly_limit),
        });
        let key = HeaderValue::try_from(card.to_string()).expect("a UUID is visible ASCII");
        let call = async {
            let answer = self.line.post(self.cards.clone(), body, Some((IDEMPOTENCY_KEY, key))).await?;
            issued(&answer.json()?)
        };
        self.issue.measure(call).await
    }

    async fn find_card(&self, card: CardId, _: &IssueRequest, _: Interval) -> Result<Option<IssuedCard>, Failure> {
        let mut url = self.cards.clone();
        url.query_pairs_mut().append_pair("card_id", &card.to_string());
        let call = async {
            let answer = self.line.get(url).await?;
            let CardsAnswer { cards } = answer.json()?;
            cards.first().map(issued).transpose()
        };
        self.find.measure(call).await
    }

    async fn set_status(
        &self,
        issuer_reference: &str,
        status: IssuerStatus,
        ended_for: Option<Reason>,
        key: Uuid,
    ) -> Result<IssuerStatus, Failure> {
        let mut url = self.cards.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.extend([issuer_reference, "status"]);
        }
        let body = WipedBuffer::json(&StatusRequest { status, reason: ended_for });
        let key = HeaderValue::try_from(key.to_string()).expect("a UUID is visible ASCII");
        let call = async {
            let answer = self.line.post(url, body, Some((IDEMPOTENCY_KEY, key))).await?;
            answer.json().map(|StatusAnswer { status }| status)
        };
        self.set_status.measure(call).await
    }

    async fn status(&self, issuer_reference: &str) -> Result<IssuerStatus, Failure> {
        let mut url = self.cards.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.extend([issuer_reference, "status"]);
        }
        let call = async { self.line.get(url).await?.json().map(|StatusAnswer { status }| status) };
        self.look_up.measure(call).await
    }

    async fn authorization(&self, reference: &str) -> Result<Option<Report>, Failure> {
        let mut url = self.authorizations.clone();
        if let Ok(mut path) = url.path_segments_mut() {
            path.push(reference);
        }
        let call = async {
            let answer = self.line.get(url).await?;
            let found: Option<Authorization<'_>> = answer.json_if_present("no_such_transaction")?;
            found.map(|authorization| authorization.standing(reference)).transpose()
        };
        self.look_up_authorization.measure(call).await
    }
}

fn issued(answer: &CardAnswer<'_>) -> Result<IssuedCard, Failure> {
    if answer.status != "active" {
        return Err(Failure::Malformed);
    }
    Ok(IssuedCard {
        issuer_reference: reference(answer.card_id)?,
        number: CardNumber::parse(answer.card_number).map_err(|_| Failure::Malformed)?,
        cvv: Cvv::parse(answer.cvv).map_err(|_| Failure::Malformed)?,
        expiry: answer.expiry_date,
    })
}
