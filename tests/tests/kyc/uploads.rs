use aggregates::UserId;
use serde_json::json;
use tests::{eventually::eventually, system::TestSystem};

use super::{
    CASES, a_draft, an_operator, call, handed_in, open,
    pictures::{PLACE, jpeg, jpeg_with_place, png, png_bomb},
    read, upload, upload_as,
};

#[tokio::test]
async fn what_is_no_picture_is_refused_whatever_it_is_called() {
    let system = TestSystem::start().await;
    let (person, mut client) = (system.a_person().await, system.client());
    let case = open(&mut client, &person.token, "full").await;
    let shortened = &jpeg(320, 200)[..200];
    let files: [(&str, &[u8], &str); 6] = [
        ("a document", b"%PDF-1.7 and so on", "must be a JPEG or PNG"),
        ("a page", b"<svg xmlns='http://www.w3.org/2000/svg'/>", "must be a JPEG or PNG"),
        ("nothing", b"", "must be a JPEG or PNG"),
        ("a JPEG by its first bytes", b"\xff\xd8\xff\xe0 and then a script", "cannot be read"),
        ("half a JPEG", shortened, "cannot be read"),
        ("many pixels", &png_bomb(), "million pixels"),
    ];
    for (what, file, reason) in files {
        let answer = upload(&mut client, &person.token, &case, "front", file).await;
        assert_eq!(answer.status, 422, "{what}: {}", answer.text());
        let said = answer.json();
        assert_eq!(said["errors"][0]["field"], "file", "{what}: {said}");
        assert!(said["errors"][0]["reason"].as_str().unwrap().contains(reason), "{what}: {said}");
    }
    let long = vec![0xff; 9 * 1024 * 1024];
    assert_eq!(upload(&mut client, &person.token, &case, "front", &long).await.status, 413);
    let tiny = upload(&mut client, &person.token, &case, "front", &png(8, 8)).await;
    assert_eq!(tiny.status, 422, "{}", tiny.text());
    // What it is counts, and not what it is called.
    let misnamed =
        upload_as(&mut client, &person.token, &case, "front", ("x.pdf", "application/pdf"), &png(80, 80)).await;
    assert_eq!(misnamed.status, 201, "{}", misnamed.text());
    let unknown = upload(&mut client, &person.token, &case, "passport photo", &png(80, 80)).await;
    assert_eq!((unknown.status.as_u16(), unknown.json()["code"].clone()), (400, json!("request.malformed_form")));
    let listed = read(&mut client, &format!("{CASES}/{case}/documents"), &person.token).await;
    assert_eq!(listed["documents"].as_array().unwrap().len(), 1, "{listed}");
}

#[tokio::test]
async fn nothing_but_the_picture_is_kept_and_operators_see_it() {
    let system = TestSystem::start().await;
    let (person, mut client, store) = (system.a_person().await, system.client(), system.store());
    let case = a_draft(&mut client, &person.token, "REVIEW1").await;
    let taken = jpeg_with_place();
    let answer = upload(&mut client, &person.token, &case, "front", &taken).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let document = answer.json()["document_id"].as_str().unwrap().to_owned();
    super::submit(&mut client, &person.token, &case).await;

    let (operator, session) = an_operator(&store).await;
    let path = format!("/api/v2/kyc/reviews/{case}/documents/{document}");
    let shown = client.get(&path, Some(&session.token)).await.unwrap();
    assert_eq!((shown.status.as_u16(), shown.header("content-type")), (200, Some("image/jpeg")));
    assert!(taken.windows(PLACE.len()).any(|window| window == PLACE));
    assert!(!shown.body.windows(8).any(|window| window == &PLACE[..8]) && !shown.contains("Exif"));
    assert_eq!(image::load_from_memory(&shown.body).unwrap().width(), 320);
    // Each look is in the log, with whoever looked.
    let mut events = store.events_of(&[(aggregates::Kind::Kyc, person.user_id.parse().unwrap())], 100).await.unwrap();
    let viewed = events.pop().unwrap();
    assert_eq!((viewed.name.as_str(), viewed.actor), ("document_viewed", format!("person:{}", operator.user_id)));
    // Sealed where it lies.
    let sql = "SELECT content FROM kyc_documents";
    let kept: Vec<Vec<u8>> = sqlx::query_scalar(sql).fetch_all(&mut system.sql().await).await.unwrap();
    assert_eq!(kept.len(), 3);
    assert!(
        kept.iter().all(|content| !content.starts_with(&[0xff, 0xd8]) && image::load_from_memory(content).is_err())
    );
}

