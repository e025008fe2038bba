use aggregates::{CardId, Money, PaymentId, payment};
use chrono::{DateTime, Utc};
use flows::payments::{self, Key, Pay, PaymentView};
use poem_openapi::{
    ApiResponse, Enum, Object, OpenApi,
    param::{Header, Path},
    types::Example,
};
use serde::{Deserialize, Serialize};
use uuid::{Uuid, uuid};

use super::Tag;
use crate::{
    auth::{
        Caller,
        rights::{PaymentsRead, PaymentsWrite},
    },
    json::{self, Json},
    money,
    parameters::{IdempotencyKey, MinPosition, StepUpToken},
    problem::{Failure, Problem, refusals},
};

#[derive(Default)]
pub struct Payments;

/// An exact amount.
#[derive(Object, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[oai(rename = "Money", deny_unknown_fields)]
pub(super) struct Amount {
    /// In the currency's smallest unit: cents of a dollar.
    #[oai(validator(minimum(value = "1")))]
    pub(super) minor_units: i64,
    /// ISO 4217 code.
    #[oai(validator(pattern = "^[A-Z]{3}$"))]
    pub(super) currency: String,
}

#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none, example)]
struct NewPayment {
    card_id: Uuid,
    #[serde(deserialize_with = "json::object")]
    amount: Amount,
    #[oai(validator(min_length = 1, max_length = 200))]
    merchant: String,
    /// In the merchant's own words, such as `electronics`.
    #[oai(validator(min_length = 1, max_length = 64))]
    merchant_category: String,
    /// Which device pays; fraud screening compares it with the ones known.
    #[oai(nullable, validator(min_length = 1, max_length = 128))]
    device_id: Option<String>,
}

#[derive(Clone, Copy, Enum, Serialize)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case")]
enum PaymentStatus {
    /// The outcome is not known yet; look again.
    Pending,
    /// Approved; the merchant has charged nothing yet.
    Authorized,
    /// Paid; `amounts` says how much.
    Captured,
    /// Not paid; `decline_reason` says why.
    Declined,
    /// Approved, and given back before anything was charged.
    Voided,
    /// Approved, and not charged in time.
    Expired,
    /// Paid, and all of it came back.
    Refunded,
}

/// What became of a payment's money, in the smallest unit of its currency. `refunded` is at most `captured`, and
/// `captured` at most `authorized`.
#[derive(Object, Serialize)]
struct Amounts {
    /// What was approved, increments included.
    authorized: i64,
    /// What went to the merchant.
    captured: i64,
    /// What came back of that.
    refunded: i64,
    /// What came back beyond it, or before the charge was heard of.
    credited: i64,
    /// Approved, and neither charged nor given back: the card's limit still counts it.
    held: i64,
}

/// What the card network told of a purchase.
#[derive(Object, Serialize)]
#[oai(skip_serializing_if_is_none)]
struct Network {
    issuer: String,
    /// Merchant category code, ISO 18245.
    #[serde(skip_serializing_if = "Option::is_none")]
    mcc: Option<String>,
    /// Where the merchant is, ISO 3166-1 alpha-2.
    #[serde(skip_serializing_if = "Option::is_none")]
    country: Option<String>,
    /// What the merchant is paid in, ISO 4217.
    #[serde(skip_serializing_if = "Option::is_none")]
    currency: Option<String>,
    /// How the card was presented: `online`, `in_person`, `keyed_in` or `withdrawal`.
    channel: String,
}

/// A payment and what became of it.
#[derive(Object, Serialize)]
#[oai(skip_serializing_if_is_none, example)]
struct Payment {
    payment_id: Uuid,
    status: PaymentStatus,
    card_id: Uuid,
    amount: Amount,
    merchant: String,
    merchant_category: String,
    amounts: Amounts,
    /// Of a purchase that the card network brought.
    #[serde(skip_serializing_if = "Option::is_none")]
    network: Option<Network>,
    /// A stable code such as `limit_exceeded`, where the payment was declined.
    #[serde(skip_serializing_if = "Option::is_none")]
    decline_reason: Option<String>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
}

#[derive(ApiResponse)]
enum CreateResponse {
    /// The payment exists; `status` says what became of it. A repeat answers the same.
    #[oai(status = 201)]
    Created(Json<Payment>, #[oai(header = "Location")] String, #[oai(header = "X-Position")] i64),
}

#[derive(ApiResponse)]
enum GetResponse {
    /// The payment.
    #[oai(status = 200)]
    Payment(Json<Payment>),
}

refusals!(Create, V2, [400, 401, 403, 404, 408, 409, 413, 415, 422, 429, 500, 502, 503, 504]);
refusals!(Get, V2, [400, 401, 403, 404, 429, 500, 503, 504]);

#[OpenApi(prefix_path = "/api/v2", tag = "Tag::Payments")]
impl Payments {
    /// Pay with a card
    ///
    /// Screens the payment, holds the amount on the card and asks the gateway. `Idempotency-Key` makes it safe to
    /// repeat: one key, one payment. A payment above 500 major units, unless configured otherwise, needs a step-up
    /// for it; a repeat needs none.
    /// A third party's program or an API key cannot get a step-up: it is told `auth.step_up_by_person_only` (403), and the
    /// person has to do it in the app.
    #[oai(path = "/payments", method = "post", operation_id = "createPayment")]
    async fn create(
        &self,
        caller: Caller<PaymentsWrite>,
        #[oai(name = "Idempotency-Key")] key: Header<IdempotencyKey>,
        #[oai(name = "X-Step-Up-Token")] step_up: Header<Option<StepUpToken>>,
        body: Json<NewPayment>,
    ) -> Result<CreateResponse, Failure<Create>> {
        let (pay, key) = (body.0.read()?, Key::Client(&key.0.0));
        let (system, step_up) = (&caller.service.system, StepUpToken::secret(&step_up.0));
        let written = payments::process(system, caller.principal(), step_up, pay, key, &caller.origin()).await?;
        let (view, position) = caller.wrote(written);
        let location = format!("/api/v2/payments/{}", view.payment_id);
        Ok(CreateResponse::Created(Json(view.into()), location, position))
    }

