use aggregates::SessionId;
use store::sessions::Session;

use super::harness::{Api, RedisServer, a_session, deps};
use crate::{Config, auth::session::Sessions, redis_link::RedisLink};

/// What an authenticated request with an empty payment gets: past the door, refused for its body.
const INSIDE: u16 = 422;
/// Nobody could be asked whether the session is open.
const UNKNOWN: u16 = 503;

fn key(id: SessionId) -> String {
    format!("{{test}}:session:{id}")
}

async fn sessions(redis: &RedisServer) -> Sessions {
    let link = RedisLink::new(&redis.url().into(), "test", std::time::Duration::from_secs(5)).unwrap();
    Sessions::new(link.into(), deps(&redis.url()).system.store)
}

async fn pay(api: &Api, token: &str) -> u16 {
    api.post("/api/v1/payments/process", token, "{}").await.status
}

async fn logged_in(redis: &RedisServer, api: &Api) -> (String, Session) {
    let (token, session) = api.token().await;
    sessions(redis).await.remember(&session).await;
    (token, session)
}

#[tokio::test]
async fn an_open_session_passes_without_asking_postgresql() {
    let redis = RedisServer::start();
    let api = Api::start(&redis.url(), Config::default()).await;
    let (token, session) = logged_in(&redis, &api).await;
    assert_eq!(pay(&api, &token).await, INSIDE);
    let life: i64 = redis.command(&["TTL", &key(session.session_id)]).await;
    assert!((1790..=1800).contains(&life), "the seed's 30 minutes, not {life} s");
}

#[tokio::test]
async fn an_ended_session_is_refused_from_the_next_request_on() {
    let redis = RedisServer::start();
    let api = Api::start(&redis.url(), Config::default()).await;
    let (token, session) = logged_in(&redis, &api).await;
    assert_eq!(pay(&api, &token).await, INSIDE);
    sessions(&redis).await.ended(session.session_id).await;
    assert_eq!(pay(&api, &token).await, 401);
}

#[tokio::test]
async fn a_slow_reader_cannot_bring_an_ended_session_back() {
    let redis = RedisServer::start();
    let api = Api::start(&redis.url(), Config::default()).await;
    let (token, session) = logged_in(&redis, &api).await;
    let sessions = sessions(&redis).await;
    sessions.ended(session.session_id).await;
    // Somebody had read the open session from PostgreSQL before it ended, and writes only now.
    sessions.remember(&session).await;
    assert_eq!(pay(&api, &token).await, 401);
}

#[tokio::test]
async fn a_session_of_somebody_else_is_refused() {
    let redis = RedisServer::start();
    let api = Api::start(&redis.url(), Config::default()).await;
    let (token, session) = api.token().await;
    let stolen = Session { user_id: a_session().user_id, ..session };
    sessions(&redis).await.remember(&stolen).await;
    assert_eq!(pay(&api, &token).await, 401);
}

#[tokio::test]
async fn a_session_that_nobody_remembers_is_asked_of_postgresql() {
    let redis = RedisServer::start();
    let api = Api::start(&redis.url(), Config::default()).await;
    let (token, session) = logged_in(&redis, &api).await;
    redis.command::<()>(&["DEL", &key(session.session_id)]).await;
    // PostgreSQL is not there, so nobody knows: refused, but not called a stranger.
    let answer = api.post("/api/v1/payments/process", &token, "{}").await;
    assert_eq!(answer.problem(), (UNKNOWN, "system.unavailable".into()));
    assert!(answer.header("retry-after").is_some());
}

#[tokio::test]
async fn an_ended_session_is_told_to_redis_when_it_is_back() {
    let redis = RedisServer::start();
    let (url, session) = (redis.url(), a_session());
    // A directory whose server comes later: the same socket path, moved into place.
    let waiting = sessions(&redis).await;
    redis.command::<()>(&["CLIENT", "PAUSE", "8000", "ALL"]).await;
    let began = std::time::Instant::now();
    waiting.ended(session.session_id).await;
    assert!(began.elapsed().as_secs() < 7, "logging out does not wait for Redis");
    let client = redis::Client::open(url).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    for _ in 0..100 {
        let get = redis::cmd("GET").arg(key(session.session_id)).to_owned();
        let value: redis::RedisResult<Option<String>> = get.query_async(&mut connection).await;
        if matches!(value, Ok(Some(ref value)) if value == "revoked") {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(200)).await;
    }
    panic!("Redis was never told");
}
