//! What a person proves who they are with, beside a password: an authenticator app and passkeys, in software; and the
//! steps of setting them up and using them.

mod passkey;

use std::sync::{Arc, Mutex, PoisonError};

use hyper::{Method, StatusCode};
use serde_json::{Value, json};
use totp_rs::{Builder, Secret};

use crate::client::{Answer, Client, ClientError, PASSWORD, Person};

pub use passkey::Passkey;

const STEP_SECONDS: u64 = 30;

/// A person's authenticator app. A code counts once, so the three that are accepted at any moment (of the previous, the
/// present and the next step) are used one after another. Clones are the same app.
#[derive(Clone, Debug, Default)]
pub struct App(Arc<Mutex<Option<Enrolled>>>);

#[derive(Debug)]
struct Enrolled {
    secret: String,
    last_step: u64,
}

impl App {
    pub fn is_enrolled(&self) -> bool {
        self.lock().is_some()
    }

    /// What it shares with us.
    pub fn secret(&self) -> Option<String> {
        self.lock().as_ref().map(|enrolled| enrolled.secret.clone())
    }

    fn enrol(&self, secret: String) {
        *self.lock() = Some(Enrolled { secret, last_step: 0 });
    }

    /// The next code that was not used yet.
    pub fn code(&self) -> Result<String, ClientError> {
        let mut enrolled = self.lock();
        let enrolled = enrolled.as_mut().ok_or_else(|| unexpected("an enrolled app", "none"))?;
        let now = chrono::Utc::now().timestamp().unsigned_abs() / STEP_SECONDS;
        let step = (enrolled.last_step + 1).max(now - 1);
        if step > now + 1 {
            return Err(unexpected("a code that was not used", "three used ones"));
        }
        enrolled.last_step = step;
        code(&enrolled.secret, step)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Enrolled>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The code of a time step.
pub fn code(secret: &str, step: u64) -> Result<String, ClientError> {
    let secret = Secret::try_from_base32(secret).map_err(|_| unexpected("a secret in base 32", "something else"))?;
    let app = Builder::new().with_secret(secret).build().map_err(|_| unexpected("a secret", "too short a one"))?;
    Ok(app.generate(step * STEP_SECONDS).to_string())
}

fn unexpected(step: &'static str, answer: &str) -> ClientError {
    ClientError::Unexpected { step, answer: answer.into() }
}

impl Client {
    /// Enables the person's authenticator app, within five minutes of their login; the recovery codes.
    pub async fn enrol(&mut self, person: &Person) -> Result<Vec<String>, ClientError> {
        let token = Some(person.token.as_str());
        let begun = self.post("/api/v2/me/totp", token, &json!({})).await?.expect("TOTP enrolment", StatusCode::OK)?;
        person.app.enrol(text(&begun["secret"]));
        let mut answer = self.confirm(person).await?;
        if answer.status == StatusCode::UNPROCESSABLE_ENTITY {
            // The step turned on the way: the code was too old by a moment.
            answer = self.confirm(person).await?;
        }
        let codes = answer.expect("TOTP confirmation", StatusCode::OK)?;
        Ok(codes["recovery_codes"].as_array().into_iter().flatten().map(text).collect())
    }

    async fn confirm(&mut self, person: &Person) -> Result<Answer, ClientError> {
        let code = json!({ "code": person.app.code()? });
        self.post("/api/v2/me/totp/confirm", Some(&person.token), &code).await
    }

    /// A step-up for `operation`, such as `{"operation": "card_request"}`, by the person's app; the token.
    pub async fn step_up(&mut self, person: &Person, operation: &Value) -> Result<String, ClientError> {
        let token = Some(person.token.as_str());
        let begun = self.post("/api/v2/auth/step-up", token, operation).await?.expect("step-up", StatusCode::OK)?;
        let mut proof = json!({ "ticket": begun["ticket"], "totp": person.app.code()? });
        let mut answer = self.post("/api/v2/auth/step-up/complete", token, &proof).await?;
        if answer.status == StatusCode::FORBIDDEN && proof["totp"] != json!(null) {
            // The step turned on the way.
            proof["totp"] = json!(person.app.code()?);
            answer = self.post("/api/v2/auth/step-up/complete", token, &proof).await?;
        }
        Ok(text(&answer.expect("step-up proof", StatusCode::OK)?["step_up_token"]))
    }

    /// Another session of a person whose app is enrolled.
    pub async fn log_in_again(&mut self, person: &Person) -> Result<Person, ClientError> {
        let login = json!({ "email": person.email, "password": PASSWORD });
        let half = self.post("/api/v1/auth/login", None, &login).await?.expect("login", StatusCode::ACCEPTED)?;
        let proof = json!({ "mfa_token": half["mfa_token"], "code": person.app.code()? });
        let answer = self.post("/api/v1/auth/login/mfa", None, &proof).await?.expect("second step", StatusCode::OK)?;
        Ok(Person { token: text(&answer["token"]), ..person.clone() })
    }

    /// Posts with a step-up.
    pub async fn post_stepped_up(
        &mut self,
        path: &str,
        person: &Person,
        step_up: &str,
        body: &Value,
    ) -> Result<Answer, ClientError> {
        self.request(Method::POST, path, Some(&person.token), Some(body), &[("x-step-up-token", step_up)]).await
    }

    /// Asks for a card as `body` says, by a step-up; enrols the person's app first where that has not been done.
    pub async fn ask_for_card(&mut self, person: &Person, body: &Value) -> Result<Answer, ClientError> {
        if !person.app.is_enrolled() {
            self.enrol(person).await?;
        }
        let step_up = self.step_up(person, &json!({ "operation": "card_request" })).await?;
        self.post_stepped_up("/api/v1/cards/request", person, &step_up, body).await
    }

    /// Registers a passkey in software. `step_up` for a person who has a second factor already.
    pub async fn add_passkey(
        &mut self,
        person: &Person,
        step_up: Option<&str>,
    ) -> Result<(Passkey, Value), ClientError> {
        let (path, token) = ("/api/v2/me/passkeys", Some(person.token.as_str()));
        let headers: Vec<_> = step_up.map(|step_up| ("x-step-up-token", step_up)).into_iter().collect();
        let options = format!("{path}/options");
        let begun = self.request(Method::POST, &options, token, Some(&json!({})), &headers).await?;
        let begun = begun.expect("passkey options", StatusCode::OK)?;
        let (passkey, credential) = Passkey::create(&begun["options"]);
        let body = json!({ "ticket": begun["ticket"], "credential": credential, "label": "phone" });
        let answer = self.post(path, token, &body).await?.expect("passkey registration", StatusCode::CREATED)?;
        Ok((passkey, answer))
    }

    /// A step-up by passkey; of these a person has as many as they like.
    pub async fn step_up_by_passkey(
        &mut self,
        person: &Person,
        passkey: &mut Passkey,
        operation: &Value,
    ) -> Result<String, ClientError> {
        let token = Some(person.token.as_str());
        let begun = self.post("/api/v2/auth/step-up", token, operation).await?.expect("step-up", StatusCode::OK)?;
        let proof = json!({ "ticket": begun["ticket"], "passkey": passkey.sign(&begun["passkey"]) });
        let answer = self.post("/api/v2/auth/step-up/complete", token, &proof).await?;
        Ok(text(&answer.expect("step-up proof", StatusCode::OK)?["step_up_token"]))
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
