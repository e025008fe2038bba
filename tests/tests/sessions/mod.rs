//! Sessions: carried on by refresh tokens, listed and ended by their owner.

mod hanging_up;
mod owners;
mod refresh;

use hyper::{Method, StatusCode};
use serde_json::Value;
use tests::{
    client::{Answer, Client},
    system::TestSystem,
};

/// Something that only an open session gets.
const MINE: &str = "/api/v2/me/sessions";

async fn status(client: &mut Client, token: &str) -> StatusCode {
    client.get(MINE, Some(token)).await.unwrap().status
}

async fn delete(client: &mut Client, path: &str, token: &str) -> Answer {
    client.request(Method::DELETE, path, Some(token), None, &[]).await.unwrap()
}

async fn refreshed(client: &mut Client, version: &str, token: &str) -> Answer {
    let body = serde_json::json!({ "refresh_token": token });
    client.post(&format!("/api/{version}/auth/refresh"), None, &body).await.unwrap()
}

#[track_caller]
fn refused(answer: &Answer) {
    let code: Value = answer.json()["code"].clone();
    assert_eq!((answer.status.as_u16(), code), (401, "auth.bad_refresh_token".into()), "{}", answer.text());
}

/// Everything that Redis knows is gone.
async fn empty_redis(system: &TestSystem) {
    let keys = system.redis_keys().await;
    let mut redis = system.redis().await;
    redis::cmd("DEL").arg(keys).arg("a key so that there is one").exec_async(&mut redis).await.unwrap();
}
