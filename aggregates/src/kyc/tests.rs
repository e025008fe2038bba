use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use uuid::Uuid;

use super::*;
use crate::examples::{CASE, november, sealed};

fn given(history: Vec<Event>) -> AggregateTestExecutor<Kyc> {
    TestFramework::with(()).given(history)
}

const OTHER_CASE: KycCaseId = KycCaseId(Uuid::from_u128(0x07e2));

fn submit(case_id: KycCaseId) -> Command {
    Command::Submit {
        case_id,
        applicant: sealed("applicant"),
        document_type: DocumentType::Passport,
        country: "DE".into(),
        now: november(1),
    }
}

fn submitted(case_id: KycCaseId) -> Event {
    Event::Submitted {
        case_id,
        applicant: sealed("applicant"),
        document_type: DocumentType::Passport,
        country: "DE".into(),
        at: november(1),
    }
}

fn verdict(case_id: KycCaseId, verdict: Verdict) -> Command {
    let (provider, provider_reference) = ("sandbox".into(), "ver_1".into());
    Command::RecordVerdict { case_id, provider, provider_reference, verdict, now: november(2) }
}

fn rejection() -> Verdict {
    Verdict::Rejected { reasons: vec!["document_unreadable".into()] }
}

fn review_started(case_id: KycCaseId) -> Event {
    Event::ReviewStarted { case_id, provider: "sandbox".into(), provider_reference: "ver_1".into(), at: november(2) }
}

fn approved(case_id: KycCaseId) -> Event {
    Event::Approved { case_id, provider: "sandbox".into(), provider_reference: "ver_1".into(), at: november(2) }
}

fn rejected(case_id: KycCaseId) -> Event {
    Event::Rejected {
        case_id,
        provider: "sandbox".into(),
        provider_reference: "ver_1".into(),
        reasons: vec!["document_unreadable".into()],
        at: november(2),
    }
}

fn a_pending_case() -> Vec<Event> {
    vec![submitted(CASE)]
}

fn a_case_in_review() -> Vec<Event> {
    vec![submitted(CASE), review_started(CASE)]
}

fn an_approved_person() -> Vec<Event> {
    vec![submitted(CASE), approved(CASE)]
}

fn a_rejected_person() -> Vec<Event> {
    vec![submitted(CASE), rejected(CASE)]
}

fn state(events: &[Event]) -> Kyc {
    let mut kyc = Kyc::default();
    events.iter().for_each(|event| kyc.apply(event));
    kyc
}

/// Every state against every command.
#[test]
fn each_state_allows_what_it_should() {
    use Error::{AlreadyApproved, CaseOpen, NoSuchCase};
    let open = || Err(CaseOpen { case_id: CASE });
    let nothing = || Ok(vec![]);
    let no_case = || Err(NoSuchCase);
    let start = || Ok(vec![submitted(OTHER_CASE)]);
    let (review, approve, reject) =
        (|| Ok(vec![review_started(CASE)]), || Ok(vec![approved(CASE)]), || Ok(vec![rejected(CASE)]));
    let commands = || {
        [
            submit(CASE),
            submit(OTHER_CASE),
            verdict(CASE, Verdict::Review),
            verdict(CASE, Verdict::Approved),
            verdict(CASE, rejection()),
            verdict(OTHER_CASE, Verdict::Approved),
        ]
    };
    let first = || Ok(vec![submitted(CASE)]);
    let table = [
        (vec![], [first(), start(), no_case(), no_case(), no_case(), no_case()]),
        (a_pending_case(), [nothing(), open(), review(), approve(), reject(), no_case()]),
        (a_case_in_review(), [nothing(), open(), nothing(), approve(), reject(), no_case()]),
        (an_approved_person(), [nothing(), Err(AlreadyApproved), nothing(), nothing(), nothing(), no_case()]),
        (a_rejected_person(), [nothing(), start(), nothing(), nothing(), nothing(), no_case()]),
    ];
    for (history, outcomes) in table {
        let status = state(&history).status();
        for (command, outcome) in commands().into_iter().zip(outcomes) {
            let what = format!("{command:?} when {status:?}");
            assert_eq!(given(history.clone()).when(command).inspect_result(), outcome, "{what}");
        }
    }
}

#[test]
fn a_person_can_submit_documents() {
    given(vec![]).when(submit(CASE)).then_expect_events(vec![submitted(CASE)]);
}

#[test]
fn a_rejected_person_can_try_again() {
    given(a_rejected_person()).when(submit(OTHER_CASE)).then_expect_events(vec![submitted(OTHER_CASE)]);
}

#[test]
fn a_verdict_on_an_earlier_case_finds_no_case() {
    given(a_rejected_person())
        .and(vec![submitted(OTHER_CASE)])
        .when(verdict(CASE, Verdict::Approved))
        .then_expect_error(Error::NoSuchCase);
}

#[test]
fn the_first_final_verdict_stands() {
    let approved_first = state(&an_approved_person());
    assert_eq!(approved_first.decide(verdict(CASE, rejection())), Ok(vec![]));
    let rejected_first = state(&a_rejected_person());
    assert_eq!(rejected_first.decide(verdict(CASE, Verdict::Approved)), Ok(vec![]));
}

#[test]
fn the_status_follows_the_latest_case() {
    for (events, status, name) in [
        (vec![], Status::NotStarted, "not_started"),
        (a_pending_case(), Status::Pending, "pending"),
        (a_case_in_review(), Status::InReview, "in_review"),
        (an_approved_person(), Status::Approved, "approved"),
        (a_rejected_person(), Status::Rejected, "rejected"),
        ([a_rejected_person(), vec![submitted(OTHER_CASE)]].concat(), Status::Pending, "pending"),
    ] {
        assert_eq!(state(&events).status(), status);
        assert_eq!(status.as_str(), name);
        assert_eq!(serde_json::to_value(status).ok(), Some(name.into()));
    }
}

#[test]
fn a_rejected_case_says_why() {
    let kyc = state(&a_rejected_person());
    let case = kyc.case().expect("a case was submitted");
    assert_eq!(case.reasons, ["document_unreadable"]);
    assert_eq!(case.decided_at, Some(november(2)));
    assert_eq!(case.provider.as_deref(), Some("sandbox"));
}

#[test]
fn a_new_case_starts_without_the_earlier_verdict() {
    let kyc = state(&[a_rejected_person(), vec![submitted(OTHER_CASE)]].concat());
    let case = kyc.case().expect("a case was submitted");
    assert_eq!((case.case_id, case.decided_at, case.provider.as_deref()), (OTHER_CASE, None, None));
    assert!(case.reasons.is_empty());
}

#[test]
fn the_state_survives_its_snapshot() {
    for events in [vec![], a_pending_case(), a_case_in_review(), an_approved_person(), a_rejected_person()] {
        let kyc = state(&events);
        let snapshot = serde_json::to_string(&kyc).expect("states have string keys");
        assert_eq!(serde_json::from_str::<Kyc>(&snapshot).expect("what was written"), kyc);
    }
}
