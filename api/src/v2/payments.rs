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
    /// Paid.
    Captured,
    /// Not paid; `decline_reason` says why.
    Declined,
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

impl From<PaymentView> for Payment {
    fn from(view: PaymentView) -> Payment {
        Payment {
            payment_id: view.payment_id.0,
            status: match view.status {
                payment::Status::Pending => PaymentStatus::Pending,
                payment::Status::Captured => PaymentStatus::Captured,
                payment::Status::Declined => PaymentStatus::Declined,
            },
            card_id: view.card_id.0,
            amount: view.amount.into(),
            merchant: view.merchant,
            merchant_category: view.merchant_category,
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
            decline_reason: None,
            created_at: at,
            updated_at: at,
        }
    }
}
