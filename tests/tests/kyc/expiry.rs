use aggregates::{Actor, Context, KycCaseId, UserId, kyc};
use chrono::{TimeDelta, Utc};
use serde_json::json;
use store::{Unit, new_id};
use tests::{eventually::eventually, system::TestSystem};

use super::{a_draft, read, status, submit};

#[tokio::test]
async fn an_approval_ends_cards_stay_and_verifying_again_is_possible() {
    let system = TestSystem::start().await;
    let (mut client, store) = (system.client(), system.store());
    let person = system.a_person().await;
    // As it was recorded long ago.
    let (user_id, case_id) = (person.user_id.parse::<UserId>().unwrap(), KycCaseId(new_id()));
    let at = Utc::now() - TimeDelta::days(731);
    let submitted = kyc::Event::Submitted {
        case_id,
        applicant: store.seal(user_id, store::PersonalData::Applicant, "{}").await.unwrap(),
        document_type: kyc::DocumentType::Passport,
        country: "DE".into(),
        level: kyc::Level::Basic,
        at,
    };
    let approved = kyc::Event::Approved {
        case_id,
        provider: "sandbox".into(),
        provider_reference: "check_1".into(),
        decided_by: vec![],
        valid_until: Some(at + TimeDelta::days(730)),
        at,
    };
    let context =
        Context { correlation_id: new_id(), causation_id: None, traceparent: None, actor: Actor::System("test") };
    let nobody = store.load_latest::<kyc::Kyc>(user_id).await.unwrap();
    store.append(Unit::new(context).stream(&nobody, vec![submitted, approved])).await.unwrap();

    let refused = client.request_card(&person, 100).await.unwrap_err().to_string();
    assert!(refused.contains("kyc.required"), "{refused}");
    let ended = "SELECT count(*) FROM events WHERE kind = 'kyc' AND name = 'expired'";
    eventually("a worker records the end", async || {
        let count: i64 = sqlx::query_scalar(ended).fetch_one(&mut system.sql().await).await.unwrap();
        (count == 1).then_some(())
    })
    .await;
    assert_eq!(status(&mut client, &person).await, "expired");
    assert_eq!(read(&mut client, "/api/v1/kyc/status", &person.token).await["kyc_status"], json!("expired"));
    let case = a_draft(&mut client, &person.token, "APPROVE1").await;
    assert_eq!(submit(&mut client, &person.token, &case).await["status"], "approved");
    client.request_card(&person, 100).await.unwrap();
}

#[tokio::test]
async fn pictures_have_their_time() {
    let database = tests::database::TestDatabase::new().await;
    let store = database.store();
    let user_id = UserId(new_id());
    store.create_person_key(user_id).await.unwrap();
    let key = store::documents::DocumentKey {
        user_id,
        case_id: KycCaseId(new_id()),
        document_id: aggregates::CredentialId(new_id()),
    };
    let picture = store::documents::Document {
        kind: kyc::PictureKind::Front,
        format: "png".into(),
        content: zeroize::Zeroizing::new(b"a picture".to_vec()),
    };
    store.put_document(key, &picture).await.unwrap();
    let (past, future) = (Utc::now() - TimeDelta::days(1), Utc::now() + TimeDelta::days(1));
    assert_eq!(store.forget_documents(future, past).await.unwrap(), 0);
    assert_eq!(store.document(key).await.unwrap().unwrap().content.as_slice(), b"a picture");
    // Bound to person, case and kind: no other row's ciphertext will do.
    let other = store::documents::DocumentKey { case_id: KycCaseId(new_id()), ..key };
    assert!(store.document(other).await.unwrap().is_none());
    let mut connection = database.connect().await;
    sqlx::query("UPDATE kyc_documents SET kind = 'selfie'").execute(&mut connection).await.unwrap();
    assert!(matches!(store.document(key).await, Err(store::Error::Unsealable)));
    // Of a case that was never handed in.
    assert_eq!(store.forget_documents(past, future).await.unwrap(), 1);
}
