//! A watch list's word is about the person, whatever becomes of their cases.

use chrono::Utc;
use serde_json::{Value, json};
use tests::{
    client::{Client, Person},
    eventually::eventually,
    system::TestSystem,
};

use super::{a_draft, an_operator, call, handed_in, open, read, status, submit};
use crate::webhooks::{SANDBOX, deliver, signed};

const REVIEWS: &str = "/api/v2/kyc/reviews";

/// A list names the applicant of a case from now on; the sandbox tells of it by webhook.
async fn hit(system: &TestSystem, case: &str) {
    let mut sandbox = Client::new(system.processes.sandbox.address());
    let path = format!("/sandbox/kyc/hits?case_id={case}");
    assert_eq!(sandbox.post(&path, None, &json!({})).await.unwrap().status, 204);
}

/// The provider tells of a case, and what it tells is acted on.
async fn hear(system: &TestSystem, id: &str, case: &str) {
    let body = json!({ "type": "check.updated", "data": { "case_id": case } }).to_string();
    let answer = deliver(&mut system.client(), SANDBOX, &signed(id, Utc::now(), &body), &body).await;
    assert_eq!(answer.status, 204, "{}", answer.text());
    let open = "SELECT count(*) FROM webhook_deliveries WHERE handled_at IS NULL";
    eventually("the webhook was acted on", async || {
        let open: i64 = sqlx::query_scalar(open).fetch_one(&mut system.sql().await).await.unwrap();
        (open == 0).then_some(())
    })
    .await;
}

/// Somebody with an approval of level basic whose later case the provider has rejected: their cases, and the approval.
async fn approved_and_then_rejected(system: &TestSystem) -> (Person, [String; 2], Value) {
    let (person, mut client) = (system.a_person().await, system.client());
    let first = open(&mut client, &person.token, "basic").await;
    let details = json!({ "document_type": "passport", "document_number": "APPROVE1", "date_of_birth": "1990-04-12",
                          "country": "DE" });
    let path = format!("{}/{first}/details", super::CASES);
    call(&mut client, "PUT", &path, &person.token, &details, 200).await;
    let approval = submit(&mut client, &person.token, &first).await["approval"].clone();
    let second = a_draft(&mut client, &person.token, "REJECT1").await;
    let rejected = submit(&mut client, &person.token, &second).await;
    assert_eq!((&rejected["status"], &rejected["approval"]), (&json!("rejected"), &approval));
    (person, [first, second], approval)
}

async fn decide(system: &TestSystem, case: &str, decision: &Value) {
    let (mut client, store) = (system.client(), system.store());
    for (_, operator) in [an_operator(&store).await, an_operator(&store).await] {
        let path = format!("{REVIEWS}/{case}/decision");
        call(&mut client, "POST", &path, &operator.token, decision, 204).await;
    }
}

#[tokio::test]
async fn a_later_word_about_another_case_does_not_end_the_review_of_a_hit() {
    // Given an approval by one case, a later case that the provider has rejected, and a hit on the first
    let system = TestSystem::start().await;
    let (person, [first, second], approval) = approved_and_then_rejected(&system).await;
    let mut client = system.client();
    hit(&system, &first).await;
    eventually("the hit is known", async || (status(&mut client, &person).await == "in_review").then_some(())).await;
    // When the provider repeats what it says of the later case
    hear(&system, "msg_of_second", &second).await;
    system.caught_up().await;
    // Then the hit still waits for operators, and the approval rests.
    let (_, operator) = an_operator(&system.store()).await;
    let waiting = read(&mut client, REVIEWS, &operator.token).await["reviews"][0].clone();
    assert_eq!((&waiting["case_id"], &waiting["reasons"][0]), (&json!(second), &json!("watchlist_hit")), "{waiting}");
    let seen = read(&mut client, &format!("{REVIEWS}/{second}"), &operator.token).await;
    assert_eq!(seen["watch_list_hits"], json!([format!("check_{first}")]));
    let resting = read(&mut client, "/api/v2/kyc", &person.token).await;
    assert!(resting["status"] == "in_review" && resting.get("approval").is_none(), "{resting}");
    assert!(!resting.to_string().contains("watchlist"), "{resting}");

    // When operators say that it is somebody else
    decide(&system, &second, &json!({ "verdict": "approve" })).await;
    // Then all is as it was: the approval counts to its old end, and the later case is a rejected one.
    let cleared = read(&mut client, "/api/v2/kyc", &person.token).await;
    assert_eq!((&cleared["status"], &cleared["approval"]), (&json!("rejected"), &approval));
    assert_eq!(cleared["case"]["rejection_reasons"], json!(["document_unreadable"]));
    client.request_card(&person, 100).await.unwrap();
    system.caught_up().await;
    assert_eq!(read(&mut client, REVIEWS, &operator.token).await["reviews"], json!([]));
    assert_eq!(read(&mut client, "/api/v2/me", &person.token).await["kyc_status"], json!("rejected"));
    // And the same hit, told once more, is no news.
    hear(&system, "msg_of_first", &first).await;
    assert_eq!(status(&mut client, &person).await, "rejected");
}

#[tokio::test]
async fn a_confirmed_hit_ends_the_approval_for_good() {
    let system = TestSystem::start().await;
    let (person, [first, second], _) = approved_and_then_rejected(&system).await;
    let mut client = system.client();
    hit(&system, &first).await;
    eventually("the hit is known", async || (status(&mut client, &person).await == "in_review").then_some(())).await;
    decide(&system, &second, &json!({ "verdict": "reject", "reasons": ["not_acceptable"] })).await;
    let over = read(&mut client, "/api/v2/kyc", &person.token).await;
    assert!(over["status"] == "rejected" && over.get("approval").is_none(), "{over}");
    // The next case is people's, whatever the provider says.
    let case = a_draft(&mut client, &person.token, "APPROVE1").await;
    assert_eq!(submit(&mut client, &person.token, &case).await["status"], "in_review");
}

#[tokio::test]
async fn a_case_that_is_not_decided_goes_on_at_its_provider_after_a_hit_was_cleared() {
    // Given a case that the provider is still at, and somebody whom a list has named beside it
    let system = TestSystem::start().await;
    let (person, case, verification) = handed_in(&system, "NEVER1").await;
    assert_eq!(verification["status"], "pending");
    let user_id: aggregates::UserId = person.user_id.parse().unwrap();
    let named = aggregates::kyc::Event::WatchListNamed {
        case_id: case.parse().map(aggregates::KycCaseId).unwrap(),
        provider: "sandbox".into(),
        provider_reference: "match_1".into(),
        at: Utc::now(),
    };
    super::late::record(&system, &person, vec![named]).await;
    let mut client = system.client();
    assert_eq!(status(&mut client, &person).await, "in_review");
    // When it is cleared
    decide(&system, &case, &json!({ "verdict": "approve" })).await;
    // Then nobody is approved for that.
    assert_eq!(status(&mut client, &person).await, "pending");
    let identity = system.store().load_latest::<aggregates::kyc::Kyc>(user_id).await.unwrap();
    assert!(identity.approval(Utc::now()).is_none() && identity.has_cleared("match_1"));
}
