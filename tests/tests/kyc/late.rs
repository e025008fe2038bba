//! What comes late: a provider's word, a watch list's, the end of an approval.

use aggregates::{Actor, Context, KycCaseId, UserId, kyc};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};
use store::{PersonalData, Unit, new_id};
use tests::{
    client::{Client, Person},
    eventually::eventually,
    system::TestSystem,
};

use super::{CASES, a_draft, an_operator, call, handed_in, open, read, status, submit};

const REVIEWS: &str = "/api/v2/kyc/reviews";

/// A case of level `basic` as it was handed in at that time.
async fn submitted(system: &TestSystem, person: &Person, number: &str, at: DateTime<Utc>) -> kyc::Event {
    let applicant = json!({ "document_number": number, "date_of_birth": "1990-04-12" }).to_string();
    let user_id: UserId = person.user_id.parse().unwrap();
    kyc::Event::Submitted {
        case_id: KycCaseId(new_id()),
        applicant: system.store().seal(user_id, PersonalData::Applicant, &applicant).await.unwrap(),
        document_type: kyc::DocumentType::Passport,
        country: "DE".into(),
        level: kyc::Level::Basic,
        at,
    }
}

fn approved(submitted: &kyc::Event, valid_until: DateTime<Utc>) -> kyc::Event {
    let kyc::Event::Submitted { case_id, at, .. } = submitted else { panic!("{submitted:?}") };
    let (provider, provider_reference) = ("sandbox".into(), "check_1".into());
    let (case_id, valid_until, at) = (*case_id, Some(valid_until), *at);
    kyc::Event::Approved { case_id, provider, provider_reference, decided_by: vec![], valid_until, at }
}

pub(super) async fn record(system: &TestSystem, person: &Person, events: Vec<kyc::Event>) {
    let (store, user_id) = (system.store(), person.user_id.parse::<UserId>().unwrap());
    let actor = Actor::System("test");
    let context = Context { correlation_id: new_id(), causation_id: None, traceparent: None, actor };
    let identity = store.load_latest::<kyc::Kyc>(user_id).await.unwrap();
    store.append(Unit::new(context).stream(&identity, events)).await.unwrap();
}

/// The reasons of the review that waits first.
async fn reasons(system: &TestSystem, token: &str) -> Value {
    system.caught_up().await;
    read(&mut system.client(), REVIEWS, token).await["reviews"][0]["reasons"].clone()
}

async fn told(client: &mut Client, person: &Person, kind: &str) -> usize {
    let inbox = read(client, "/api/v1/notifications", &person.token).await;
    inbox["notifications"].as_array().unwrap().iter().filter(|one| one["type"] == kind).count()
}

#[tokio::test]
async fn a_case_that_was_not_decided_in_time_goes_to_people_and_the_late_word_with_it() {
    let system = TestSystem::start().await;
    let (person, mut client) = (system.a_person().await, system.client());
    let (_, operator) = an_operator(&system.store()).await;
    let case = submitted(&system, &person, "SLOW1", Utc::now() - TimeDelta::days(8)).await;
    let kyc::Event::Submitted { case_id, .. } = &case else { panic!("{case:?}") };
    let decision = format!("{REVIEWS}/{case_id}/decision");
    record(&system, &person, vec![case]).await;
    eventually("the worker has given it to people, and told them what came later", async || {
        (reasons(&system, &operator.token).await == json!(["provider_overdue", "provider_approved"])).then_some(())
    })
    .await;
    assert_eq!(status(&mut client, &person).await, "in_review");
    call(&mut client, "POST", &decision, &operator.token, &json!({ "verdict": "approve" }), 204).await;
    assert_eq!(status(&mut client, &person).await, "approved");
}

#[tokio::test]
async fn a_provider_that_is_silent_has_its_time() {
    let system = TestSystem::start().await;
    let (person, _, verification) = handed_in(&system, "NEVER1").await;
    assert_eq!(verification["status"], "pending");
    let late = system.a_person().await;
    let case = submitted(&system, &late, "DOWN1", Utc::now() - TimeDelta::days(8)).await;
    record(&system, &late, vec![case]).await;
    let mut client = system.client();
    eventually("one that is down, too", async || (status(&mut client, &late).await == "in_review").then_some(())).await;
    assert_eq!(status(&mut client, &person).await, "pending");
}

#[tokio::test]
async fn a_result_about_somebody_else_goes_to_people() {
    let system = TestSystem::start().await;
    let (_, _, verification) = handed_in(&system, "OTHER1").await;
    assert_eq!(verification["status"], "in_review");
    let (_, operator) = an_operator(&system.store()).await;
    assert_eq!(reasons(&system, &operator.token).await, json!(["result_of_other_case"]));
}

