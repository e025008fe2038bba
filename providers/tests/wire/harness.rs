#![allow(clippy::unwrap_used)]

use std::{future::pending, time::Duration};

use aggregates::{
    CardId, Currency, Money, PaymentId, UserId,
    card::{CardType, Expiry},
    kyc::DocumentType,
};
use chrono::NaiveDate;
use providers::{
    CardNumber, Config, Cvv, Failure, Providers,
    gateway::{Charge, ChargeResult},
    issuing::IssueRequest,
    kyc::Applicant,
    sandbox::{SandboxConfig, serve},
};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};
use uuid::Uuid;

pub const NUMBER: &str = "4532015112830366";
pub const CVV: &str = "987";

/// A running sandbox, its address and adapters that talk to it.
pub struct Sandbox {
    pub base: String,
    pub providers: Providers,
}

pub async fn a_sandbox() -> Sandbox {
    a_sandbox_with(SandboxConfig::default(), Config::default()).await
}

pub async fn a_sandbox_with(sandbox: SandboxConfig, config: Config) -> Sandbox {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(serve(listener, sandbox, pending()));
    let providers = Providers::sandbox(&base, &config).unwrap();
    Sandbox { base, providers }
}

impl Sandbox {
    pub async fn charges(&self) -> Value {
        get(&format!("{}/sandbox/charges", self.base)).await.1
    }

    pub async fn charge_of(&self, payment: PaymentId) -> (u16, Value) {
        get(&format!("{}/sandbox/charges/{payment}", self.base)).await
    }
}

/// A vendor that answers each connection with the next of these texts, and closes it.
pub async fn a_vendor_that_answers(answers: Vec<String>, config: &Config) -> Providers {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        for answer in answers {
            let (mut stream, _) = listener.accept().await.unwrap();
            read_request(&mut stream).await;
            let _ = stream.write_all(answer.as_bytes()).await;
        }
    });
    Providers::sandbox(&base, config).unwrap()
}

/// Reads until a JSON body has come: our bodies end with a brace, and our heads hold none.
async fn read_request(stream: &mut TcpStream) {
    let mut request = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let end: &[u8] = if request.starts_with(b"GET") { b"\r\n\r\n" } else { b"}" };
        if request.ends_with(end) {
            break;
        }
        let n = stream.read(&mut chunk).await.unwrap();
        assert!(n > 0, "the request ended early");
        request.extend(&chunk[..n]);
    }
}

pub fn answer(status: u16, body: &str) -> String {
    format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
}

pub async fn get(url: &str) -> (u16, Value) {
    let answer = reqwest::get(url).await.unwrap();
    (answer.status().as_u16(), serde_json::from_str(&answer.text().await.unwrap()).unwrap())
}

/// Time-outs short enough to wait for.
pub fn an_impatient_config() -> Config {
    let mut config = Config { connect_timeout_ms: 100, ..Config::default() };
    for vendor in [&mut config.kyc, &mut config.issuer, &mut config.gateway] {
        vendor.timeout_ms = 500;
    }
    config
}

pub fn usd(minor_units: i64) -> Money {
    Money::new(minor_units, Currency::USD)
}

pub fn a_payment() -> PaymentId {
    PaymentId(Uuid::now_v7())
}

/// What [`charge`] charges: 99.99.
pub const AMOUNT: Money = Money::new(9999, Currency::USD);

pub async fn charge(providers: &Providers, payment_id: PaymentId, merchant: &str) -> Result<ChargeResult, Failure> {
    charge_amount(providers, payment_id, merchant, AMOUNT).await
}

pub async fn charge_amount(
    providers: &Providers,
    payment_id: PaymentId,
    merchant: &str,
    amount: Money,
) -> Result<ChargeResult, Failure> {
    let (number, cvv) = (CardNumber::parse(NUMBER).unwrap(), Cvv::parse(CVV).unwrap());
    let expiry = Expiry::new(10, 2029).unwrap();
    providers.gateway.charge(&Charge { payment_id, number: &number, cvv: &cvv, expiry, amount, merchant }).await
}

pub fn approved(payment: PaymentId) -> ChargeResult {
    ChargeResult::Approved { reference: format!("txn_{payment}") }
}

pub fn a_card() -> CardId {
    CardId(Uuid::now_v7())
}

pub fn a_request_with_limit(minor_units: i64) -> IssueRequest {
    IssueRequest {
        user_id: UserId(Uuid::from_u128(1)),
        card_type: CardType::VirtualVisa,
        monthly_limit: usd(minor_units),
        holder_reference: None,
    }
}

pub fn an_applicant_with_document(number: &str) -> Applicant {
    Applicant {
        first_name: "Ada \"Countess\"".into(),
        last_name: "Lovelace".into(),
        date_of_birth: NaiveDate::from_ymd_opt(1815, 12, 10).unwrap(),
        level: aggregates::kyc::Level::Basic,
        document_type: DocumentType::Passport,
        document_number: number.into(),
        country: "GB".into(),
        address: None,
    }
}

pub async fn pause(milliseconds: u64) {
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
}
