//! What is noted of a check at a provider without idempotency keys, lest a second one be begun.

use aggregates::{KycCaseId, UserId};
use chrono::TimeDelta;
use store::{CheckNames, CheckReferences, new_id};
use tests::database::TestDatabase;

const PROVIDER: &str = "onfido";

#[tokio::test]
async fn a_run_is_asked_for_once_unless_it_is_known_not_to_have_begun() {
    let database = TestDatabase::new().await;
    let store = database.api_store();
    let (user, case) = (UserId(new_id()), KycCaseId(new_id()));
    let claim = async |patience| store.claim_run(user, case, TimeDelta::seconds(patience)).await.unwrap();
    assert!(!claim(60).await, "nothing is known of the case");
    store.note_check(user, case, PROVIDER, &CheckReferences::default()).await.unwrap();
    assert!(claim(60).await);
    assert!(!claim(60).await, "it may have begun");
    assert!(claim(-60).await, "it was waited for long enough");
    store.run_was_not_begun(user, case).await.unwrap();
    assert!(claim(60).await);
    let run = CheckReferences { run: Some("run-1".into()), ..CheckReferences::default() };
    store.note_check(user, case, PROVIDER, &run).await.unwrap();
    assert!(!claim(-60).await, "there is one");
}

#[tokio::test]
async fn a_check_is_found_by_whatever_the_provider_calls_it_and_its_first_names_stay() {
    let database = TestDatabase::new().await;
    let store = database.api_store();
    let (user, case) = (UserId(new_id()), KycCaseId(new_id()));
    let named = |applicant: &str, run: Option<&str>| CheckReferences {
        applicant: Some(applicant.into()),
        run: run.map(str::to_owned),
        run_asked_at: None,
    };
    store.note_check(user, case, PROVIDER, &named("applicant-1", None)).await.unwrap();
    let second = store.note_check(user, case, PROVIDER, &named("applicant-2", Some("run-1"))).await.unwrap();
    assert_eq!(second, named("applicant-1", Some("run-1")), "who comes second goes on with the first one's names");
    let known = store.check_references(user, case).await.unwrap().unwrap();
    assert_eq!(known, named("applicant-1", Some("run-1")));
    let by_run = |run: &str| CheckNames { run: Some(run.into()), ..CheckNames::default() };
    let by_applicant = |applicant: &str| CheckNames { applicant: Some(applicant.into()), ..CheckNames::default() };
    let by_case = CheckNames { case: Some(case), ..CheckNames::default() };
    for names in [by_applicant("applicant-1"), by_run("run-1"), by_case] {
        assert_eq!(store.check_of(PROVIDER, &names).await.unwrap(), Some((user, case)), "{names:?}");
        assert_eq!(store.check_of("another", &names).await.unwrap(), None, "{names:?}");
    }
    assert_eq!(store.check_of(PROVIDER, &by_applicant("applicant-2")).await.unwrap(), None);
    // An earlier case's run leads to that case, also where the person has handed in another since.
    let later = KycCaseId(new_id());
    store.note_check(user, later, PROVIDER, &named("applicant-3", None)).await.unwrap();
    assert_eq!(store.check_of(PROVIDER, &by_run("run-1")).await.unwrap(), Some((user, case)));
    let both = CheckNames { applicant: Some("applicant-3".into()), ..by_run("run-1") };
    assert_eq!(store.check_of(PROVIDER, &both).await.unwrap(), Some((user, case)), "the narrowest name decides");
    assert_eq!(store.case_owner(case).await.unwrap(), Some(user));
    // Behind the wall: nobody reads what is noted of others.
    assert_eq!(store.check_references(UserId(new_id()), case).await.unwrap(), None);
}
