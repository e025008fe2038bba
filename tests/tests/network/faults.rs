//! What happens when the answer does not come in time, or is never heard.

use std::time::Duration;

use aggregates::payment::{Decline, Status};
use serde_json::json;
use sqlx::Executor;
use tests::{client::Client, eventually::eventually};

use super::{a_network, at_a_shop, payment, play, purchase, send, used};

/// The log is held: whatever is decided, the issuer is told no within its time, and nothing stays held.
#[tokio::test]
async fn past_the_deadline_a_purchase_is_declined_and_an_approval_taken_back() {
    let system = a_network(&[("VC_FLOWS__NETWORK__DECIDE_WITHIN_MILLISECONDS", "600")], 1).await;
    let holder = system.a_cardholder(100).await;
    let mut sql = system.sql().await;
    sql.execute("BEGIN; LOCK TABLE events IN ACCESS EXCLUSIVE MODE").await.unwrap();
    let declined = purchase(&system, &holder, 1_000).await;
    assert_eq!((&declined["approved"], &declined["reason"]), (&json!(false), &json!("webhook_declined")), "{declined}");
    let milliseconds = declined["milliseconds"].as_u64().unwrap();
    assert!((500..1_900).contains(&milliseconds), "{milliseconds} ms");
    sql.execute("COMMIT").await.unwrap();

    let settled = eventually("the late decision is on record", async || {
        let payment = payment(&system, &declined).await;
        matches!(payment.status(), Some(Status::Declined | Status::Voided)).then_some(payment)
    })
    .await;
    assert_eq!(used(&system, &holder).await, 0, "{:?}", settled.status());
    if let Some(reason) = settled.decline() {
        assert!(matches!(reason, Decline::DecisionTimedOut { .. } | Decline::IssuerDeclined { .. }), "{reason:?}");
    }
    // Asked again, it is told the same.
    let again = send(&mut system.client(), &declined["question"]).await;
    assert_eq!(again.json(), json!({ "approved": false }));
}

/// The approval is on record, and the process dies before anybody hears of it: the repetition is told the same, and the
/// amount is held once.
#[tokio::test]
async fn an_answer_that_died_with_its_process_is_given_again() {
    let mut system = a_network(&[], 1).await;
    let holder = system.a_cardholder(100).await;
    // Somebody asks, and does not wait for the answer.
    let template = purchase(&system, &holder, 1_000).await;
    let mut question = template["question"].clone();
    question["data"]["object"]["id"] = json!("iauth_unheard");
    let (mut client, asked) = (system.client(), question.clone());
    let unheard = tokio::spawn(async move { send(&mut client, &asked).await });
    let as_purchase = json!({ "authorization": "iauth_unheard" });
    eventually("the approval is on record", async || {
        (payment(&system, &as_purchase).await.status() == Some(Status::Authorized)).then_some(())
    })
    .await;
    system.processes.apis[0].kill().await.unwrap();
    let _ = tokio::time::timeout(Duration::from_secs(5), unheard).await;
    system.processes.apis[0].restart().await.unwrap();

    // Another process cannot know at once whether the approval is to stand: it says no until it does.
    eventually("the repetition is told the same", async || {
        let again = send(&mut system.client(), &question).await;
        (again.json() == json!({ "approved": true })).then_some(())
    })
    .await;
    assert_eq!(used(&system, &holder).await, 2_000);
}

/// The approval comes on record after the issuer was told no: a repetition, to whichever process, hears no yes of it.
#[tokio::test]
async fn an_approval_that_is_being_taken_back_is_repeated_to_nobody() {
    let system = a_network(&[("VC_FLOWS__NETWORK__DECIDE_WITHIN_MILLISECONDS", "600")], 2).await;
    let holder = system.a_cardholder(100).await;
    let mut sql = system.sql().await;
    sql.execute("BEGIN; LOCK TABLE events IN SHARE MODE").await.unwrap();
    let declined = purchase(&system, &holder, 1_000).await;
    assert_eq!(declined["approved"], json!(false), "{declined}");
    let question = declined["question"].clone();
    let addresses = system.processes.apis.iter().map(|api| api.address()).collect::<Vec<_>>();
    let repeats = addresses.into_iter().map(|address| {
        let question = question.clone();
        tokio::spawn(async move { send(&mut Client::new(address), &question).await.json() })
    });
    let repeats: Vec<_> = repeats.collect();
    sql.execute("COMMIT").await.unwrap();
    for repeat in repeats {
        assert_eq!(repeat.await.unwrap(), json!({ "approved": false }));
    }
    eventually("nothing is held", async || (used(&system, &holder).await == 0).then_some(())).await;
}

/// The issuer did not hear our approval and declined: what was held is given back when it says so.
#[tokio::test]
async fn an_approval_that_the_issuer_did_not_hear_is_taken_back() {
    let system = a_network(&[], 1).await;
    let holder = system.a_cardholder(100).await;
    let mut body = at_a_shop(&holder, 1_000);
    body["deaf"] = json!(true);
    // The network itself tells of it, once: an issuer never says both that it approved and that it did not.
    let unheard = play(&system, "/purchases", &body).await;
    assert_eq!((&unheard["approved"], &unheard["reason"]), (&json!(false), &json!("webhook_timeout")), "{unheard}");
    let voided = super::settled(&system, &unheard, [1_000, 0, 0, 0]).await;
    assert_eq!((voided.status(), used(&system, &holder).await), (Some(Status::Voided), 0));
}
