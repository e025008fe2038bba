#![allow(clippy::unwrap_used)]

use aggregates::{Currency, Money};
use providers::{Config, Failure, gateway::ChargeResult, sandbox::SandboxConfig};
use serde_json::json;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

use crate::harness::{
    AMOUNT, CVV, NUMBER, a_payment, a_sandbox, a_sandbox_with, an_impatient_config, approved, charge, charge_amount,
    get,
};

#[tokio::test]
async fn a_payment_is_charged_once_however_often_it_is_sent() {
    let sandbox = a_sandbox().await;
    let payment = a_payment();
    for _ in 0..3 {
        assert_eq!(charge(&sandbox.providers, payment, "shop.example").await, Ok(approved(payment)));
    }
    assert_eq!(sandbox.providers.gateway.look_up(payment, AMOUNT).await, Ok(Some(approved(payment))));
    let expected = json!({
        "charges": 1, "declines": 0, "distinct_keys": 1, "requests": 3, "duplicate_requests": 2,
        "total_minor_units": { "USD": 9999 },
    });
    assert_eq!(sandbox.charges().await, expected);
}

#[tokio::test]
async fn amounts_are_exact_in_every_currency() {
    let sandbox = a_sandbox().await;
    let amounts = [
        Money::new(1, Currency::USD),
        Money::new(1_234_567_890_123_456_789, Currency::EUR),
        Money::new(500, Currency::JPY),
        Money::new(1_250, Currency::KWD),
    ];
    for amount in amounts {
        let payment = a_payment();
        assert_eq!(charge_amount(&sandbox.providers, payment, "m", amount).await, Ok(approved(payment)), "{amount}");
        let (_, entry) = sandbox.charge_of(payment).await;
        assert_eq!(entry["minor_units"], amount.minor_units);
        assert_eq!(entry["currency"], amount.currency.code());
    }
}

#[tokio::test]
async fn declines_charge_nothing_and_stay_declines() {
    let sandbox = a_sandbox().await;
    for (merchant, code) in [("declined.example", "do_not_honor"), ("insufficient.example", "insufficient_funds")] {
        let payment = a_payment();
        let declined = ChargeResult::Declined { code: code.into() };
        assert_eq!(charge(&sandbox.providers, payment, merchant).await, Ok(declined.clone()));
        assert_eq!(charge(&sandbox.providers, payment, merchant).await, Ok(declined.clone()));
        assert_eq!(sandbox.providers.gateway.look_up(payment, AMOUNT).await, Ok(Some(declined)));
    }
    let charges = sandbox.charges().await;
    assert_eq!((&charges["charges"], &charges["declines"]), (&json!(0), &json!(2)));
    assert_eq!(charges["total_minor_units"], json!({}));
}

#[tokio::test]
async fn a_lost_answer_leaves_a_charge_that_look_up_finds() {
    let sandbox = a_sandbox().await;
    let payment = a_payment();
    for _ in 0..2 {
        assert_eq!(charge(&sandbox.providers, payment, "lost.example").await, Err(Failure::Unknown));
    }
    assert_eq!(sandbox.providers.gateway.look_up(payment, AMOUNT).await, Ok(Some(approved(payment))));
    assert_eq!(sandbox.charges().await["charges"], 1);
}

#[tokio::test]
async fn a_slow_gateway_is_an_unknown_outcome_that_look_up_settles() {
    let config = SandboxConfig { slow_answer_ms: 1_500, ..SandboxConfig::default() };
    let sandbox = a_sandbox_with(config, an_impatient_config()).await;
    let payment = a_payment();
    assert_eq!(charge(&sandbox.providers, payment, "slow.example").await, Err(Failure::Unknown));
    assert_eq!(sandbox.providers.gateway.look_up(payment, AMOUNT).await, Ok(Some(approved(payment))));

    let config = SandboxConfig { slow_answer_ms: 50, ..SandboxConfig::default() };
    let sandbox = a_sandbox_with(config, Config::default()).await;
    assert_eq!(charge(&sandbox.providers, payment, "slow.example").await, Ok(approved(payment)));
}

#[tokio::test]
async fn a_gateway_that_is_down_charges_nothing() {
    let sandbox = a_sandbox().await;
    let payment = a_payment();
    assert_eq!(charge(&sandbox.providers, payment, "down.example").await, Err(Failure::Unknown));
    assert_eq!(sandbox.providers.gateway.look_up(payment, AMOUNT).await, Ok(None));
    assert_eq!(sandbox.charges().await["distinct_keys"], 0);
    assert_eq!(sandbox.charge_of(payment).await.0, 404);
}

