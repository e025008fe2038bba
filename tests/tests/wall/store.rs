use aggregates::{Permission, Proof, SessionId, UserId, card::Card};
use chrono::{TimeDelta, Utc};
use secrecy::SecretString;
use store::{
    PersonalData, Store,
    authentications::{Action, Authentication, Outcome},
    new_id,
    one_time::Purpose,
    sessions::{Rotation, Session},
};
use tests::database::TestDatabase;

use crate::examples::{a_person, a_requested_card, grown, held};

fn a_session(user_id: UserId) -> Session {
    let now = Utc::now();
    Session {
        session_id: SessionId(new_id()),
        user_id,
        device_id: None,
        auth_time: now,
        expires_at: now + TimeDelta::days(1),
        proofs: vec![Proof::Password],
        client_id: None,
        scopes: Some(vec![Permission::CardsRead]),
    }
}

async fn a_session_of(store: &Store, user: UserId) -> (SessionId, SecretString) {
    let session = a_session(user);
    let token = store.open_session(&session, Some(Utc::now() + TimeDelta::days(1))).await.unwrap();
    (session.session_id, token.unwrap())
}

#[tokio::test]
async fn the_api_appends_and_loads() {
    let database = TestDatabase::new().await;
    let store = database.api_store();
    let mut card = a_requested_card(&store).await;
    for _ in 0..120 {
        card = grown(&store, &card, vec![held(1)]).await;
    }
    assert_eq!(store.head().await.unwrap(), 121);
    let elsewhere = database.api_store();
    assert_eq!(elsewhere.load::<Card>(card.id).await.unwrap().version, 121);
    tests::eventually::eventually("a snapshot is written", async || {
        let taken = sqlx::query("SELECT 1 FROM snapshots").fetch_optional(&mut database.connect().await).await;
        taken.unwrap().map(|_| ())
    })
    .await;
    assert_eq!(*database.api_store().load::<Card>(card.id).await.unwrap().state, *card.state);
}

#[tokio::test]
async fn the_api_keeps_personal_data_and_passwords() {
    let database = TestDatabase::new().await;
    let (store, ann) = (database.api_store(), a_person());
    store.create_person_key(ann).await.unwrap();
    store.create_person_key(ann).await.unwrap();
    let sealed = store.seal(ann, PersonalData::Email, "ann@example.com").await.unwrap();
    let opened = database.api_store().open(ann, PersonalData::Email, &sealed).await.unwrap();
    assert_eq!(*opened, "ann@example.com");
    let password = store.hash_password("a long password".into()).await.unwrap();
    store.set_password(ann, &password).await.unwrap();
    assert!(store.check_password(Some(ann), "a long password".into()).await.unwrap());
    assert!(!store.check_password(Some(a_person()), "a long password".into()).await.unwrap());
    assert!(!store.check_password(None, "a long password".into()).await.unwrap());
    store.discard_secrets(ann).await.unwrap();
    assert!(!store.check_password(Some(ann), "a long password".into()).await.unwrap());
}

#[tokio::test]
async fn the_api_opens_refreshes_and_ends_sessions() {
    let database = TestDatabase::new().await;
    let (store, ann, bob) = (database.api_store(), a_person(), a_person());
    let (session, token) = a_session_of(&store, ann).await;
    let (bobs, _) = a_session_of(&store, bob).await;
    assert_eq!(store.session(session).await.unwrap().unwrap().user_id, ann);
    assert_eq!(store.sessions(ann).await.unwrap().len(), 1);

    let until = Utc::now() + TimeDelta::days(1);
    let Rotation::Rotated(rotated, next) = store.rotate_refresh_token(&token, None, until).await.unwrap() else {
        panic!("the token is fresh")
    };
    assert_eq!(rotated.session_id, session);
    assert!(matches!(store.rotate_refresh_token(&token, None, until).await.unwrap(), Rotation::Reused(_)));
    assert!(matches!(store.rotate_refresh_token(&next, None, until).await.unwrap(), Rotation::Rotated(..)));
    let unknown = SecretString::from("never issued");
    assert!(matches!(store.rotate_refresh_token(&unknown, None, until).await.unwrap(), Rotation::Refused));

    assert_eq!(store.revoke_sessions_of(ann, None).await.unwrap(), [session]);
    assert!(store.session(session).await.unwrap().is_none());
    assert!(store.session(bobs).await.unwrap().is_some());
}

