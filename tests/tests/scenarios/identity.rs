use hyper::StatusCode;
use serde_json::{Value, json};
use tests::{client::Person, eventually::eventually, system::TestSystem};

use super::{read, request_card};

/// Submits a document whose number chooses the verdict.
async fn submit(system: &TestSystem, person: &Person, number: &str) -> (StatusCode, Value) {
    let body = json!({ "document_type": "passport", "document_number": number, "date_of_birth": "1990-12-10",
                       "country": "GB" });
    let answer = system.client().post("/api/v1/kyc/submit", Some(&person.token), &body).await.unwrap();
    (answer.status, answer.json())
}

async fn status(system: &TestSystem, person: &Person) -> Value {
    read(&mut system.client(), person, "/api/v1/kyc/status").await["kyc_status"].clone()
}

#[tokio::test]
async fn a_rejected_person_is_told_why_gets_no_card_and_may_try_again() {
    let system = TestSystem::start().await;
    let person = system.a_person().await;
    let (code, verdict) = submit(&system, &person, "REJECT1").await;
    assert_eq!((code.as_u16(), &verdict["kyc_status"]), (200, &json!("rejected")), "{verdict}");
    assert_eq!(verdict["rejection_reasons"], json!(["document_unreadable"]));
    assert_eq!(request_card(&system, &person, 100.0).await.0, StatusCode::FORBIDDEN);

    assert_eq!(submit(&system, &person, "APPROVE2").await.1["kyc_status"], "approved");
    assert_eq!(request_card(&system, &person, 100.0).await.0, StatusCode::OK);
}

#[tokio::test]
async fn a_person_in_review_waits_and_gets_no_card() {
    let system = TestSystem::start().await;
    let person = system.a_person().await;
    let (code, verdict) = submit(&system, &person, "REVIEW1").await;
    assert_eq!((code.as_u16(), &verdict["kyc_status"]), (202, &json!("in_review")), "{verdict}");
    assert_eq!(status(&system, &person).await, "in_review");
    assert_eq!(request_card(&system, &person, 100.0).await.0, StatusCode::FORBIDDEN);
    assert_eq!(submit(&system, &person, "APPROVE2").await.0, StatusCode::CONFLICT, "one case at a time");
}

#[tokio::test]
async fn a_verdict_that_takes_its_time_is_fetched_by_a_worker() {
    let system = TestSystem::start().await;
    let person = system.a_person().await;
    let (code, verdict) = submit(&system, &person, "SLOW1").await;
    assert_eq!((code.as_u16(), &verdict["kyc_status"]), (202, &json!("pending")), "{verdict}");
    eventually("the person is approved", async || (status(&system, &person).await == "approved").then_some(())).await;
    assert_eq!(request_card(&system, &person, 100.0).await.0, StatusCode::OK);
}

/// A provider that is away is no verdict on the person.
#[tokio::test]
async fn a_case_stays_pending_while_the_provider_is_down_and_is_decided_when_it_is_back() {
    let mut system = TestSystem::start().await;
    let person = system.a_person().await;
    system.processes.sandbox.kill().await.unwrap();
    let (code, verdict) = submit(&system, &person, "APPROVE1").await;
    assert_eq!((code.as_u16(), &verdict["kyc_status"]), (202, &json!("pending")), "{verdict}");
    system.processes.sandbox.restart().await.unwrap();
    eventually("the person is approved", async || (status(&system, &person).await == "approved").then_some(())).await;
}