#[tokio::test]
async fn a_picture_is_replaced_by_a_better_one_and_kept_once() {
    let system = TestSystem::start().await;
    let (person, mut client) = (system.a_person().await, system.client());
    let case = open(&mut client, &person.token, "full").await;
    let first = upload(&mut client, &person.token, &case, "front", &jpeg(320, 200)).await.json();
    let again = upload(&mut client, &person.token, &case, "front", &jpeg(320, 200)).await.json();
    assert_eq!(first["document_id"], again["document_id"]);
    let better = upload(&mut client, &person.token, &case, "front", &png(320, 200)).await.json();
    assert_ne!(first["document_id"], better["document_id"]);
    let count: i64 =
        sqlx::query_scalar("SELECT count(*) FROM kyc_documents").fetch_one(&mut system.sql().await).await.unwrap();
    assert_eq!(count, 1);
}

#[tokio::test]
async fn a_case_is_its_persons_alone() {
    let system = TestSystem::start().await;
    let (alice, bob, mut client) = (system.a_person().await, system.a_person().await, system.client());
    let case = a_draft(&mut client, &alice.token, "APPROVE1").await;
    assert_eq!(upload(&mut client, &bob.token, &case, "front", &png(80, 80)).await.status, 404);
    let details = json!({ "document_type": "passport", "document_number": "X12345", "date_of_birth": "1990-04-12",
                          "country": "DE" });
    for (method, path, body) in
        [("PUT", format!("{CASES}/{case}/details"), &details), ("POST", format!("{CASES}/{case}/submit"), &json!({}))]
    {
        let refused = call(&mut client, method, &path, &bob.token, body, 404).await;
        assert_eq!(refused["code"], "kyc_case.not_found");
    }
    assert_eq!(client.get(&format!("{CASES}/{case}/documents"), Some(&bob.token)).await.unwrap().status, 404);
    let review = client.get(&format!("/api/v2/kyc/reviews/{case}"), Some(&bob.token)).await.unwrap();
    assert_eq!(review.status, 403);
}

#[tokio::test]
async fn a_picture_whose_time_was_over_is_put_back_and_without_one_people_look() {
    let system = TestSystem::start().await;
    let (person, mut client) = (system.a_person().await, system.client());
    let case = a_draft(&mut client, &person.token, "APPROVE1").await;
    let picture = png(90, 90);
    assert_eq!(upload(&mut client, &person.token, &case, "front", &picture).await.status, 201);
    sqlx::query("DELETE FROM kyc_documents").execute(&mut system.database.connect().await).await.unwrap();
    assert_eq!(upload(&mut client, &person.token, &case, "front", &picture).await.status, 201);
    let sql = "SELECT count(*) FROM kyc_documents";
    let kept: i64 = sqlx::query_scalar(sql).fetch_one(&mut system.sql().await).await.unwrap();
    assert_eq!(kept, 1);
    // The others are gone.
    assert_eq!(super::submit(&mut client, &person.token, &case).await["status"], "in_review");
}

#[tokio::test]
async fn pictures_go_with_their_person_and_replaying_shows_them_erased() {
    let system = TestSystem::start().await;
    let (person, _, verification) = handed_in(&system, "APPROVE1").await;
    assert_eq!(verification["approval"]["level"], "full", "{verification}");
    let (store, user_id) = (system.store(), person.user_id.parse::<UserId>().unwrap());
    let count = async || {
        let sql = "SELECT count(*) FROM kyc_documents";
        sqlx::query_scalar::<_, i64>(sql).fetch_one(&mut system.sql().await).await.unwrap()
    };
    assert_eq!(count().await, 3);
    let mut client = system.client();
    client.enrol(&person).await.unwrap();
    let step_up = client.step_up(&person, &json!({ "operation": "account" })).await.unwrap();
    let answer = client.post_stepped_up("/api/v2/me/erase", &person, &step_up, &json!({})).await.unwrap();
    assert!(answer.status.is_success(), "{}", answer.text());
    eventually("the pictures are gone", async || (count().await == 0).then_some(())).await;
    // The events are all there, and what was sealed in them opens no more.
    let identity = store.load_latest::<aggregates::kyc::Kyc>(user_id).await.unwrap();
    let applicant = &identity.case().unwrap().applicant;
    let opened = store.open(user_id, store::PersonalData::Applicant, applicant).await;
    assert!(matches!(opened, Err(store::Error::Erased)));
}