    /// One payment
    ///
    /// A payment of the caller, whichever version it was made with.
    #[oai(path = "/payments/:payment_id", method = "get", operation_id = "getPayment")]
    async fn get(
        &self,
        caller: Caller<PaymentsRead>,
        payment_id: Path<Uuid>,
        #[oai(name = "X-Min-Position")] min_position: Header<Option<MinPosition>>,
    ) -> Result<GetResponse, Failure<Get>> {
        let (system, at_least) = (&caller.service.system, caller.at_least(min_position.0));
        let view = payments::get(system, caller.user_id, PaymentId(payment_id.0), at_least).await?;
        Ok(GetResponse::Payment(Json(view.into())))
    }
}

impl NewPayment {
    fn read(self) -> Result<Pay, Problem> {
        let currency = money::currency(&self.amount.currency).map_err(|problem| problem.of_field("amount.currency"))?;
        Ok(Pay {
            card_id: CardId(self.card_id),
            amount: Money::new(self.amount.minor_units, currency),
            merchant: self.merchant,
            merchant_category: self.merchant_category,
            device_id: self.device_id,
        })
    }
}

impl From<Money> for Amount {
    fn from(money: Money) -> Amount {
        Amount { minor_units: money.minor_units, currency: money.currency.code().into() }
    }
}

impl From<payment::Tally> for Amounts {
    fn from(tally: payment::Tally) -> Amounts {
        Amounts {
            authorized: tally.authorized,
            captured: tally.captured,
            refunded: tally.refunded(),
            credited: tally.returned - tally.refunded(),
            held: tally.held(),
        }
    }
}

impl From<payment::Network> for Network {
    fn from(network: payment::Network) -> Network {
        Network {
            issuer: network.issuer,
            mcc: network.mcc.map(|mcc| mcc.to_string()),
            country: network.country.map(|country| country.to_string()),
            currency: network.currency.map(|currency| currency.code().to_owned()),
            channel: network.channel.as_str().to_owned(),
        }
    }
}

impl From<PaymentView> for Payment {
    fn from(view: PaymentView) -> Payment {
        Payment {
            payment_id: view.payment_id.0,
            status: match view.status {
                payment::Status::Pending => PaymentStatus::Pending,
                payment::Status::Authorized => PaymentStatus::Authorized,
                payment::Status::Captured => PaymentStatus::Captured,
                payment::Status::Declined => PaymentStatus::Declined,
                payment::Status::Voided => PaymentStatus::Voided,
                payment::Status::Expired => PaymentStatus::Expired,
                payment::Status::Refunded => PaymentStatus::Refunded,
            },
            card_id: view.card_id.0,
            amount: view.amount.into(),
            merchant: view.merchant,
            merchant_category: view.merchant_category,
            amounts: view.tally.into(),
            network: view.network.map(Network::from),
            decline_reason: view.decline.map(|reason| reason.code().to_owned()),
            created_at: view.created_at,
            updated_at: view.updated_at,
        }
    }
}

impl Example for NewPayment {
    fn example() -> NewPayment {
        NewPayment {
            card_id: uuid!("0199f5a4-7c10-7d45-8f3b-2b6e9a1c7f02"),
            amount: Amount { minor_units: 9_999, currency: "USD".into() },
            merchant: "example-merchant.com".into(),
            merchant_category: "electronics".into(),
            device_id: None,
        }
    }
}

impl Example for Payment {
    fn example() -> Payment {
        let at = DateTime::UNIX_EPOCH + chrono::TimeDelta::seconds(1_760_970_605);
        Payment {
            payment_id: uuid!("0199f5a5-1e20-7a68-b5d4-6c8f3e2a9d03"),
            status: PaymentStatus::Captured,
            card_id: uuid!("0199f5a4-7c10-7d45-8f3b-2b6e9a1c7f02"),
            amount: Amount { minor_units: 9_999, currency: "USD".into() },
            merchant: "example-merchant.com".into(),
            merchant_category: "electronics".into(),
            amounts: Amounts { authorized: 9_999, captured: 9_999, refunded: 0, credited: 0, held: 0 },
            network: None,
            decline_reason: None,
            created_at: at,
            updated_at: at,
        }
    }
}
