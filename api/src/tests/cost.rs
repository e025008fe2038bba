//! What knowing the caller costs here, in processor time. Run by hand, optimised:
//! `cargo nextest run -p api --release --run-ignored only --no-capture cost`.

use std::{hint::black_box, sync::Arc, time::Instant};

use poem::{Body, Request, RequestBody};
use poem_openapi::{ApiExtractor, ExtractParamOptions};

use super::harness::{Api, RedisServer, deps};
use crate::{
    Config, RateLimits,
    auth::{Caller, rights::PaymentsWrite, session::Remembered},
    context::Context,
    service,
};

/// Processor time this process has used so far, in microseconds (Linux: clock ticks of 10 ms).
fn used() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    ticks as f64 * 10_000.0
}

fn say(what: &str, times: usize, before: (f64, Instant)) {
    let each = |microseconds: f64| microseconds / times as f64;
    let elapsed = before.1.elapsed().as_secs_f64() * 1e6;
    println!("{what}: {:.2} µs of processor time, {:.2} µs elapsed", each(used() - before.0), each(elapsed));
}

fn before() -> (f64, Instant) {
    (used(), Instant::now())
}

#[tokio::test]
#[ignore = "a measurement, not a test"]
async fn the_cost_of_knowing_the_caller() {
    const TIMES: usize = 200_000;
    let redis = RedisServer::start();
    for (what, person, address) in [("nothing counted", 0, 0), ("counted twice", u32::MAX, u32::MAX)] {
        let rate_limits = RateLimits { person, address, payments: 0, ..RateLimits::default() };
        let config = Config { rate_limits, ..Config::default() };
        let shared = service::shared(deps(&redis.url()), &config).unwrap();
        let (token, session) = Api::start(&redis.url(), config).await.token().await;
        shared.sessions.remember(&session).await;
        assert!(shared.tokens.verify(&token).is_some());

        let began = before();
        for _ in 0..TIMES {
            black_box(shared.tokens.verify(black_box(&token)));
        }
        say("a token that was seen before", TIMES, began);
        let entry = format!(r#"{{"user_id":"{}","expires_at":"2999-11-01T10:00:00Z"}}"#, session.user_id);
        let began = before();
        for _ in 0..TIMES {
            black_box(Remembered::read(black_box(Some(&entry))));
        }
        say("an entry of Redis", TIMES, began);

        for at_once in [1, 16, 64] {
            let (shared, token) = (shared.clone(), Arc::new(format!("Bearer {token}")));
            let began = before();
            let asking = (0..at_once).map(|_| {
                let (shared, token) = (shared.clone(), token.clone());
                tokio::spawn(async move {
                    for _ in 0..TIMES / 10 / at_once {
                        let mut request = Request::builder().header("authorization", token.as_str()).finish();
                        let context = Arc::new(Context::new(&request, shared.clone()));
                        request.extensions_mut().insert(context);
                        let mut body = RequestBody::new(Body::empty());
                        let options = ExtractParamOptions::default();
                        let caller =
                            <Caller<PaymentsWrite> as ApiExtractor>::from_request(&request, &mut body, options).await;
                        assert!(caller.is_ok());
                    }
                })
            });
            futures::future::join_all(asking).await.into_iter().for_each(|done| done.unwrap());
            say(&format!("a caller, {at_once} at once, {what}"), TIMES / 10, began);
        }
    }
}
