#![allow(clippy::unwrap_used)]

use std::time::Duration;

use providers::{Config, Failure, Providers, SetupError, gateway::ChargeResult, sandbox::SandboxConfig};
use tokio::{
    net::{TcpListener, TcpSocket, TcpStream},
    time::{Instant, timeout},
};

use crate::harness::{
    AMOUNT, NUMBER, a_payment, a_sandbox, a_sandbox_with, a_vendor_that_answers, an_impatient_config, answer, approved,
    charge,
};

/// What the adapter makes of one answer to a charge of 99.99 USD.
async fn judged(answer: String) -> Result<ChargeResult, Failure> {
    let providers = a_vendor_that_answers(vec![answer], &Config::default()).await;
    charge(&providers, a_payment(), "shop.example").await
}

fn refused(status: u16, code: &str) -> Result<ChargeResult, Failure> {
    Err(Failure::Refused { status, code: code.into() })
}

fn transaction(amount: &str, currency: &str) -> String {
    format!(r#"{{"transaction_id":"t-1","status":"success","amount":{amount},"currency":"{currency}"}}"#)
}

#[tokio::test]
async fn a_refused_connection_is_unreachable() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let providers = Providers::sandbox(&base, &Config::default()).unwrap();
    assert_eq!(charge(&providers, a_payment(), "shop.example").await, Err(Failure::Unreachable));
}

#[tokio::test]
async fn an_unknown_host_is_unreachable() {
    let providers = Providers::sandbox("http://no-such-host.invalid", &Config::default()).unwrap();
    assert_eq!(charge(&providers, a_payment(), "shop.example").await, Err(Failure::Unreachable));
}

#[tokio::test]
async fn a_connection_that_does_not_come_about_is_unreachable() {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    // Nobody accepts, so the queue fills up, and then the kernel lets further connections hang.
    let mut waiting = Vec::new();
    while let Ok(stream) = timeout(Duration::from_millis(200), TcpStream::connect(address)).await {
        waiting.push(stream);
    }
    let providers = Providers::sandbox(&format!("http://{address}"), &an_impatient_config()).unwrap();
    assert_eq!(charge(&providers, a_payment(), "shop.example").await, Err(Failure::Unreachable));
}

#[tokio::test]
async fn a_vendor_that_says_nothing_is_an_unknown_outcome_after_the_time_out() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let providers = Providers::sandbox(&base, &an_impatient_config()).unwrap();
    let started = Instant::now();
    assert_eq!(charge(&providers, a_payment(), "shop.example").await, Err(Failure::Unknown));
    let took = started.elapsed().as_millis();
    assert!((490..3_000).contains(&took), "{took} ms");
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_an_unknown_outcome() {
    let whole = answer(200, &transaction("99.99", "USD"));
    for length in [0, 5, 20, whole.len() - 1] {
        assert_eq!(judged(whole[..length].into()).await, Err(Failure::Unknown), "{length} bytes");
    }
    assert_eq!(judged(whole).await, Ok(ChargeResult::Approved { reference: "t-1".into() }));
}

