use aggregates::{Permission, Proof, SessionId, UserId};
use chrono::{DurationRound, TimeDelta, Utc};
use store::{Store, new_id, sessions::Session};
use tests::database::TestDatabase;

use crate::examples::a_person;

async fn a_session(store: &Store, lasts: TimeDelta) -> Session {
    // PostgreSQL keeps microseconds.
    let now = Utc::now().duration_trunc(TimeDelta::microseconds(1)).unwrap();
    let session = Session {
        session_id: SessionId(new_id()),
        user_id: a_person(),
        device_id: Some("device_uuid_123".into()),
        auth_time: now,
        expires_at: now + lasts,
        proofs: vec![Proof::Password, Proof::Totp],
        client_id: None,
        scopes: Some(vec![Permission::CardsRead]),
    };
    store.open_session(&session, None).await.unwrap();
    session
}

#[tokio::test]
async fn an_open_session_is_found_by_every_process() {
    let database = TestDatabase::new().await;
    let session = a_session(&database.store(), TimeDelta::days(7)).await;
    assert_eq!(database.store().session(session.session_id).await.unwrap(), Some(session));
    assert_eq!(database.store().session(SessionId(new_id())).await.unwrap(), None);
}

#[tokio::test]
async fn an_expired_session_is_not_open() {
    let database = TestDatabase::new().await;
    let store = database.store();
    let session = a_session(&store, TimeDelta::milliseconds(-1)).await;
    assert_eq!(store.session(session.session_id).await.unwrap(), None);
}

#[tokio::test]
async fn a_revoked_session_ends_at_once_and_for_good() {
    let database = TestDatabase::new().await;
    let (store, other) = (database.store(), database.store());
    let (ended, untouched) = (a_session(&store, TimeDelta::days(7)).await, a_session(&store, TimeDelta::days(7)).await);
    assert!(other.session(ended.session_id).await.unwrap().is_some());

    store.revoke_sessions(UserId(new_id()), &[ended.session_id]).await.unwrap();
    assert!(other.session(ended.session_id).await.unwrap().is_some(), "nobody ends another person's");

    store.revoke_sessions(ended.user_id, &[ended.session_id, SessionId(new_id())]).await.unwrap();
    store.revoke_sessions(ended.user_id, &[ended.session_id]).await.unwrap();
    assert_eq!(other.session(ended.session_id).await.unwrap(), None);
    store.open_session(&ended, None).await.unwrap_err();
    assert_eq!(other.session(ended.session_id).await.unwrap(), None, "an id is used once");
    assert_eq!(other.session(untouched.session_id).await.unwrap(), Some(untouched));
}