#[tokio::test]
async fn an_approval_rests_after_a_late_hit_until_two_operators_have_looked() {
    let system = TestSystem::start().await;
    let (person, case, verification) = handed_in(&system, "APPROVE1").await;
    let until = verification["approval"]["valid_until"].clone();
    let mut client = system.client();
    let ((_, olga), (_, oskar)) = (an_operator(&system.store()).await, an_operator(&system.store()).await);
    let mut sandbox = Client::new(system.processes.sandbox.address());
    let hit = format!("/sandbox/kyc/hits?case_id={case}");
    assert_eq!(sandbox.post(&hit, None, &json!({})).await.unwrap().status, 204);
    eventually("the webhook has come", async || (status(&mut client, &person).await == "in_review").then_some(()))
        .await;
    let resting = read(&mut client, "/api/v2/kyc", &person.token).await;
    assert!(resting.get("approval").is_none() && !resting.to_string().contains("watchlist"), "{resting}");
    let refused = client.request_card(&person, 100).await.unwrap_err().to_string();
    assert!(refused.contains("kyc.required"), "{refused}");
    assert_eq!(reasons(&system, &olga.token).await, json!(["watchlist_hit"]));
    for operator in [&olga, &oskar] {
        let decision = format!("{REVIEWS}/{case}/decision");
        call(&mut client, "POST", &decision, &operator.token, &json!({ "verdict": "approve" }), 204).await;
    }
    let cleared = read(&mut client, "/api/v2/kyc", &person.token).await;
    assert_eq!((&cleared["status"], &cleared["approval"]["valid_until"]), (&json!("approved"), &until));
    client.request_card(&person, 100).await.unwrap();
}

#[tokio::test]
async fn whoever_is_told_that_their_approval_ends_renews_it_while_it_counts() {
    let system = TestSystem::start().await;
    let (person, mut client) = (system.a_person().await, system.client());
    let (other, soon) = (system.a_person().await, Utc::now() + TimeDelta::days(29));
    for (whose, until) in [(&person, soon), (&other, Utc::now() + TimeDelta::days(40))] {
        let case = submitted(&system, whose, "APPROVE1", Utc::now() - TimeDelta::days(700)).await;
        let approval = approved(&case, until);
        record(&system, whose, vec![case, approval]).await;
    }
    eventually("the worker has told", async || (told(&mut client, &person, "kyc_expiring").await == 1).then_some(()))
        .await;
    assert_eq!(told(&mut client, &other, "kyc_expiring").await, 0);
    let refused = call(&mut client, "POST", CASES, &other.token, &json!({ "level": "basic" }), 409).await;
    assert_eq!(refused["code"], "kyc.already_approved");

    let standing = read(&mut client, "/api/v2/kyc", &person.token).await;
    assert_eq!((&standing["status"], &standing["approval"]["ends_soon"]), (&json!("approved"), &json!(true)));
    let case = open(&mut client, &person.token, "basic").await;
    let details = json!({ "document_type": "passport", "document_number": "SLOW1", "date_of_birth": "1990-04-12",
                          "country": "DE" });
    call(&mut client, "PUT", &format!("{CASES}/{case}/details"), &person.token, &details, 200).await;
    let renewing = submit(&mut client, &person.token, &case).await;
    assert_eq!(renewing["status"], "pending");
    client.request_card(&person, 100).await.unwrap();
    eventually("the new one is decided", async || {
        let now = read(&mut client, "/api/v2/kyc", &person.token).await;
        (now["status"] == "approved" && now["approval"]["ends_soon"] == false).then_some(())
    })
    .await;
    let until = read(&mut client, "/api/v2/kyc", &person.token).await["approval"]["valid_until"].clone();
    assert!(until.as_str().unwrap().parse::<DateTime<Utc>>().unwrap() > soon, "{until}");
}

#[tokio::test]
async fn a_draft_is_changed_a_bounded_number_of_times() {
    let system = TestSystem::start_with(1, &[("VC_FLOWS__KYC__DRAFT_CHANGES", "20")]).await;
    let (person, mut client) = (system.a_person().await, system.client());
    let case = a_draft(&mut client, &person.token, "APPROVE1").await;
    let address = json!({ "street": "Unter den Linden 7", "town": "Berlin", "postcode": "10117", "country": "DE" });
    let path = format!("{CASES}/{case}/address");
    // Begun, described, addressed, and three pictures.
    for _ in 6..20 {
        call(&mut client, "PUT", &path, &person.token, &address, 200).await;
    }
    let refused = call(&mut client, "PUT", &path, &person.token, &address, 409).await;
    assert_eq!(refused["code"], "kyc.too_many_changes");
    let picture = super::upload(&mut client, &person.token, &case, "front", &super::pictures::jpeg(64, 64)).await;
    assert_eq!((picture.status.as_u16(), picture.json()["code"].clone()), (409, json!("kyc.too_many_changes")));
    // The picture that is there is no change.
    let same = super::upload(&mut client, &person.token, &case, "front", &super::pictures::jpeg(320, 200)).await;
    assert_eq!(same.status, 201, "{}", same.text());
    let refused = call(&mut client, "POST", CASES, &person.token, &json!({ "level": "full" }), 409).await;
    assert_eq!(refused["code"], "kyc.too_many_changes");
    assert_eq!(submit(&mut client, &person.token, &case).await["status"], "approved");
}
