use tests::{client::PASSWORD, system::TestSystem};

use super::browser::{
    CALLBACK, a_client, authorize, decide, exchange, log_in, post_form, request, ticket, title, told,
};

const PATH: &str = "/oauth/authorize/second-factor";

/// The password alone leads to no consent, and a code serves once.
#[tokio::test]
async fn an_account_with_a_second_factor_is_asked_for_it() {
    let system = TestSystem::start().await;
    let person = system.a_person().await;
    let client = a_client(&system, "confidential", &[CALLBACK], "openid").await;
    let http = &mut system.client();
    let recovery_codes = http.enrol(&person).await.unwrap();
    let page = authorize(http, &request(&client, "openid")).await;
    let page = log_in(http, &page, &person.email, PASSWORD).await;
    assert_eq!(title(&page), "Second factor");
    assert_eq!(decide(http, &page, "continue").await.status, 400, "not on to the consent");

    let page = authorize(http, &request(&client, "openid")).await;
    let page = log_in(http, &page, &person.email, PASSWORD).await;
    let mut fields = [("ticket", ticket(&page)), ("code", "000000x".to_owned()), ("decision", "continue".to_owned())];
    let pairs = |fields: &[(&'static str, String); 3]| fields.clone();
    let send = async |fields: [(&'static str, String); 3]| {
        let fields: Vec<_> = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        post_form(&mut system.client(), PATH, &fields, &[]).await
    };
    let page = send(pairs(&fields)).await;
    assert_eq!(title(&page), "Second factor");
    assert!(page.contains("The code is wrong"), "{}", page.text());
    fields[0].1 = ticket(&page);
    fields[1].1.clone_from(&recovery_codes[0]);
    let page = send(pairs(&fields)).await;
    assert_eq!(title(&page), "Allow access", "{}", page.text());
    let told = told(&decide(http, &page, "continue").await);
    let answer = exchange(http, &client, &told["code"]).await.json();
    let claims = answer["id_token"].as_str().unwrap().split('.').nth(1).unwrap();
    use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
    let claims: serde_json::Value = serde_json::from_slice(&BASE64_URL_SAFE_NO_PAD.decode(claims).unwrap()).unwrap();
    assert_eq!(claims["amr"], serde_json::json!(["mfa", "otp", "pwd"]));

    let page = authorize(http, &request(&client, "openid")).await;
    let page = log_in(http, &page, &person.email, PASSWORD).await;
    fields[0].1 = ticket(&page);
    assert_eq!(title(&send(pairs(&fields)).await), "Second factor", "a recovery code serves once");
}
