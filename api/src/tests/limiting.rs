use std::{net::IpAddr, sync::Arc};

use super::harness::{Api, RedisServer};
use crate::{
    Config,
    config::RateLimits,
    last_writes::LastWrites,
    limits::{AccountKey, Limits, Policy, Reads, Standing, WhileAway},
    problem::Problem,
    redis_link::RedisLink,
};

const OFF: RateLimits = RateLimits {
    person: 0,
    address: 0,
    payments: 0,
    reveal: 0,
    export: 0,
    login: 0,
    second_factor: 0,
    step_up: 0,
    password: 0,
    register: 0,
    verify: 0,
    resend: 0,
    reset: 0,
    refresh: 0,
    token: 0,
    webhooks: 0,
};

fn limits(redis: &RedisServer, rates: RateLimits) -> Limits {
    limits_at(&redis.url(), rates)
}

fn limits_at(url: &str, rates: RateLimits) -> Limits {
    let link = RedisLink::new(&url.into(), "test", std::time::Duration::from_secs(1)).unwrap();
    Limits::new(link.into(), rates, AccountKey::derive(&"secret".into()))
}

fn somebody() -> IpAddr {
    "192.0.2.7".parse().unwrap()
}

async fn ask(limits: &Limits) -> Result<Standing, Problem> {
    let counters: Vec<_> = limits.address(somebody()).into_iter().collect();
    limits.admit(Reads::Nothing, &counters).await.unwrap().verdict()
}

/// Writes `counts` as the address's counter, the newest of its 13 slots first, `age` slots ago.
async fn preset(redis: &RedisServer, age: i64, counts: [u32; 13]) {
    let script = "local now = redis.call('TIME')
        local slot = math.floor((now[1] * 1000 + math.floor(now[2] / 1000)) / 5000) - ARGV[1]
        local value = struct.pack('>I4', slot)
        for i = 2, #ARGV do value = value .. struct.pack('>I4', ARGV[i]) end
        redis.call('SET', KEYS[1], value)";
    let age = age.to_string();
    let mut words = vec!["EVAL", script, "1", "{test}:limit:address:192.0.2.7", &age];
    let counts = counts.map(|count| count.to_string());
    words.extend(counts.iter().map(String::as_str));
    redis.command::<()>(&words).await;
}

/// Waits until a slot of five seconds has just begun in Redis, so that a test does not run into the next one.
async fn at_the_beginning_of_a_slot(redis: &RedisServer) {
    loop {
        let now: (u64, u64) = redis.command(&["TIME"]).await;
        if (now.0 * 1000 + now.1 / 1000) % 5000 < 2500 {
            return;
        }
    }
}

#[tokio::test]
async fn the_limit_th_request_passes_and_the_next_does_not() {
    let redis = RedisServer::start();
    let limits = limits(&redis, RateLimits { address: 3, ..OFF });
    for _ in 0..3 {
        assert!(ask(&limits).await.is_ok());
    }
    assert_eq!(ask(&limits).await.unwrap_err().summary(), (429, "request.rate_limited".into(), vec![]));
    let life: i64 = redis.command(&["PTTL", "{test}:limit:address:192.0.2.7"]).await;
    assert!((1..=65_000).contains(&life), "{life}");
}

/// What was counted in the last 60 seconds counts, to the last of it; what is older than 65 does not.
#[tokio::test]
async fn the_window_slides_to_its_end() {
    let redis = RedisServer::start();
    let limits = limits(&redis, RateLimits { address: 5, ..OFF });
    let mut counts = [0; 13];
    counts[12] = 5;
    at_the_beginning_of_a_slot(&redis).await;
    preset(&redis, 0, counts).await;
    let problem = ask(&limits).await.unwrap_err();
    assert_eq!(problem.summary().0, 429, "the oldest slot still lies in the window");
    preset(&redis, 1, counts).await;
    for left in (0..5).rev() {
        assert_eq!(ask(&limits).await.unwrap().left(), [left], "it has left");
    }
    assert!(ask(&limits).await.is_err());
}

/// The same questions get the same answers from Redis and, while it is away, from memory.
#[tokio::test]
async fn redis_and_memory_count_alike() {
    let redis = RedisServer::start();
    let rates = RateLimits { address: 4, ..OFF };
    let (here, there) = (limits_at("redis://127.0.0.1:1", rates.clone()), limits(&redis, rates));
    let counters: Vec<_> = here.address(somebody()).into_iter().collect();
    for _ in 0..6 {
        let answers = (here.alone(&counters), ask(&there).await);
        match answers {
            (Ok(here), Ok(there)) => assert_eq!(here.left(), there.left()),
            (Err(here), Err(there)) => assert_eq!(here.summary(), there.summary()),
            differ => panic!("{differ:?}"),
        }
    }
}

#[tokio::test]
async fn a_counter_of_another_form_counts_as_none() {
    let redis = RedisServer::start();
    let limits = limits(&redis, RateLimits { address: 3, ..OFF });
    redis.command::<()>(&["SET", "{test}:limit:address:192.0.2.7", "29000000 900 900"]).await;
    assert_eq!(ask(&limits).await.unwrap().left(), [2]);
}

/// However many come at once, through however many connections.
#[tokio::test(flavor = "multi_thread")]
async fn exactly_the_limit_passes_under_concurrency() {
    let redis = RedisServer::start();
    let rates = RateLimits { address: 50, ..OFF };
    let instances: Vec<_> = (0..4).map(|_| limits(&redis, rates.clone())).collect();
    let asked = (0..200).map(|i| ask(&instances[i % 4]));
    let admitted = futures::future::join_all(asked).await.into_iter().filter(Result::is_ok).count();
    assert_eq!(admitted, 50);
}

