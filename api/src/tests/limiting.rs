use std::net::IpAddr;

use super::harness::{Api, RedisServer};
use crate::{
    Config,
    config::RateLimits,
    limits::{AccountKey, Limits, WINDOW},
    redis_link::RedisLink,
};

const OFF: RateLimits = RateLimits { person: 0, address: 0, payments: 0, login: 0, export: 0 };

fn limits(redis: &RedisServer, rates: RateLimits) -> Limits {
    let link = RedisLink::new(&redis.url().into(), "test", std::time::Duration::from_secs(5)).unwrap();
    Limits::new(link.into(), rates, AccountKey::derive(&"secret".into()))
}

fn somebody() -> IpAddr {
    "192.0.2.7".parse().unwrap()
}

/// A counter key as it stands in Redis with `counts` in this window and the one before.
async fn preset(redis: &RedisServer, key: &str, before: u64) -> u64 {
    let now: (u64, u64) = redis.command(&["TIME"]).await;
    let window = now.0 / WINDOW.as_secs();
    redis.command::<()>(&["SET", key, &format!("{window} 0 {before}")]).await;
    now.0 % WINDOW.as_secs()
}

#[tokio::test]
async fn the_limit_th_request_passes_and_the_next_does_not() {
    let redis = RedisServer::start();
    let limits = limits(&redis, RateLimits { address: 3, ..OFF });
    let ask = async || {
        let counters = limits.address(somebody()).into_iter().collect();
        limits.admit(None, counters).await.unwrap().verdict()
    };
    for _ in 0..3 {
        assert!(ask().await.is_ok());
    }
    assert_eq!(ask().await.unwrap_err().summary(), (429, "request.rate_limited".into(), vec![]));
    let life: i64 = redis.command(&["PTTL", "{test}:limit:address:192.0.2.7"]).await;
    assert!((1..=120_000).contains(&life), "{life}");
}

#[tokio::test]
async fn the_window_slides_over_the_one_before() {
    let redis = RedisServer::start();
    let limits = limits(&redis, RateLimits { address: 60, ..OFF });
    // Sixty a window ago: what is free now is the share of that window that has slid out.
    let passed = preset(&redis, "{test}:limit:address:192.0.2.7", 60).await;
    let mut admitted = 0;
    while limits.admit(None, limits.address(somebody()).into_iter().collect()).await.unwrap().verdict().is_ok() {
        admitted += 1;
    }
    assert!((passed..=passed + 2).contains(&admitted), "{admitted} admitted, {passed} s into the window");
}

#[tokio::test]
async fn a_refused_request_counts_nowhere() {
    let redis = RedisServer::start();
    let limits = limits(&redis, RateLimits { address: 5, person: 1, ..OFF });
    let person = aggregates::UserId(uuid::Uuid::now_v7());
    let counters = || limits.address(somebody()).into_iter().chain(limits.person(person)).collect();
    for _ in 0..4 {
        let _ = limits.admit(None, counters()).await.unwrap().verdict();
    }
    let counted: String = redis.command(&["GET", "{test}:limit:address:192.0.2.7"]).await;
    assert_eq!(counted.split(' ').nth(1), Some("1"), "{counted}");
}

#[tokio::test]
async fn a_limit_of_zero_is_off_and_asks_nobody() {
    let redis = RedisServer::start();
    let limits = limits(&redis, OFF);
    assert!(limits.address(somebody()).is_none());
    let keys: i64 = redis.command(&["DBSIZE"]).await;
    assert_eq!(keys, 0);
}

#[tokio::test]
async fn clients_see_where_they_stand() {
    let redis = RedisServer::start();
    let rate_limits = RateLimits { address: 2, ..OFF };
    let api = Api::start(&redis.url(), Config { rate_limits, ..Config::default() }).await;
    for left in [1, 0] {
        let answer = api.get("/api/v1/users/me").await;
        assert_eq!(answer.problem().0, 401);
        assert_eq!(answer.header("ratelimit-policy"), Some("\"address\";q=2;w=60"));
        assert!(answer.header("ratelimit").unwrap().starts_with(&format!("\"address\";r={left};t=")), "{answer:?}");
    }
    let refused = api.get("/api/v1/users/me").await;
    assert_eq!(refused.problem(), (429, "request.rate_limited".into()));
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=90).contains(&wait), "{wait}");
    assert!(refused.header("ratelimit").unwrap().starts_with("\"address\";r=0;"));
}

#[tokio::test]
async fn logins_are_counted_by_address_and_by_account() {
    let redis = RedisServer::start();
    let limits = limits(&redis, RateLimits { login: 3, ..OFF });
    let address = |last: u8| IpAddr::from([192, 0, 2, last]);
    for last in 1..=3 {
        assert!(limits.login(address(last), "ann@example.com").await.is_ok());
    }
    assert!(limits.login(address(4), " ANN@example.com").await.is_err(), "the account is used up from anywhere");
    assert!(limits.login(address(1), "bob@example.com").await.is_ok());
    assert!(limits.login(address(1), "cid@example.com").await.is_ok());
    assert!(limits.login(address(1), "dan@example.com").await.is_err(), "the address is used up for anybody");
    let keys: Vec<String> = redis.command(&["KEYS", "*"]).await;
    assert!(keys.iter().all(|key| !key.contains("ann")), "{keys:?}");
}

#[tokio::test]
async fn without_redis_requests_pass_and_logins_stay_limited() {
    let rate_limits = RateLimits { address: 1, login: 2, ..OFF };
    let api = Api::start("redis://127.0.0.1:1", Config { rate_limits, ..Config::default() }).await;
    for _ in 0..3 {
        assert_eq!(api.get("/api/v1/users/me").await.status, 401);
    }
    let login = r#"{"email":"","password":""}"#;
    for expected in [401, 401, 429] {
        assert_eq!(api.post("/api/v1/auth/login", "", login).await.status, expected);
    }
}
