//! A person's way from registration to payment.

use hyper::{StatusCode, header::HeaderValue};
use serde_json::{Value, json};

use super::{Client, ClientError, PASSWORD, Prepared};
use crate::{authenticator::App, mailbox};

/// A person with an account, logged in.
#[derive(Clone, Debug)]
pub struct Person {
    pub user_id: String,
    pub email: String,
    pub token: String,
    pub app: App,
}

/// Somebody who may pay.
#[derive(Clone, Debug)]
pub struct Cardholder {
    pub person: Person,
    pub card_id: String,
}

impl Client {
    /// Opens an account with [`PASSWORD`] and confirms its address; the person's id.
    pub async fn register(&mut self, email: &str) -> Result<String, ClientError> {
        self.apply(email).await?;
        let body = json!({ "token": self.mailed_token(email, mailbox::VERIFY).await? });
        let answer = self.post("/api/v1/auth/verify-email", None, &body).await?;
        Ok(text(&answer.expect("verification", StatusCode::OK)?["user"]["id"]))
    }

    /// Opens an account with [`PASSWORD`] that waits for its address to be confirmed.
    pub async fn apply(&mut self, email: &str) -> Result<(), ClientError> {
        let body = json!({ "email": email, "password": PASSWORD, "first_name": "Ada", "last_name": "Lovelace" });
        let answer = self.post("/api/v1/auth/register", None, &body).await?;
        answer.expect("registration", StatusCode::ACCEPTED).map(drop)
    }

    /// Waits for a letter with this subject; the token in the newest one.
    pub async fn mailed_token(&self, email: &str, subject: &'static str) -> Result<String, ClientError> {
        let no = |answer: &str| ClientError::Unexpected { step: subject, answer: answer.into() };
        let mailboxes = self.mailboxes.ok_or_else(|| no("no mailbox: see Client::with_mailbox"))?;
        let letter = mailbox::letter(mailboxes, email, subject).await?;
        letter.token().ok_or_else(|| no(&letter.text))
    }

    pub async fn log_in(&mut self, email: &str) -> Result<Person, ClientError> {
        let body = json!({ "email": email, "password": PASSWORD });
        let answer = self.post("/api/v1/auth/login", None, &body).await?.expect("login", StatusCode::OK)?;
        Ok(Person {
            user_id: text(&answer["user"]["id"]),
            email: email.into(),
            token: text(&answer["token"]),
            app: App::default(),
        })
    }

    /// Submits documents that the sandbox approves at once.
    pub async fn pass_kyc(&mut self, person: &Person) -> Result<(), ClientError> {
        let body = json!({
            "document_type": "passport", "document_number": "APPROVE1", "date_of_birth": "1990-12-10", "country": "GB",
        });
        let answer = self.post("/api/v1/kyc/submit", Some(&person.token), &body).await?;
        match text(&answer.expect("KYC", StatusCode::OK)?["kyc_status"]) == "approved" {
            true => Ok(()),
            false => Err(ClientError::Unexpected { step: "KYC", answer: answer.text() }),
        }
    }

    /// Requests a card in USD that may spend `monthly_limit` (major units) a month, by a step-up; its id.
    pub async fn request_card(&mut self, person: &Person, monthly_limit: u64) -> Result<String, ClientError> {
        let body = json!({ "card_type": "virtual_visa", "currency": "USD", "monthly_limit": monthly_limit });
        let answer = self.ask_for_card(person, &body).await?;
        Ok(text(&answer.expect("card request", StatusCode::OK)?["card"]["card_id"]))
    }

    /// The whole way from nobody to somebody who may pay.
    pub async fn onboard(&mut self, email: &str, monthly_limit: u64) -> Result<Cardholder, ClientError> {
        self.register(email).await?;
        let person = self.log_in(email).await?;
        self.pass_kyc(&person).await?;
        let card_id = self.request_card(&person, monthly_limit).await?;
        Ok(Cardholder { person, card_id })
    }
}

impl Cardholder {
    /// A payment in USD, `amount` as it is to stand in the JSON, such as `9.99`.
    pub fn payment(&self, amount: &str, merchant: &str) -> Prepared {
        let body = format!(
            r#"{{"card_id":"{}","amount":{amount},"currency":"USD","merchant":"{merchant}","merchant_category":"electronics"}}"#,
            self.card_id
        );
        Prepared {
            path: hyper::Uri::from_static("/api/v1/payments/process"),
            bearer: self.person.bearer(),
            body: body.into(),
        }
    }
}

impl Person {
    pub fn bearer(&self) -> HeaderValue {
        HeaderValue::try_from(format!("Bearer {}", self.token)).expect("tokens are visible ASCII")
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
