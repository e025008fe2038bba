//! Authenticator apps, recovery codes and passkeys: set up, used at login, taken away (invariant 9).

mod browser;
mod enrolment;
mod login;
mod one_step;
mod passkeys;
mod removal;

use serde_json::{Value, json};
use tests::{
    client::{Answer, Client, PASSWORD, Person},
    system::TestSystem,
};

/// Where a test fails more often than an account may.
const PATIENT: (&str, &str) = ("VC_FLOWS__LOCKOUT__ACCOUNT_FAILURES", "0");

const SECOND_STEP: &str = "/api/v2/auth/login/second-factor";

/// Somebody with an authenticator app, and their recovery codes.
async fn an_enrolled_person(system: &TestSystem) -> (Person, Vec<String>) {
    let person = system.a_person().await;
    let codes = system.client().enrol(&person).await.unwrap_or_else(|failure| panic!("{failure}"));
    (person, codes)
}

/// The first step of a login; what it answered.
async fn half_done(client: &mut Client, person: &Person) -> Value {
    let login = json!({ "email": person.email, "password": PASSWORD });
    let answer = client.post("/api/v2/auth/login", None, &login).await.unwrap();
    assert_eq!(answer.status, 202, "{}", answer.text());
    answer.json()
}

async fn second_step(client: &mut Client, half: &Value, proof: Value) -> Answer {
    let mut body = proof;
    body["mfa_token"] = half["mfa_token"].clone();
    client.post(SECOND_STEP, None, &body).await.unwrap()
}

/// Status and code of a refusal.
fn refusal(answer: &Answer) -> (u16, String) {
    (answer.status.as_u16(), answer.json()["code"].as_str().unwrap_or_default().to_owned())
}

fn refused(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

async fn factors(client: &mut Client, person: &Person) -> Value {
    let answer = client.get("/api/v2/me/factors", Some(&person.token)).await.unwrap();
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}
