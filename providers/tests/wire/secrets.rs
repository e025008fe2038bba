#![allow(clippy::unwrap_used)]

use aggregates::{KycCaseId, card::Expiry};
use providers::{CardNumber, Config, Cvv, Failure, gateway::Charge, sandbox::SandboxConfig};
use uuid::Uuid;

use crate::harness::{
    CVV, NUMBER, a_card, a_payment, a_request_with_limit, a_sandbox, a_vendor_that_answers, an_applicant_with_document,
    answer, charge, usd,
};

/// Everything that must never be printed. The CVV is looked for in quotes or parentheses too, as bare digits could be
/// part of an id.
const SECRETS: [&str; 8] = [NUMBER, "(987)", "\"987\"", "Lovelace", "Countess", "1815", "DOC-4711", "bearer-secret"];

fn assert_silent(what: &str, printed: &str) {
    for secret in SECRETS {
        assert!(!printed.to_lowercase().contains(&secret.to_lowercase()), "{what} prints {secret}: {printed}");
    }
}

#[test]
fn card_data_applicants_and_configuration_do_not_print_secrets() {
    let (number, cvv) = (CardNumber::parse(NUMBER).unwrap(), Cvv::parse(CVV).unwrap());
    let expiry = Expiry::new(10, 2029).unwrap();
    let charge =
        Charge { payment_id: a_payment(), number: &number, cvv: &cvv, expiry, amount: usd(1), merchant: "shop" };
    let mut config = Config::default();
    let mut sandbox = SandboxConfig::default();
    for vendor in [&mut config.kyc, &mut config.issuer, &mut config.gateway] {
        vendor.api_key = "bearer-secret".into();
    }
    for key in [&mut sandbox.kyc_key, &mut sandbox.issuer_key, &mut sandbox.gateway_key] {
        *key = "bearer-secret".into();
    }
    assert_silent("CardNumber", &format!("{number:?}"));
    assert_silent("Cvv", &format!("{cvv:?}"));
    assert_silent("Charge", &format!("{charge:#?}"));
    assert_silent("Applicant", &format!("{:#?}", an_applicant_with_document("DOC-4711")));
    assert_silent("Config", &format!("{config:#?}"));
    assert_silent("SandboxConfig", &format!("{sandbox:#?}"));
    assert_silent("InvalidCardData", &format!("{:?}", CardNumber::parse("4532015112830367")));
}

#[tokio::test]
async fn an_issued_card_prints_masked() {
    let issued = a_sandbox().await.providers.issuer.issue(a_card(), &a_request_with_limit(100)).await.unwrap();
    let printed = format!("{issued:?}");
    assert!(!printed.contains(issued.number.expose()), "{printed}");
    assert!(printed.contains(&format!("CardNumber(****{})", issued.number.last_four())), "{printed}");
    assert!(printed.contains("Cvv(***)"), "{printed}");
}

/// A vendor that throws all it was sent back at us, in every kind of answer.
#[tokio::test]
async fn failures_repeat_nothing_of_the_request_or_the_answer() {
    let echo = format!(r#"{{"code":"{NUMBER} {CVV} Ada Lovelace DOC-4711 bearer-secret","card_number":"{NUMBER}"}}"#);
    let mut config = Config::default();
    for vendor in [&mut config.kyc, &mut config.issuer, &mut config.gateway] {
        vendor.api_key = "bearer-secret".into();
    }
    for status in [200, 302, 400, 401, 404, 409, 500] {
        let providers = a_vendor_that_answers(vec![answer(status, &echo); 3], &config).await;
        let case = KycCaseId(Uuid::now_v7());
        let failures: [Failure; 3] = [
            charge(&providers, a_payment(), "shop.example").await.unwrap_err(),
            providers.kyc.submit(case, None, &an_applicant_with_document("DOC-4711")).await.unwrap_err(),
            providers.issuer.issue(a_card(), &a_request_with_limit(100)).await.unwrap_err(),
        ];
        for failure in failures {
            assert_silent("Failure", &format!("{failure:?} {failure}"));
        }
    }
}