#[tokio::test]
async fn a_refused_request_counts_nowhere() {
    let redis = RedisServer::start();
    let limits = limits(&redis, RateLimits { address: 5, person: 1, ..OFF });
    let person = aggregates::UserId(uuid::Uuid::now_v7());
    let both: Vec<_> = limits.address(somebody()).into_iter().chain(limits.person(person)).collect();
    for _ in 0..4 {
        let _ = limits.admit(Reads::Nothing, &both).await.unwrap().verdict();
    }
    assert_eq!(ask(&limits).await.unwrap().left(), [3], "of the four one was admitted and counted");
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
    assert!((1..=65).contains(&wait), "{wait}");
    assert!(refused.header("ratelimit").unwrap().starts_with("\"address\";r=0;"));
}

#[tokio::test]
async fn strict_limits_count_by_address_and_by_subject() {
    let redis = RedisServer::start();
    let limits = limits(&redis, RateLimits { login: 3, ..OFF });
    let address = |last: u8| IpAddr::from([192, 0, 2, last]);
    let log_in = async |last, email| limits.strict(Policy::Login, address(last), Some(email)).await;
    for last in 1..=3 {
        assert!(log_in(last, "ann@example.com").await.is_ok());
    }
    assert!(log_in(4, " ANN@example.com").await.is_err(), "the account is used up from anywhere");
    assert!(log_in(1, "bob@example.com").await.is_ok());
    assert!(log_in(1, "cid@example.com").await.is_ok());
    assert!(log_in(1, "dan@example.com").await.is_err(), "the address is used up for anybody");
    let keys: Vec<String> = redis.command(&["KEYS", "*"]).await;
    assert!(keys.iter().all(|key| !key.contains("ann")), "{keys:?}");
}

const LOGIN: &str = r#"{"email":"","password":""}"#;

#[tokio::test]
async fn a_login_tells_both_of_its_limits() {
    let redis = RedisServer::start();
    let rate_limits = RateLimits { address: 9, login: 2, ..OFF };
    let api = Api::start(&redis.url(), Config { rate_limits, ..Config::default() }).await;
    let answer = api.post("/api/v1/auth/login", "", LOGIN).await;
    assert_eq!(answer.header("ratelimit-policy"), Some("\"address\";q=9;w=60, \"login\";q=2;w=60"));
    let standing = answer.header("ratelimit").unwrap();
    assert!(standing.starts_with("\"address\";r=8;t=") && standing.contains(", \"login\";r=1;t="), "{standing}");
}

/// The policy table at work: each instance counts for itself, and nobody is mailed uncounted.
#[tokio::test]
async fn without_redis_the_limits_hold_for_this_instance() {
    let rate_limits = RateLimits { address: 5, login: 2, ..OFF };
    let api = Api::start("redis://127.0.0.1:1", Config { rate_limits, ..Config::default() }).await;
    // There is no PostgreSQL either, so a login that is let in gets no further.
    for refused in [false, false, true] {
        assert_eq!(api.post("/api/v1/auth/login", "", LOGIN).await.status == 429, refused);
    }
    for expected in [401, 401, 429] {
        let answer = api.get("/api/v1/users/me").await;
        assert_eq!(answer.status, expected);
        assert!(answer.header("ratelimit").unwrap().starts_with("\"address\";r="), "{answer:?}");
    }
}

#[tokio::test]
async fn without_redis_each_limit_does_as_its_policy_says() {
    let limits = limits_at("redis://127.0.0.1:1", RateLimits::default());
    for &policy in Policy::ALL {
        let outcome = limits.strict(policy, somebody(), Some("ann@example.com")).await;
        match policy.while_away() {
            WhileAway::CountedHere => assert_eq!(outcome.unwrap().left().len(), 2, "{policy:?}"),
            WhileAway::Refused => {
                assert_eq!(outcome.unwrap_err().summary(), (503, "system.unavailable".into(), vec![]), "{policy:?}");
            }
        }
    }
}

/// One instance notes a write; another learns of it in the round trip that counts its request.
#[tokio::test]
async fn the_last_write_of_a_person_is_read_with_the_counting() {
    let redis = RedisServer::start();
    let link = Arc::new(RedisLink::new(&redis.url().into(), "test", std::time::Duration::from_secs(1)).unwrap());
    let (writes, person) = (LastWrites::new(link), aggregates::UserId(uuid::Uuid::now_v7()));
    let key = writes.key(person);
    let known = async |limits: &Limits| {
        let reads = Reads::SessionAndLastWrite { session: "{test}:session:none", last_write: &key };
        let counters: Vec<_> = limits.address(somebody()).into_iter().collect();
        limits.admit(reads, &counters).await.unwrap().last_write
    };
    let counting = limits(&redis, RateLimits { address: 1_000_000, ..OFF });
    let others = [counting, limits(&redis, OFF)];
    for other in &others {
        assert_eq!(known(other).await, None);
    }
    writes.note(person, 17);
    writes.note(person, 12);
    while known(&others[0]).await.is_none() {}
    for other in &others {
        assert_eq!(known(other).await, Some(17));
    }
    writes.note(person, 18);
    while known(&others[0]).await != Some(18) {}
    let life: i64 = redis.command(&["PTTL", &key]).await;
    assert!((1..=600_000).contains(&life), "{life}");
}
