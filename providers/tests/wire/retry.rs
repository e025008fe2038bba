#![allow(clippy::unwrap_used)]

use std::{
    cell::{Cell, RefCell},
    future::pending,
    time::Duration,
};

use providers::{Config, Failure, Retry, RetryConfig, sandbox::SandboxConfig};
use tokio::time::Instant;

use crate::harness::{a_payment, a_sandbox_with, approved, charge};

const LATER: Duration = Duration::from_secs(60);

fn refused() -> Failure {
    Failure::Refused { status: 400, code: "invalid_request".into() }
}

/// Runs against a vendor that answers with these one after the other, the last one for ever; gives the result and
/// the seconds at which attempts began.
async fn run(deadline: Duration, answers: &[Result<u8, Failure>]) -> (Result<u8, Failure>, Vec<u64>) {
    let started = Instant::now();
    let attempts = RefCell::new(Vec::new());
    let result = Retry::new(&RetryConfig::default())
        .run(started + deadline, || async {
            let n = attempts.borrow().len();
            attempts.borrow_mut().push(started.elapsed().as_secs());
            answers[n.min(answers.len() - 1)].clone()
        })
        .await;
    (result, attempts.into_inner())
}

#[tokio::test(start_paused = true)]
async fn transient_failures_are_retried_after_1_2_and_4_seconds_and_no_more() {
    for failure in [Failure::Unreachable, Failure::Unknown] {
        let (result, attempts) = run(LATER, &[Err(failure.clone())]).await;
        assert_eq!((result, attempts), (Err(failure), vec![0, 1, 3, 7]));
    }
}

#[tokio::test(start_paused = true)]
async fn permanent_failures_are_not_retried() {
    for failure in [refused(), Failure::Malformed] {
        assert_eq!(run(LATER, &[Err(failure.clone())]).await, (Err(failure), vec![0]));
    }
}

#[tokio::test(start_paused = true)]
async fn a_retry_that_succeeds_ends_it() {
    let answers = [Err(Failure::Unknown), Err(Failure::Unreachable), Ok(7)];
    assert_eq!(run(LATER, &answers).await, (Ok(7), vec![0, 1, 3]));
}

#[tokio::test(start_paused = true)]
async fn no_retry_begins_at_or_after_the_deadline() {
    for (seconds, expected) in [(1, vec![0]), (2, vec![0, 1]), (3, vec![0, 1]), (4, vec![0, 1, 3])] {
        let (_, attempts) = run(Duration::from_secs(seconds), &[Err(Failure::Unreachable)]).await;
        assert_eq!(attempts, expected, "deadline of {seconds} s");
    }
}

#[tokio::test(start_paused = true)]
async fn after_the_deadline_nothing_is_sent() {
    assert_eq!(run(Duration::ZERO, &[Ok(7)]).await, (Err(Failure::Unreachable), vec![]));
}

#[tokio::test(start_paused = true)]
async fn an_attempt_is_abandoned_at_the_deadline_as_unknown() {
    let started = Instant::now();
    let deadline = started + Duration::from_secs(5);
    let result = Retry::new(&RetryConfig::default()).run(deadline, pending::<Result<u8, Failure>>).await;
    assert_eq!(result, Err(Failure::Unknown));
    assert_eq!(started.elapsed().as_secs(), 5);
}

#[tokio::test(start_paused = true)]
async fn doubt_from_an_earlier_attempt_remains() {
    for later in [Failure::Unreachable, refused()] {
        let (result, _) = run(LATER, &[Err(Failure::Unknown), Err(later.clone())]).await;
        assert_eq!(result, Err(Failure::Unknown), "{later:?}");
    }
    let (result, _) = run(LATER, &[Err(Failure::Unreachable), Err(refused())]).await;
    assert_eq!(result, Err(refused()));
}

#[tokio::test(start_paused = true)]
async fn the_delays_are_configurable() {
    let started = Instant::now();
    let attempts = Cell::new(0);
    let retry = Retry::new(&RetryConfig { first_delay_ms: 10, max_retries: 5 });
    let result: Result<(), _> = retry
        .run(started + LATER, || async {
            attempts.set(attempts.get() + 1);
            Err(Failure::Unreachable)
        })
        .await;
    assert_eq!((result, attempts.get()), (Err(Failure::Unreachable), 6));
    assert_eq!(started.elapsed().as_millis(), 10 + 20 + 40 + 80 + 160);
}

#[tokio::test]
async fn a_flaky_gateway_charges_once_through_retries() {
    let mut config = Config::default();
    config.retry.first_delay_ms = 5;
    let sandbox = a_sandbox_with(SandboxConfig::default(), config).await;
    let payment = a_payment();
    let deadline = Instant::now() + LATER;
    let result = sandbox.providers.retry.run(deadline, || charge(&sandbox.providers, payment, "flaky.example")).await;
    assert_eq!(result, Ok(approved(payment)));
    let charges = sandbox.charges().await;
    assert_eq!((charges["charges"].as_u64(), charges["requests"].as_u64()), (Some(1), Some(2)));
}

#[tokio::test(start_paused = true)]
async fn what_has_no_idempotency_key_is_repeated_only_while_nothing_was_sent() {
    for (answers, expected) in [
        (vec![Err(Failure::Unreachable), Ok(7)], (Ok(7), 2)),
        (vec![Err(Failure::Unreachable), Err(Failure::Unknown), Ok(7)], (Err(Failure::Unknown), 2)),
        (vec![Err(Failure::Unknown), Ok(7)], (Err(Failure::Unknown), 1)),
    ] {
        let attempts = Cell::new(0);
        let call = || {
            let attempt = attempts.replace(attempts.get() + 1);
            let answer = answers[attempt].clone();
            async move { answer }
        };
        let result = Retry::new(&RetryConfig::default()).run_until_sent(Instant::now() + LATER, call).await;
        assert_eq!((result, attempts.get()), expected);
    }
}
