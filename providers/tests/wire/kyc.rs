#![allow(clippy::unwrap_used)]

use aggregates::{
    KycCaseId,
    kyc::{Level, Verdict},
};
use providers::{
    Config, Failure,
    kyc::{Check, Known, Mismatch},
    sandbox::SandboxConfig,
};
use uuid::Uuid;

use crate::harness::{a_sandbox, a_sandbox_with, an_applicant_with_document, pause};

fn known(case: KycCaseId) -> Known<'static> {
    Known { case, level: Level::Basic, applicant: None, run: None }
}

#[tokio::test]
async fn the_document_number_chooses_the_verdict() {
    let kyc = a_sandbox().await.providers.kyc;
    let rejected = Verdict::Rejected { reasons: vec!["document_unreadable".into()] };
    let cases = [
        ("APPROVE-1", Verdict::Approved),
        ("X123456", Verdict::Approved),
        ("REJECT-1", rejected),
        ("REVIEW-1", Verdict::Review { reasons: vec![] }),
        ("WATCH-1", Verdict::Review { reasons: vec!["watchlist_hit".into()] }),
    ];
    for (number, verdict) in cases {
        let case = KycCaseId(Uuid::now_v7());
        let expected = Check { provider_reference: format!("check_{case}"), verdict: Some(verdict) };
        assert_eq!(kyc.submit(case, None, &an_applicant_with_document(number)).await.unwrap(), expected, "{number}");
        assert_eq!(kyc.look_up(&known(case)).await.unwrap(), Some(expected), "{number}");
    }
}

#[tokio::test]
async fn a_repeated_submission_answers_the_first_check() {
    let kyc = a_sandbox().await.providers.kyc;
    let case = KycCaseId(Uuid::now_v7());
    let first = kyc.submit(case, None, &an_applicant_with_document("REVIEW-1")).await.unwrap();
    assert_eq!(kyc.submit(case, None, &an_applicant_with_document("APPROVE-1")).await.unwrap(), first);
}

#[tokio::test]
async fn a_slow_check_is_pending_and_then_approved() {
    let sandbox = SandboxConfig { slow_check_ms: 1_000, ..SandboxConfig::default() };
    let kyc = a_sandbox_with(sandbox, Config::default()).await.providers.kyc;
    let case = KycCaseId(Uuid::now_v7());
    assert_eq!(kyc.submit(case, None, &an_applicant_with_document("SLOW-1")).await.unwrap().verdict, None);
    assert_eq!(kyc.look_up(&known(case)).await.unwrap().unwrap().verdict, None);
    pause(1_050).await;
    assert_eq!(kyc.look_up(&known(case)).await.unwrap().unwrap().verdict, Some(Verdict::Approved));
}

#[tokio::test]
async fn a_provider_that_is_down_keeps_nothing() {
    let kyc = a_sandbox().await.providers.kyc;
    let case = KycCaseId(Uuid::now_v7());
    assert_eq!(kyc.submit(case, None, &an_applicant_with_document("DOWN-1")).await, Err(Failure::Unknown));
    assert_eq!(kyc.look_up(&known(case)).await, Ok(None));
}

#[tokio::test]
async fn a_check_may_never_be_decided_or_be_about_somebody_else() {
    let kyc = a_sandbox().await.providers.kyc;
    let case = || KycCaseId(Uuid::now_v7());
    assert_eq!(kyc.submit(case(), None, &an_applicant_with_document("NEVER-1")).await.unwrap().verdict, None);
    let other = kyc.submit(case(), None, &an_applicant_with_document("OTHER-1")).await.unwrap();
    assert_eq!(other.verdict, Some(Mismatch::Case.into()));
}

#[tokio::test]
async fn an_applicant_is_forgotten_once_and_then_unknown() {
    let kyc = a_sandbox().await.providers.kyc;
    let (case, applicant) = (KycCaseId(Uuid::now_v7()), an_applicant_with_document("APPROVE-1"));
    let name = kyc.register(case, &applicant).await.unwrap().unwrap();
    kyc.submit(case, Some(&name), &applicant).await.unwrap();
    for _ in 0..2 {
        kyc.forget(&name).await.unwrap();
        assert_eq!(kyc.look_up(&known(case)).await, Ok(None));
    }
}

#[tokio::test]
async fn a_watch_list_may_name_somebody_later() {
    let sandbox = a_sandbox().await;
    let (kyc, case) = (&sandbox.providers.kyc, KycCaseId(Uuid::now_v7()));
    kyc.submit(case, None, &an_applicant_with_document("APPROVE-1")).await.unwrap();
    let hit = format!("{}/sandbox/kyc/hits?case_id={case}", sandbox.base);
    assert_eq!(reqwest::Client::new().post(hit).send().await.unwrap().status(), 204);
    let verdict = kyc.look_up(&known(case)).await.unwrap().unwrap().verdict;
    assert_eq!(verdict, Some(Verdict::Review { reasons: vec!["watchlist_hit".into()] }));
}
