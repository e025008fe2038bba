use aggregates::{Currency, Money, PaymentId, card::Expiry};
use async_trait::async_trait;
use reqwest::{Client, Url};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::{Charge, ChargeResult, Gateway};
use crate::{
    Failure, SetupError, VendorConfig,
    config::BaseUrl,
    decimal,
    failure::{reference, stable_code},
    http::Line,
    metering::Meter,
    wiped::WipedBuffer,
};

const NAME: &str = "sandbox";

/// The sandbox's gateway: `POST /gateway/v1/transactions`, `GET /gateway/v1/transactions?idempotency_key=…`.
pub struct Sandbox {
    line: Line,
    transactions: Url,
    charge: Meter,
    look_up: Meter,
}

#[derive(Serialize)]
struct TransactionRequest<'a> {
    card_number: &'a str,
    cvv: &'a str,
    expiry_date: Expiry,
    amount: &'a RawValue,
    currency: Currency,
    merchant: &'a str,
    idempotency_key: PaymentId,
}

#[derive(Deserialize)]
struct TransactionAnswer<'a> {
    transaction_id: &'a str,
    status: Status,
    decline_code: Option<&'a str>,
    #[serde(borrow)]
    amount: &'a RawValue,
    currency: &'a str,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    Success,
    Declined,
}

impl Sandbox {
    pub(crate) fn new(client: &Client, base: &BaseUrl, config: &VendorConfig) -> Result<Sandbox, SetupError> {
        Ok(Sandbox {
            line: Line::new(client, config)?,
            transactions: base.join("/gateway/v1/transactions"),
            charge: Meter::new(NAME, "charge"),
            look_up: Meter::new(NAME, "charge_look_up"),
        })
    }
}

#[async_trait]
impl Gateway for Sandbox {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn charge(&self, charge: &Charge<'_>) -> Result<ChargeResult, Failure> {
        let body = WipedBuffer::json(&TransactionRequest {
            card_number: charge.number.expose(),
            cvv: charge.cvv.expose(),
            expiry_date: charge.expiry,
            amount: &decimal::json_number(charge.amount),
            currency: charge.amount.currency,
            merchant: charge.merchant,
            idempotency_key: charge.payment_id,
        });
        let call = async {
            let answer = self.line.post(self.transactions.clone(), body, None).await?;
            let answer: TransactionAnswer<'_> = answer.json()?;
            result(&answer, charge.amount)
        };
        self.charge.measure(call).await
    }

    async fn look_up(&self, payment: PaymentId, amount: Money) -> Result<Option<ChargeResult>, Failure> {
        let mut url = self.transactions.clone();
        url.set_query(Some(&format!("idempotency_key={payment}")));
        let call = async {
            let answer = self.line.get(url).await?;
            let answer = answer.json_if_present("no_such_transaction")?;
            answer.as_ref().map(|answer| result(answer, amount)).transpose()
        };
        self.look_up.measure(call).await
    }
}

/// A gateway that charged another amount than asked is a matter for people, not for a retry.
fn result(answer: &TransactionAnswer<'_>, amount: Money) -> Result<ChargeResult, Failure> {
    if decimal::money(answer.amount, answer.currency)? != amount {
        return Err(Failure::Malformed);
    }
    match answer.status {
        Status::Success => Ok(ChargeResult::Approved { reference: reference(answer.transaction_id)? }),
        Status::Declined => Ok(ChargeResult::Declined { code: stable_code(answer.decline_code.unwrap_or_default()) }),
    }
}
