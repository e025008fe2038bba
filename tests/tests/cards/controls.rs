use futures::future::join_all;
use hyper::Method;
use serde_json::{Value, json};
use tests::{client::Cardholder, system::TestSystem};

use super::{a_holder, code, path, pay, read, send, usd};

/// Sets controls that were seen as `seen`.
async fn set(
    system: &TestSystem,
    holder: &Cardholder,
    controls: &Value,
    seen: Option<&str>,
    step_up: Option<&str>,
) -> tests::client::Answer {
    let path = path(&holder.card_id, "/controls");
    let headers = [("if-match", seen), ("x-step-up-token", step_up)];
    send(&mut system.client(), (Method::PUT, &path), &holder.person, controls, &headers).await
}

fn daily(limit: Value) -> Value {
    json!({ "monthly_limit": usd(100_000), "time_zone": "Europe/Berlin", "limits": [limit] })
}

#[tokio::test]
async fn of_64_payments_at_once_exactly_as_many_succeed_as_the_limit_allows() {
    let system = TestSystem::start_with(2, &[]).await;
    let holder = system.a_cardholder(1_000).await;
    let controls = daily(json!({ "period": "day", "count": 10 }));
    let answer = set(&system, &holder, &controls, Some("\"0\""), None).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let payments = (0..64).map(|number| {
        let (mut client, holder) = (system.client_of(number % 2), &holder);
        async move { pay(&mut client, holder, "1.00", "shop.example").await }
    });
    let outcomes = join_all(payments).await;
    let count = |what: &str| outcomes.iter().filter(|outcome| *outcome == what).count();
    assert_eq!((count("success"), count("control_refused")), (10, 54), "{outcomes:?}");
    assert_eq!(system.sandbox("/charges").await["charges"], 10);
    let limits = read(&mut system.client(), &holder.person, &path(&holder.card_id, "/limits")).await;
    assert_eq!(limits["limits"][0]["count"], json!({ "limit": 10, "used": 10, "remaining": 0 }));
    assert_eq!(limits["monthly"]["used"], usd(1_000));
}

#[tokio::test]
async fn tightening_needs_no_step_up_and_loosening_one_for_exactly_these_controls() {
    let system = TestSystem::start().await;
    let (holder, mut passkey) = a_holder(&system, 1_000).await;
    let amount = |cents| daily(json!({ "period": "day", "amount": usd(cents) }));
    let tight = set(&system, &holder, &amount(2_000), Some("\"0\""), None).await;
    assert_eq!((tight.status.as_u16(), tight.header("etag")), (200, Some("\"1\"")), "{}", tight.text());
    assert_eq!(tight.json()["limits"], amount(2_000)["limits"]);

    let refusing = set(&system, &holder, &amount(3_000), Some("\"1\""), None).await;
    assert_eq!(code(&refusing), (403, "auth.step_up_required".into()));
    assert_eq!(refusing.json()["step_up"], "limit_raise");
    let raise = |controls: &Value| {
        let raise = json!({ "card_id": holder.card_id, "controls": controls });
        json!({ "operation": "limit_raise", "limit_raise": raise })
    };
    let mut client = system.client();
    let step_up = client.step_up_by_passkey(&holder.person, &mut passkey, &raise(&amount(3_000))).await.unwrap();
    let other = set(&system, &holder, &amount(4_000), Some("\"1\""), Some(&step_up)).await;
    assert_eq!(code(&other), (403, "auth.step_up_refused".into()), "it is for other controls");
    let step_up = client.step_up_by_passkey(&holder.person, &mut passkey, &raise(&amount(3_000))).await.unwrap();
    let raised = set(&system, &holder, &amount(3_000), Some("\"1\""), Some(&step_up)).await;
    assert_eq!((raised.status.as_u16(), raised.header("etag")), (200, Some("\"2\"")), "{}", raised.text());

    assert_eq!(pay(&mut client, &holder, "30.00", "shop.example").await, "success");
    assert_eq!(pay(&mut client, &holder, "0.01", "shop.example").await, "control_refused");
}

#[tokio::test]
async fn controls_that_changed_meanwhile_are_not_overwritten() {
    let system = TestSystem::start().await;
    let holder = system.a_cardholder(1_000).await;
    let controls = json!({ "monthly_limit": usd(100_000), "online_only": true });
    let shown = system.client().get(&path(&holder.card_id, "/controls"), Some(&holder.person.token)).await.unwrap();
    assert_eq!((shown.header("etag"), &shown.json()["online_only"]), (Some("\"0\""), &json!(false)));
    assert_eq!(code(&set(&system, &holder, &controls, None, None).await), (428, "request.if_match_missing".into()));
    assert_eq!(set(&system, &holder, &controls, Some("\"0\""), None).await.status, 200);
    let late = json!({ "monthly_limit": usd(50_000), "online_only": true });
    assert_eq!(code(&set(&system, &holder, &late, Some("\"0\""), None).await), (412, "request.outdated".into()));
    for never_given in ["0", "\"+1\"", "W/\"1\"", "\"4294967296\"", "\"\"", ""] {
        let refused = code(&set(&system, &holder, &late, Some(never_given), None).await);
        assert_eq!(refused, (412, "request.outdated".into()), "{never_given}");
    }
    let now = read(&mut system.client(), &holder.person, &path(&holder.card_id, "/controls")).await;
    assert_eq!(now["monthly_limit"], usd(100_000));
    assert_eq!(set(&system, &holder, &late, Some("\"7\", \"1\""), None).await.status, 200);
    let whatever = json!({ "monthly_limit": usd(40_000), "online_only": true });
    assert_eq!(set(&system, &holder, &whatever, Some("*"), None).await.status, 200);
}

#[tokio::test]
async fn wrong_controls_are_refused_by_name_and_change_nothing() {
    let system = TestSystem::start().await;
    let holder = system.a_cardholder(1_000).await;
    let limit = usd(100_000);
    for (controls, field) in [
        (json!({ "monthly_limit": limit, "time_zone": "Europe/Atlantis" }), "time_zone"),
        (json!({ "monthly_limit": limit, "countries": { "allow": ["XX"] } }), "countries"),
        (json!({ "monthly_limit": limit, "merchant_categories": { "block": ["123"] } }), "merchant_categories"),
        (json!({ "monthly_limit": limit, "limits": [{ "period": "day" }] }), "limits"),
        (json!({ "monthly_limit": limit, "limits": [{ "period": "transaction", "count": 1 }] }), "limits"),
        (json!({ "monthly_limit": { "minor_units": 900_000_000, "currency": "USD" } }), "monthly_limit"),
    ] {
        let answer = set(&system, &holder, &controls, Some("\"0\""), None).await;
        assert_eq!(answer.status, 422, "{field}: {}", answer.text());
        assert_eq!(answer.json()["errors"][0]["field"], field, "{}", answer.text());
    }
}
