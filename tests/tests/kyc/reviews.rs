use aggregates::{Proof, Role};
use serde_json::json;
use tests::system::TestSystem;

use super::{a_draft, an_operator, call, handed_in, read, status, submit};
use crate::members::Member;

const REVIEWS: &str = "/api/v2/kyc/reviews";

#[tokio::test]
async fn a_case_goes_from_the_list_to_a_decision() {
    let system = TestSystem::start().await;
    let (person, case, verification) = handed_in(&system, "REVIEW1").await;
    assert_eq!(verification["status"], "in_review");
    let (mut client, store) = (system.client(), system.store());
    system.caught_up().await;
    let (_, session) = an_operator(&store).await;
    let token = &session.token;
    let listed = read(&mut client, REVIEWS, token).await;
    assert_eq!((&listed["reviews"][0]["case_id"], &listed["next_cursor"]), (&json!(case), &json!(null)), "{listed}");
    let of_case = |rest: &str| format!("{REVIEWS}/{case}{rest}");
    call(&mut client, "POST", &of_case("/assign"), token, &json!({}), 204).await;
    call(&mut client, "POST", &of_case("/notes"), token, &json!({ "text": "A namesake." }), 204).await;
    let seen = read(&mut client, &of_case(""), token).await;
    assert_eq!(seen["applicant"]["document_number"], "REVIEW1");
    let mut events = store.events_of(&[(aggregates::Kind::Kyc, person.user_id.parse().unwrap())], 100).await.unwrap();
    let viewed = events.pop().unwrap();
    assert_eq!((viewed.name.as_str(), viewed.actor), ("case_viewed", format!("person:{}", session.session.user_id)));
    assert_eq!(seen["applicant"]["address"], "Unter den Linden 6, 10117 Berlin, DE");
    assert_eq!(
        (&seen["notes"][0]["text"], &seen["assigned_to"]),
        (&json!("A namesake."), &json!(session.session.user_id))
    );
    let reject = json!({ "verdict": "reject", "reasons": ["document_expired"] });
    call(&mut client, "POST", &of_case("/decision"), token, &reject, 204).await;
    assert_eq!(status(&mut client, &person).await, "rejected");
    let told = read(&mut client, "/api/v1/kyc/status", &person.token).await;
    assert_eq!(told["rejection_reasons"], json!(["document_expired"]));
    let again = call(&mut client, "POST", &of_case("/decision"), token, &reject, 409).await;
    assert_eq!(again["code"], "kyc.not_in_review");
    // Once it is decided nobody needs to look at the person any more.
    let closed = client.get(&of_case(""), Some(token)).await.unwrap();
    assert_eq!((closed.status.as_u16(), closed.json()["code"].clone()), (409, json!("kyc.not_in_review")));
    system.caught_up().await;
    assert_eq!(read(&mut client, REVIEWS, token).await["reviews"], json!([]));
    // And once more.
    let case = a_draft(&mut client, &person.token, "APPROVE1").await;
    assert_eq!(submit(&mut client, &person.token, &case).await["status"], "approved");
}

#[tokio::test]
async fn whom_a_watch_list_names_two_operators_decide_and_is_not_told() {
    let system = TestSystem::start().await;
    let (person, case, _) = handed_in(&system, "WATCH1").await;
    let (mut client, store) = (system.client(), system.store());
    let ((_, olga), (_, oskar)) = (an_operator(&store).await, an_operator(&store).await);
    for path in ["/api/v2/kyc", "/api/v1/kyc/status", "/api/v2/kyc/cases/x/documents"] {
        let answer = client.get(path, Some(&person.token)).await.unwrap();
        assert!(!answer.contains("watchlist"), "{path}: {}", answer.text());
    }
    let decision = format!("{REVIEWS}/{case}/decision");
    let approve = json!({ "verdict": "approve" });
    call(&mut client, "POST", &decision, &olga.token, &approve, 204).await;
    assert_eq!(status(&mut client, &person).await, "in_review");
    let alone = call(&mut client, "POST", &decision, &olga.token, &approve, 409).await;
    assert_eq!(alone["code"], "kyc.second_operator_needed");
    call(&mut client, "POST", &decision, &oskar.token, &approve, 204).await;
    assert_eq!(status(&mut client, &person).await, "approved");
}

#[tokio::test]
async fn nobody_decides_about_themselves_and_nobody_without_the_right() {
    let system = TestSystem::start().await;
    let (mut client, store) = (system.client(), system.store());
    let (_, own) = an_operator(&store).await;
    let case = a_draft(&mut client, &own.token, "REVIEW1").await;
    submit(&mut client, &own.token, &case).await;
    let decision = format!("{REVIEWS}/{case}/decision");
    let refused = call(&mut client, "POST", &decision, &own.token, &json!({ "verdict": "approve" }), 403).await;
    assert_eq!(refused["code"], "kyc.own_case");
    let own_review = client.get(&format!("{REVIEWS}/{case}"), Some(&own.token)).await.unwrap();
    assert_eq!((own_review.status.as_u16(), own_review.json()["code"].clone()), (403, json!("kyc.own_case")));
    system.caught_up().await;
    assert_eq!(read(&mut client, REVIEWS, &own.token).await["reviews"], json!([]));
    let auditor = Member::new(&store, &[Role::Auditor]).await.log_in(&store, &[Proof::Password, Proof::Totp]).await;
    let refused = call(&mut client, "POST", &decision, &auditor.token, &json!({ "verdict": "approve" }), 403).await;
    assert_eq!(refused["code"], "auth.forbidden");
}