#[tokio::test]
async fn a_flaky_gateway_charges_at_the_second_request() {
    let sandbox = a_sandbox().await;
    let payment = a_payment();
    assert_eq!(charge(&sandbox.providers, payment, "flaky.example").await, Err(Failure::Unknown));
    assert_eq!(sandbox.providers.gateway.look_up(payment, AMOUNT).await, Ok(None));
    assert_eq!(charge(&sandbox.providers, payment, "flaky.example").await, Ok(approved(payment)));
    assert_eq!(charge(&sandbox.providers, payment, "flaky.example").await, Ok(approved(payment)));
    assert_eq!(sandbox.charges().await["charges"], 1);
}

#[tokio::test]
async fn a_key_with_another_request_is_refused() {
    let sandbox = a_sandbox().await;
    let payment = a_payment();
    charge(&sandbox.providers, payment, "shop.example").await.unwrap();
    let expected = Failure::Refused { status: 422, code: "idempotency_key_reused".into() };
    assert_eq!(charge(&sandbox.providers, payment, "other.example").await, Err(expected));
}

#[tokio::test]
async fn a_full_sandbox_says_so_and_still_answers_what_it_holds() {
    let config = SandboxConfig { max_records: 1, ..SandboxConfig::default() };
    let sandbox = a_sandbox_with(config, Config::default()).await;
    let (kept, beyond) = (a_payment(), a_payment());
    charge(&sandbox.providers, kept, "shop.example").await.unwrap();
    assert_eq!(charge(&sandbox.providers, beyond, "shop.example").await, Err(Failure::Unknown));
    assert_eq!(charge(&sandbox.providers, kept, "shop.example").await, Ok(approved(kept)));

    let (status, body) = post(&sandbox.base, "sandbox-key", &transaction(&beyond.to_string(), NUMBER)).await;
    assert_eq!((status, body.as_str()), (507, r#"{"code":"sandbox_is_full_restart_it"}"#));
}

#[tokio::test]
async fn the_gateway_refuses_strangers_and_nonsense() {
    let base = a_sandbox().await.base;
    let key = a_payment().to_string();
    let good = transaction(&key, NUMBER);
    let cases = [
        ("wrong-key", good.clone(), 401, "unauthorized"),
        ("sandbox-key", transaction(&key, "4532015112830367"), 400, "invalid_card_number"),
        ("sandbox-key", transaction("not-a-uuid", NUMBER), 400, "invalid_request"),
        ("sandbox-key", good.replace("99.99", "99.999"), 400, "invalid_request"),
        ("sandbox-key", good.replace("99.99", "-1"), 400, "invalid_request"),
        ("sandbox-key", "{".into(), 400, "invalid_request"),
        ("sandbox-key", " ".repeat(17 * 1024), 413, "request_too_large"),
    ];
    for (token, body, status, code) in cases {
        let expected = (status, format!(r#"{{"code":"{code}"}}"#));
        assert_eq!(post(&base, token, &body).await, expected, "{code}");
    }
    assert_eq!(get(&format!("{base}/gateway/v1/transactions?idempotency_key={key}")).await.0, 401);
}

#[tokio::test]
async fn the_answer_has_the_agreed_shape() {
    let base = a_sandbox().await.base;
    let key = a_payment().to_string();
    let (status, body) = post(&base, "sandbox-key", &transaction(&key, NUMBER)).await;
    let begin =
        format!(r#"{{"transaction_id":"txn_{key}","status":"success","amount":99.99,"currency":"USD","timestamp":"20"#);
    assert_eq!(status, 200);
    assert!(body.starts_with(&begin) && body.ends_with("Z\"}"), "{body}");
}

#[tokio::test]
async fn hanging_up_sends_not_a_byte() {
    let base = a_sandbox().await.base;
    let body = transaction(&a_payment().to_string(), NUMBER).replace("shop.example", "lost.example");
    let head = "POST /gateway/v1/transactions HTTP/1.1\r\nhost: h\r\nauthorization: Bearer sandbox-key\r\n";
    let mut stream = TcpStream::connect(base.trim_start_matches("http://")).await.unwrap();
    let request = format!("{head}content-length: {}\r\n\r\n{body}", body.len());
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut received = Vec::new();
    stream.read_to_end(&mut received).await.unwrap();
    assert_eq!(received, b"");
}

fn transaction(key: &str, number: &str) -> String {
    format!(
        r#"{{"card_number":"{number}","cvv":"{CVV}","expiry_date":"10/29","amount":99.99,"currency":"USD","merchant":"shop.example","idempotency_key":"{key}"}}"#
    )
}

async fn post(base: &str, token: &str, body: &str) -> (u16, String) {
    let request = reqwest::Client::new().post(format!("{base}/gateway/v1/transactions"));
    let answer = request.bearer_auth(token).body(body.to_owned()).send().await.unwrap();
    (answer.status().as_u16(), answer.text().await.unwrap())
}