#[tokio::test]
async fn the_api_issues_and_redeems_one_time_tokens() {
    let database = TestDatabase::new().await;
    let (store, ann) = (database.api_store(), a_person());
    let (purpose, lifetime) = (Purpose::ResetPassword, std::time::Duration::from_secs(60));
    for user in [Some(ann), None] {
        let token = store.issue_one_time(purpose, user, b"data", lifetime).await.unwrap();
        assert!(store.attempt_one_time(purpose, &token, 3).await.unwrap().is_some());
        let redeemed = store.redeem_one_time(purpose, &token).await.unwrap().unwrap();
        assert_eq!((redeemed.user_id, &**redeemed.data), (user, &b"data"[..]));
        assert!(store.redeem_one_time(purpose, &token).await.unwrap().is_none());
    }
    let token = store.issue_one_time(purpose, Some(ann), b"data", lifetime).await.unwrap();
    store.void_one_time(purpose, a_person()).await.unwrap();
    assert!(store.attempt_one_time(purpose, &token, 3).await.unwrap().is_some(), "another's were voided");
    store.void_one_time(purpose, ann).await.unwrap();
    assert!(store.redeem_one_time(purpose, &token).await.unwrap().is_none());
}

/// An unlinking that is under way takes away the note that it has seen, not that of a link made since.
#[tokio::test]
async fn a_note_of_an_identity_outlives_an_unlinking_that_began_before_it() {
    let database = TestDatabase::new().await;
    let (store, ann) = (database.api_store(), a_person());
    let identity = store.external_id("https://id.example", "ann");
    let noted_at = store.note_identity(ann, &identity, "example").await.unwrap();
    assert_eq!(store.note_identity(ann, &identity, "example").await.unwrap(), noted_at, "a repeat changes nothing");
    let (found, seen_at) = store.external_id_of(ann, identity.at(ann)).await.unwrap().unwrap();
    assert_eq!((found, seen_at), (identity, noted_at));
    store.linked_identity(ann, &identity, "example").await.unwrap();
    store.forget_identity(ann, identity.at(ann), seen_at).await.unwrap();
    let (_, linked_at) = store.external_id_of(ann, identity.at(ann)).await.unwrap().expect("the new link's note");
    store.forget_identity(ann, identity.at(ann), linked_at).await.unwrap();
    assert!(store.external_id_of(ann, identity.at(ann)).await.unwrap().is_none());
}

#[tokio::test]
async fn the_api_records_what_was_tried_and_queues_mail() {
    let database = TestDatabase::new().await;
    let (store, ann) = (database.api_store(), a_person());
    let entry = Authentication {
        action: Action::LogIn,
        outcome: Outcome::Failure,
        reason: Some("bad_password"),
        user_id: Some(ann),
        client_id: None,
        subject: None,
        session_id: None,
        device_id: None,
        address: None,
        request_id: new_id(),
    };
    store.record_authentication(&entry).await.unwrap();
    store.create_person_key(ann).await.unwrap();
    store.queue_mail(ann, "{}", std::time::Duration::from_secs(60)).await.unwrap();
    assert_eq!(database.store().take_due_mail(10, std::time::Duration::from_secs(1)).await.unwrap().len(), 1);
}

/// One connection, used in turn for different people and for failures in between.
#[tokio::test]
async fn no_name_stays_on_a_connection() {
    let database = TestDatabase::new().await;
    let config = store::Config { max_connections: 1, ..store::Config::default() };
    let store = Store::connect_as_api(&database.url(), tests::database::keys(), &config).unwrap();
    let (ann, bob) = (a_person(), a_person());
    let session = a_session(ann);
    store.open_session(&session, None).await.unwrap();
    for _ in 0..3 {
        assert_eq!(store.sessions(ann).await.unwrap().len(), 1);
        assert_eq!(store.sessions(bob).await.unwrap().len(), 0);
        store.open_session(&session, None).await.unwrap_err();
        assert_eq!(store.sessions(bob).await.unwrap().len(), 0);
        store.revoke_sessions(bob, &[session.session_id]).await.unwrap();
    }
}
