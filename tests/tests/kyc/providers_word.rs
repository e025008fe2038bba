use chrono::Utc;
use serde_json::json;
use tests::{eventually::eventually, system::TestSystem};

use super::{a_draft, call, handed_in, read, status, submit};
use crate::webhooks::{SANDBOX, deliver, signed};

#[tokio::test]
async fn full_verification_takes_pictures_and_lifts_the_limit() {
    let system = TestSystem::start_with(1, &[("VC_FLOWS__KYC__BASIC_MONTHLY_LIMIT", "100")]).await;
    let (person, mut client) = (system.a_person().await, system.client());
    client.pass_kyc(&person).await.unwrap();
    client.request_card(&person, 100).await.unwrap();
    let refused = client.request_card(&person, 101).await.unwrap_err().to_string();
    assert!(refused.contains("kyc.level_required"), "{refused}");

    let case = super::open(&mut client, &person.token, "full").await;
    let incomplete =
        call(&mut client, "POST", &format!("{}/{case}/submit", super::CASES), &person.token, &json!({}), 422).await;
    assert_eq!(incomplete["code"], "kyc.incomplete");
    let missing: Vec<_> = incomplete["errors"].as_array().unwrap().iter().map(|e| e["field"].clone()).collect();
    assert_eq!(json!(missing), json!(["details", "address", "front", "back", "selfie"]));
    // Another draft takes its place.
    assert_ne!(super::open(&mut client, &person.token, "full").await, case);

    let other = system.a_person().await;
    let case = a_draft(&mut client, &other.token, "APPROVE1").await;
    let verification = submit(&mut client, &other.token, &case).await;
    assert_eq!(verification["approval"]["level"], "full", "{verification}");
    assert!(verification["approval"]["valid_until"].is_string());
    client.request_card(&other, 5_000).await.unwrap();
}

/// Without a worker only the provider's webhook can bring the verdict.
#[tokio::test]
async fn a_webhook_brings_the_verdict_before_anybody_asks() {
    let mut system = TestSystem::start().await;
    let (person, mut client) = (system.a_person().await, system.client());
    let case = a_draft(&mut client, &person.token, "SLOW1").await;
    system.processes.workers[0].kill().await.unwrap();
    assert_eq!(submit(&mut client, &person.token, &case).await["status"], "pending");
    eventually("the webhook has come", async || {
        (status(&mut system.client(), &person).await == "approved").then_some(())
    })
    .await;
}

/// The worker is first where webhooks do not arrive; one that comes late, twice and out of order changes nothing.
#[tokio::test]
async fn late_and_repeated_webhooks_change_nothing() {
    let mut system = TestSystem::start().await;
    let (person, case, verification) = handed_in(&system, "SLOW1").await;
    assert_eq!(verification["status"], "pending");
    // What the sandbox sends goes astray.
    system.processes.apis[0].kill().await.unwrap();
    let worker_decides = "SELECT count(*) FROM events WHERE kind = 'kyc' AND name = 'approved'";
    let approvals = async || -> i64 {
        sqlx::query_scalar(worker_decides).fetch_one(&mut system.database.connect().await).await.unwrap()
    };
    eventually("the worker has asked", async || (approvals().await == 1).then_some(())).await;
    system.processes.apis[0].restart().await.unwrap();
    let mut client = system.client();
    let body = json!({ "type": "check.completed", "data": { "case_id": case } }).to_string();
    for id in ["msg_2", "msg_1", "msg_2"] {
        assert_eq!(deliver(&mut client, SANDBOX, &signed(id, Utc::now(), &body), &body).await.status, 204);
    }
    let handled = "SELECT count(*) FROM webhook_deliveries WHERE handled_at IS NULL";
    eventually("all were acted on", async || {
        let open: i64 = sqlx::query_scalar(handled).fetch_one(&mut system.sql().await).await.unwrap();
        (open == 0).then_some(())
    })
    .await;
    assert_eq!(approvals().await, 1);
    assert_eq!(read(&mut client, "/api/v2/kyc", &person.token).await["status"], "approved");
}

#[tokio::test]
async fn a_provider_that_is_down_is_no_verdict_on_a_case_with_pictures() {
    let mut system = TestSystem::start().await;
    let (person, mut client) = (system.a_person().await, system.client());
    let case = a_draft(&mut client, &person.token, "APPROVE1").await;
    system.processes.sandbox.kill().await.unwrap();
    assert_eq!(submit(&mut client, &person.token, &case).await["status"], "pending");
    system.processes.sandbox.restart().await.unwrap();
    eventually("the case is decided", async || {
        (status(&mut system.client(), &person).await == "approved").then_some(())
    })
    .await;
}
