//! The payment gateway.

use std::{
    borrow::Cow,
    hash::{BuildHasher, RandomState},
    sync::Arc,
    time::Duration,
};

use aggregates::{Money, card::Expiry};
use chrono::SecondsFormat;
use poem::{Request, Response};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::{
    SandboxConfig,
    answers::{Problem, authorise, body, hang_up, id_in_query, json},
    ledger::{Entry, Ledger, Outcome, Refusal},
};
use crate::{CardNumber, Cvv, decimal};

pub(super) struct Gateway {
    key: SecretString,
    slow_answer: Duration,
    ledger: Ledger,
    hasher: RandomState,
}

impl Gateway {
    pub fn new(config: &SandboxConfig) -> Gateway {
        Gateway {
            key: config.gateway_key.clone(),
            slow_answer: Duration::from_millis(config.slow_answer_ms),
            ledger: Ledger::new(config.max_records),
            hasher: RandomState::new(),
        }
    }
}

/// What a merchant's name asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scenario {
    Charge,
    Decline(&'static str),
    AnswerLate,
    LoseAnswer,
    Down,
    FailOnce,
}

const SCENARIOS: [(&str, Scenario); 6] = [
    ("declined.", Scenario::Decline("do_not_honor")),
    ("insufficient.", Scenario::Decline("insufficient_funds")),
    ("slow.", Scenario::AnswerLate),
    ("lost.", Scenario::LoseAnswer),
    ("down.", Scenario::Down),
    ("flaky.", Scenario::FailOnce),
];

impl Scenario {
    fn of(merchant: &str) -> Scenario {
        let chosen = SCENARIOS.iter().find(|(prefix, _)| merchant.starts_with(prefix));
        chosen.map_or(Scenario::Charge, |(_, scenario)| *scenario)
    }

    fn outcome(self) -> Outcome {
        match self {
            Scenario::Decline(code) => Outcome::Declined(code),
            Scenario::FailOnce => Outcome::TurnedAway,
            Scenario::Charge | Scenario::AnswerLate | Scenario::LoseAnswer | Scenario::Down => Outcome::Charged,
        }
    }
}

#[derive(Deserialize)]
struct TransactionRequest<'a> {
    card_number: &'a str,
    cvv: &'a str,
    expiry_date: &'a str,
    #[serde(borrow)]
    amount: &'a RawValue,
    currency: &'a str,
    #[serde(borrow)]
    merchant: Cow<'a, str>,
    idempotency_key: Uuid,
}

impl TransactionRequest<'_> {
    fn amount(&self) -> Result<Money, Problem> {
        let amount = decimal::money(self.amount, self.currency).map_err(|_| Problem::INVALID_REQUEST)?;
        let complete = Cvv::parse(self.cvv).is_ok() && self.expiry_date.parse::<Expiry>().is_ok();
        CardNumber::parse(self.card_number).map_err(|_| Problem::INVALID_CARD)?;
        if complete && amount.is_positive() { Ok(amount) } else { Err(Problem::INVALID_REQUEST) }
    }
}

#[derive(Serialize)]
struct TransactionAnswer<'a> {
    transaction_id: String,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    decline_code: Option<&'static str>,
    amount: &'a RawValue,
    currency: &'static str,
    timestamp: String,
}

/// `POST /gateway/v1/transactions`
pub(super) async fn charge(gateway: Arc<Gateway>, mut request: Request) -> Result<Response, Problem> {
    authorise(&request, &gateway.key)?;
    let body = body(&mut request).await?;
    let request: TransactionRequest<'_> = serde_json::from_slice(&body).map_err(|_| Problem::INVALID_REQUEST)?;
    let amount = request.amount()?;
    let scenario = Scenario::of(&request.merchant);
    if scenario == Scenario::Down {
        return Err(Problem::DOWN);
    }
    let fingerprint =
        gateway.hasher.hash_one((request.card_number, request.cvv, request.expiry_date, amount, &request.merchant));
    let entry = gateway.ledger.post(request.idempotency_key, fingerprint, amount, scenario.outcome());
    let entry = entry.map_err(|refusal| match refusal {
        Refusal::KeyReused => Problem::KEY_REUSED,
        Refusal::Full => Problem::FULL,
    })?;
    match scenario {
        Scenario::AnswerLate => tokio::time::sleep(gateway.slow_answer).await,
        Scenario::LoseAnswer => hang_up(),
        _ => {}
    }
    answer(request.idempotency_key, &entry)
}

/// `GET /gateway/v1/transactions?idempotency_key=…`
pub(super) async fn look_up(gateway: Arc<Gateway>, request: Request) -> Result<Response, Problem> {
    authorise(&request, &gateway.key)?;
    let key = id_in_query(&request, "idempotency_key")?;
    let entry = gateway.ledger.look_up(key).ok_or(Problem::NO_SUCH_TRANSACTION)?;
    answer(key, &entry)
}

/// `GET /sandbox/charges`
pub(super) async fn summary(gateway: Arc<Gateway>, _: Request) -> Result<Response, Problem> {
    Ok(json(&gateway.ledger.summary()))
}

#[derive(Serialize)]
struct LedgerEntry {
    idempotency_key: Uuid,
    transaction_id: String,
    status: &'static str,
    decline_code: Option<&'static str>,
    minor_units: i64,
    currency: &'static str,
    requests: u32,
}

/// `GET /sandbox/charges/:key`
pub(super) async fn entry(gateway: Arc<Gateway>, request: Request) -> Result<Response, Problem> {
    let key = request.path_params::<Uuid>().map_err(|_| Problem::INVALID_REQUEST)?;
    let entry = gateway.ledger.look_up(key).ok_or(Problem::NO_SUCH_TRANSACTION)?;
    let (status, decline_code) = status(&entry)?;
    Ok(json(&LedgerEntry {
        idempotency_key: key,
        transaction_id: transaction_id(key),
        status,
        decline_code,
        minor_units: entry.amount.minor_units,
        currency: entry.amount.currency.code(),
        requests: entry.requests,
    }))
}

fn answer(key: Uuid, entry: &Entry) -> Result<Response, Problem> {
    let (status, decline_code) = status(entry)?;
    Ok(json(&TransactionAnswer {
        transaction_id: transaction_id(key),
        status,
        decline_code,
        amount: &decimal::json_number(entry.amount),
        currency: entry.amount.currency.code(),
        timestamp: entry.at.to_rfc3339_opts(SecondsFormat::Secs, true),
    }))
}

fn status(entry: &Entry) -> Result<(&'static str, Option<&'static str>), Problem> {
    match entry.outcome {
        Outcome::Charged => Ok(("success", None)),
        Outcome::Declined(code) => Ok(("declined", Some(code))),
        Outcome::TurnedAway => Err(Problem::DOWN),
    }
}

fn transaction_id(key: Uuid) -> String {
    format!("txn_{key}")
}
