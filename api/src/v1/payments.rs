use aggregates::{CardId, PaymentId, payment};
use chrono::{DateTime, Utc};
use flows::payments::{self, Key, Pay, PaymentView};
use poem_openapi::{
    ApiResponse, Enum, Object, OpenApi,
    param::{Header, Path, Query},
    types::Example,
};
use serde::{Deserialize, Serialize};
use uuid::{Uuid, uuid};

use super::{Tag, seconds};
use crate::{
    auth::{
        Caller,
        rights::{PaymentsRead, PaymentsWrite},
    },
    json::Json,
    money::{self, Amount},
    parameters::{Cursor, IdempotencyKey, MinPosition, PageSize, StepUpToken},
    problem::{Failure, Problem, refusals},
};

#[derive(Default)]
pub struct Payments;

#[derive(Object, Deserialize)]
#[oai(skip_serializing_if_is_none, example)]
struct PaymentRequest {
    card_id: Uuid,
    amount: Amount,
    /// ISO 4217 code; the card's own currency.
    #[oai(validator(pattern = "^[A-Z]{3}$"))]
    currency: String,
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
enum TransactionStatus {
    /// The outcome is not known yet; look again.
    Pending,
    /// Paid.
    Success,
    /// Not paid; `decline_reason` says why.
    Declined,
    /// A purchase that was approved and that the merchant never charged.
    Cancelled,
    /// Paid, and all of it came back.
    Refunded,
}

/// A payment and what became of it.
#[derive(Object, Serialize)]
#[oai(skip_serializing_if_is_none, example)]
pub(super) struct Transaction {
    transaction_id: Uuid,
    status: TransactionStatus,
    amount: Amount,
    currency: String,
    merchant: String,
    /// When it last changed.
    #[serde(serialize_with = "seconds")]
    timestamp: DateTime<Utc>,
    merchant_category: String,
    card_id: Uuid,
    /// A stable code such as `limit_exceeded`, where the payment was declined.
    #[serde(skip_serializing_if = "Option::is_none")]
    decline_reason: Option<String>,
}

#[derive(Object, Serialize)]
struct OneTransaction {
    /// Whether the payment was made, or may still be.
    success: bool,
    transaction: Transaction,
}

#[derive(Object, Serialize)]
#[oai(skip_serializing_if_is_none)]
struct TransactionPage {
    success: bool,
    transactions: Vec<Transaction>,
    /// Give it as `cursor` for the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

#[derive(ApiResponse)]
enum ProcessResponse {
    /// The payment is decided: made, or declined with `"success": false`.
    #[oai(status = 200)]
    Decided(Json<OneTransaction>, #[oai(header = "X-Position")] i64),
    /// The gateway has not answered; the outcome will show under the transaction's id.
    #[oai(status = 202)]
    Pending(Json<OneTransaction>, #[oai(header = "X-Position")] i64),
}

#[derive(ApiResponse)]
enum ListResponse {
    /// The caller's payments, the newest first.
    #[oai(status = 200)]
    Page(Json<TransactionPage>),
}

#[derive(ApiResponse)]
enum GetResponse {
    /// The payment.
    #[oai(status = 200)]
    Transaction(Json<OneTransaction>),
}

refusals!(Process, V1, [400, 401, 403, 404, 408, 409, 413, 415, 422, 429, 500, 502, 503, 504]);
refusals!(List, V1, [400, 401, 403, 429, 500, 503, 504]);
refusals!(Get, V1, [400, 401, 403, 404, 429, 500, 503, 504]);

#[OpenApi(prefix_path = "/api/v1", tag = "Tag::Payments")]
impl Payments {
    /// Pay with a card
    ///
    /// Screens the payment, holds the amount on the card and asks the gateway. With an `Idempotency-Key` a repeat has
    /// no second effect. A payment above 500 major units, unless configured otherwise, needs a step-up for it.
    /// A third party's program or an API key cannot get a step-up: it is told `auth.step_up_by_person_only` (403), and the
    /// person has to do it in the app.
    #[oai(path = "/payments/process", method = "post", operation_id = "processPayment")]
    async fn process(
        &self,
        caller: Caller<PaymentsWrite>,
        #[oai(name = "Idempotency-Key")] key: Header<Option<IdempotencyKey>>,
        #[oai(name = "X-Step-Up-Token")] step_up: Header<Option<StepUpToken>>,
        body: Json<PaymentRequest>,
    ) -> Result<ProcessResponse, Failure<Process>> {
        let pay = body.0.read()?;
        let key = key.0.as_ref().map_or(Key::Fresh, |IdempotencyKey(key)| Key::Client(key));
        let (system, step_up) = (&caller.service.system, StepUpToken::secret(&step_up.0));
        let written = payments::process(system, caller.principal(), step_up, pay, key, &caller.origin()).await?;
        let (view, position) = caller.wrote(written);
        let pending = view.status == payment::Status::Pending;
        let answer = Json(OneTransaction::from(view));
        Ok(match pending {
            true => ProcessResponse::Pending(answer, position),
            false => ProcessResponse::Decided(answer, position),
        })
    }

    /// My transactions
    ///
    /// The caller's payments page by page, the newest first.
    #[oai(path = "/transactions", method = "get", operation_id = "listTransactions")]
    async fn list(
        &self,
        caller: Caller<PaymentsRead>,
        cursor: Query<Option<Cursor>>,
        limit: Query<Option<PageSize>>,
        #[oai(name = "X-Min-Position")] min_position: Header<Option<MinPosition>>,
    ) -> Result<ListResponse, Failure<List>> {
        let (system, at_least) = (&caller.service.system, caller.at_least(min_position.0));
        let before = cursor.0.map(|Cursor(position)| position);
        let PageSize(limit) = limit.0.unwrap_or(PageSize::DEFAULT);
        let page = payments::list(system, caller.user_id, before, limit, at_least).await?;
        Ok(ListResponse::Page(Json(TransactionPage {
            success: true,
            transactions: page.items.into_iter().map(Transaction::from).collect(),
            next_cursor: page.next.map(|position| position.to_string()),
        })))
    }

    /// One transaction
    ///
    /// A payment of the caller.
    #[oai(path = "/transactions/:transaction_id", method = "get", operation_id = "getTransaction")]
    async fn get(
        &self,
        caller: Caller<PaymentsRead>,
        transaction_id: Path<Uuid>,
        #[oai(name = "X-Min-Position")] min_position: Header<Option<MinPosition>>,
    ) -> Result<GetResponse, Failure<Get>> {
        let (system, at_least) = (&caller.service.system, caller.at_least(min_position.0));
        let view = payments::get(system, caller.user_id, PaymentId(transaction_id.0), at_least).await?;
        let transaction = OneTransaction { success: true, transaction: view.into() };
        Ok(GetResponse::Transaction(Json(transaction)))
    }
}

impl PaymentRequest {
    fn read(self) -> Result<Pay, Problem> {
        let currency = money::currency(&self.currency)?;
        Ok(Pay {
            card_id: CardId(self.card_id),
            amount: self.amount.money(currency)?,
            merchant: self.merchant,
            merchant_category: self.merchant_category,
            device_id: self.device_id,
        })
    }
}

/// The answer to a payment: a decline is no success. (Reading a declined payment later is one.)
impl From<PaymentView> for OneTransaction {
    fn from(view: PaymentView) -> OneTransaction {
        OneTransaction { success: view.status != payment::Status::Declined, transaction: view.into() }
    }
}

impl From<PaymentView> for Transaction {
    fn from(view: PaymentView) -> Transaction {
        Transaction {
            transaction_id: view.payment_id.0,
            status: match view.status {
                payment::Status::Pending | payment::Status::Authorized => TransactionStatus::Pending,
                payment::Status::Captured => TransactionStatus::Success,
                payment::Status::Declined => TransactionStatus::Declined,
                payment::Status::Voided | payment::Status::Expired => TransactionStatus::Cancelled,
                payment::Status::Refunded => TransactionStatus::Refunded,
            },
            amount: Amount::of(view.amount),
            currency: view.amount.currency.code().into(),
            merchant: view.merchant,
            timestamp: view.updated_at,
            merchant_category: view.merchant_category,
            card_id: view.card_id.0,
            decline_reason: view.decline.map(|reason| reason.code().to_owned()),
        }
    }
}

impl Example for PaymentRequest {
    fn example() -> PaymentRequest {
        PaymentRequest {
            card_id: uuid!("0199f5a4-7c10-7d45-8f3b-2b6e9a1c7f02"),
            amount: Amount::of(aggregates::Money::new(9_999, aggregates::Currency::USD)),
            currency: "USD".into(),
            merchant: "example-merchant.com".into(),
            merchant_category: "electronics".into(),
            device_id: None,
        }
    }
}

impl Example for Transaction {
    fn example() -> Transaction {
        Transaction {
            transaction_id: uuid!("0199f5a5-1e20-7a68-b5d4-6c8f3e2a9d03"),
            status: TransactionStatus::Success,
            amount: Amount::of(aggregates::Money::new(9_999, aggregates::Currency::USD)),
            currency: "USD".into(),
            merchant: "example-merchant.com".into(),
            timestamp: DateTime::UNIX_EPOCH + chrono::TimeDelta::seconds(1_760_970_605),
            merchant_category: "electronics".into(),
            card_id: uuid!("0199f5a4-7c10-7d45-8f3b-2b6e9a1c7f02"),
            decline_reason: None,
        }
    }
}