#[tokio::test]
async fn the_status_says_what_is_known() {
    for status in [408, 409, 425, 429, 500, 502, 503, 507] {
        assert_eq!(judged(answer(status, "{}")).await, Err(Failure::Unknown), "{status}");
    }
    for status in [400, 401, 403, 404, 422] {
        assert_eq!(judged(answer(status, r#"{"code":"no"}"#)).await, refused(status, "no"), "{status}");
    }
    let redirect = "HTTP/1.1 307 X\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
    assert_eq!(judged(redirect.into()).await, Err(Failure::Malformed));
}

#[tokio::test]
async fn a_vendors_code_cannot_carry_card_data() {
    assert_eq!(judged(answer(400, &format!(r#"{{"code":"{NUMBER}"}}"#))).await, refused(400, "unspecified"));
    assert_eq!(judged(answer(400, "<html>")).await, refused(400, "unspecified"));
}

#[tokio::test]
async fn an_answer_that_is_not_as_agreed_is_malformed() {
    let long_reference = format!("{:x<129}", "t");
    let bodies = [
        String::new(),
        "null".into(),
        "{}".into(),
        transaction("99.98", "USD"),
        transaction("99.99", "EUR"),
        transaction("99.99", "???"),
        transaction("\"99.99\"", "USD"),
        transaction("99.99", "USD").replace("success", "pending"),
        transaction("99.99", "USD").replace("t-1", &long_reference),
    ];
    for body in bodies {
        assert_eq!(judged(answer(200, &body)).await, Err(Failure::Malformed), "{body}");
    }
}

#[tokio::test]
async fn an_oversized_answer_is_refused_announced_or_not() {
    let padding = " ".repeat(64 * 1024);
    let body = transaction("99.99", "USD") + &padding;
    assert_eq!(judged(answer(200, &body)).await, Err(Failure::Malformed));
    let unannounced = format!("HTTP/1.1 200 X\r\nconnection: close\r\n\r\n{body}");
    assert_eq!(judged(unannounced).await, Err(Failure::Malformed));
    let within = transaction("99.99", "USD") + &padding[..60 * 1024];
    assert!(judged(format!("HTTP/1.1 200 X\r\nconnection: close\r\n\r\n{within}")).await.is_ok());
}

#[tokio::test]
async fn a_404_that_is_not_the_vendors_own_is_not_taken_for_nothing_happened() {
    let config = Config::default();
    for body in ["", "not found", r#"{"code":"no_such_page"}"#] {
        let providers = a_vendor_that_answers(vec![answer(404, body)], &config).await;
        let looked_up = providers.gateway.look_up(a_payment(), AMOUNT).await;
        assert!(matches!(looked_up, Err(Failure::Refused { status: 404, .. })), "{looked_up:?}");
    }
    let elsewhere = format!("{}/elsewhere", a_sandbox().await.base);
    let providers = Providers::sandbox(&elsewhere, &config).unwrap();
    let looked_up = providers.gateway.look_up(a_payment(), AMOUNT).await;
    assert!(matches!(looked_up, Err(Failure::Refused { status: 404, .. })), "{looked_up:?}");
}

#[tokio::test]
async fn a_call_beyond_the_bound_waits_for_half_its_time_out_and_fails_unsent() {
    for (first_takes_ms, expected_second) in [(100, Ok(())), (1_600, Err(Failure::Unreachable))] {
        let mut config = Config::default();
        config.gateway.max_in_flight = 1;
        config.gateway.timeout_ms = 2_000;
        let slow = SandboxConfig { slow_answer_ms: first_takes_ms, ..SandboxConfig::default() };
        let sandbox = a_sandbox_with(slow, config).await;
        let queued = a_payment();
        let (first, second) = tokio::join!(
            charge(&sandbox.providers, a_payment(), "slow.example"),
            charge(&sandbox.providers, queued, "shop.example"),
        );
        assert!(first.is_ok());
        assert_eq!(second.map(|_| ()), expected_second);
        assert_eq!(sandbox.charge_of(queued).await.0, if expected_second.is_ok() { 200 } else { 404 });
    }
}

#[tokio::test]
async fn a_vendor_that_comes_back_is_called_again() {
    let sandbox = a_sandbox().await;
    let payment = a_payment();
    assert!(charge(&sandbox.providers, payment, "lost.example").await.is_err());
    let next = a_payment();
    assert_eq!(charge(&sandbox.providers, next, "shop.example").await, Ok(approved(next)));
}

#[tokio::test]
async fn a_wrong_key_is_refused() {
    let mut config = Config::default();
    config.gateway.api_key = "another".into();
    let sandbox = a_sandbox_with(SandboxConfig::default(), config).await;
    let result = charge(&sandbox.providers, a_payment(), "shop.example").await;
    assert_eq!(result, refused(401, "unauthorized"));
}

#[tokio::test]
async fn settings_that_cannot_work_are_refused() {
    let mut bad_key = Config::default();
    bad_key.kyc.api_key = "line\nbreak".into();
    let mut no_time = Config::default();
    no_time.issuer.timeout_ms = 0;
    let mut no_place = Config::default();
    no_place.gateway.max_in_flight = 0;
    let cases = [
        ("http://h", bad_key, SetupError::ApiKey),
        ("http://h", no_time, SetupError::Bounds),
        ("http://h", no_place, SetupError::Bounds),
        ("http://user:word@h", Config::default(), SetupError::Address),
    ];
    for (base, config, expected) in cases {
        assert_eq!(Providers::sandbox(base, &config).err(), Some(expected));
    }
}
