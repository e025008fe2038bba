use super::{
    ALICE, CASE, Decision, FourEyes, Kyc, OLGA, OSKAR, ReviewStep, Verdict, a_case_in_review, a_hit, a_listed_case,
    a_pending_case, after, an_approved_person, by, decide, november, reject, sealed, verdict, verdict_under,
};
use crate::kyc::{Error, Event, Level, Status};

#[test]
fn whom_a_watch_list_names_people_alone_decide() {
    let listed = a_listed_case();
    assert_eq!(listed.decide(verdict(CASE, Verdict::Approved)), Ok(vec![]));
    // Also where the hit came later than the doubts.
    let later = after(a_case_in_review(), [verdict(CASE, a_hit())]);
    assert_eq!(later.decide(verdict(CASE, Verdict::Approved)), Ok(vec![]));
}

#[test]
fn a_provider_does_not_overrule_operators() {
    let approved = |four_eyes| verdict_under(four_eyes, CASE, Verdict::Approved);
    let proposed = after(a_case_in_review(), [by(OLGA, decide(reject(), FourEyes::Always))]);
    for (kyc, four_eyes) in [(a_case_in_review(), FourEyes::Always), (proposed, FourEyes::Never)] {
        assert_eq!(kyc.decide(approved(four_eyes)), Ok(vec![]));
    }
    // Nobody is at it yet, and one would be enough.
    assert_eq!(after(a_case_in_review(), [approved(FourEyes::WatchList)]).status(), Status::Approved);
    assert_eq!(after(a_pending_case(), [approved(FourEyes::Always)]).status(), Status::Approved);
}

#[test]
fn two_operators_have_to_agree() {
    let yes = |operator| by(operator, decide(Decision::Approve, FourEyes::Always));
    let no = |operator| by(operator, decide(reject(), FourEyes::Always));
    let first = after(a_case_in_review(), [yes(OLGA)]);
    assert_eq!(first.status(), Status::InReview);
    assert_eq!(first.decide(yes(OLGA)), Err(Error::SecondOperatorNeeded));
    let both = first.decide(yes(OSKAR)).expect("they agree");
    let [Event::Approved { decided_by, .. }] = both.as_slice() else { panic!("{both:?}") };
    assert_eq!(decided_by, &[OLGA, OSKAR]);
    // Who contradicts proposes in turn, and the other may be convinced.
    let contrary = after(first, [no(OSKAR)]);
    assert_eq!(contrary.case().and_then(|case| case.proposal.as_ref()).map(|first| first.operator), Some(OSKAR));
    assert_eq!(after(contrary, [no(OLGA)]).status(), Status::Rejected);
}

#[test]
fn one_operator_is_enough_where_no_setting_asks_for_two() {
    let kyc = after(a_case_in_review(), [by(OLGA, decide(Decision::Approve, FourEyes::Never))]);
    assert_eq!(kyc.status(), Status::Approved);
    let kyc = after(a_listed_case(), [by(OLGA, decide(Decision::Approve, FourEyes::Never))]);
    assert_eq!(kyc.status(), Status::Approved);
}

#[test]
fn nobody_decides_about_themselves() {
    for step in [ReviewStep::Assign, ReviewStep::Note { text: sealed("fine") }] {
        assert_eq!(a_case_in_review().decide(by(ALICE, step)), Err(Error::OwnCase));
    }
}

#[test]
fn an_operators_rejection_ends_an_earlier_approval() {
    let approved = an_approved_person();
    assert!(approved.approval(november(3)).is_some());
    // The approval is of level full, so the next case comes after its end; here it stands for one in force.
    let mut kyc: Kyc = a_case_in_review();
    kyc.approve(CASE, november(1), None);
    assert_eq!(kyc.approval(november(3)).map(|approval| approval.level), Some(Level::Full));
    let kyc = after(kyc, [by(OLGA, decide(reject(), FourEyes::Never))]);
    assert_eq!((kyc.approval(november(3)), kyc.status()), (None, Status::Rejected));
}

#[test]
fn a_review_keeps_who_has_it_and_what_was_noted() {
    let note = |text| ReviewStep::Note { text: sealed(text) };
    let steps = [by(OLGA, ReviewStep::Assign), by(OLGA, note("one")), by(OSKAR, note("two"))];
    let kyc = after(a_case_in_review(), steps);
    let case = kyc.case().expect("there is a case");
    assert_eq!((case.assigned_to, case.notes.len()), (Some(OLGA), 2));
    assert_eq!(kyc.decide(by(OLGA, ReviewStep::Assign)), Ok(vec![]));
}
