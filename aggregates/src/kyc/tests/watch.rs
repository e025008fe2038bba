//! What a watch list says is about the person, whatever becomes of cases.

use super::{
    CASE, Command, Decision, FourEyes, Kyc, Level, OLGA, OSKAR, OTHER_CASE, Verdict, WATCH_LIST, a_hit,
    a_pending_person_hit, a_person_hit_later, a_rejected_person_hit, after, an_approved_person, by, decide, doubts,
    hits, late_hit, names, november, overdue_at, reject, rejection, review_of, submit, verdict,
};
use crate::kyc::{Error, OVERDUE, Status};

fn reasons(kyc: &Kyc) -> &[String] {
    kyc.case().map(|case| case.reasons.as_slice()).unwrap_or_default()
}

/// Two operators agree about the latest case.
fn both(kyc: Kyc, decision: &Decision) -> Kyc {
    let case_id = kyc.case().expect("there is a case").case_id;
    let step = || decide(decision.clone(), FourEyes::WatchList);
    after(kyc, [review_of(case_id, OLGA, step()), review_of(case_id, OSKAR, step())])
}

fn cleared(kyc: Kyc) -> Kyc {
    both(kyc, &Decision::Approve)
}

/// Approved in an earlier case, of level basic; the later one, rejected by the provider.
fn approved_and_then_rejected() -> Kyc {
    let basic = after(Kyc::default(), [submit(OTHER_CASE), verdict(OTHER_CASE, Verdict::Approved)]);
    let draft = [super::open_draft(CASE, Level::Full), super::details(super::DocumentType::NationalId)];
    let pictures = super::PictureKind::ALL.map(super::picture);
    let steps = draft.into_iter().chain([super::address()]).chain(pictures).chain([super::submit_draft()]);
    after(after(basic, steps), [verdict(CASE, rejection())])
}

#[test]
fn an_approval_rests_while_a_hit_is_looked_at_and_then_counts_as_before() {
    // Given an approval until the 20th, and a hit after it
    let hit = a_person_hit_later();
    assert_eq!((hit.status(), hit.case_status()), (Status::InReview, Status::Approved));
    assert_eq!((hit.approval(november(4)), hit.is_expired(november(4))), (None, false));
    // When two operators say that it is somebody else
    let same = cleared(hit);
    // Then it is the approval that it was, and that hit is no news.
    assert_eq!(same.approval(november(4)), an_approved_person().approval(november(4)));
    assert_eq!((same.status(), same.is_on_watch_list()), (Status::Approved, false));
    assert!(same.has_cleared("match_1"));
    assert_eq!(same.decide(late_hit()), Ok(vec![]));
    // Another one is.
    let again = after(same, [hits(&["match_1", "match_2"])]);
    assert_eq!(again.listing().map(|listing| listing.references.clone()), Some(vec!["match_2".to_owned()]));
    assert_eq!(again.approval(november(4)), None);
}

#[test]
fn a_confirmed_hit_ends_the_approval_and_the_next_case_is_for_people() {
    // Given a hit after an approval
    // When two operators reject the person
    let rejected = both(a_person_hit_later(), &reject());
    // Then nothing waits, nothing counts, and a later case is decided by people alone.
    assert_eq!((rejected.status(), rejected.approval(november(4))), (Status::Rejected, None));
    assert!(rejected.is_on_watch_list());
    let later = after(rejected, [submit(OTHER_CASE)]);
    for said in [Verdict::Approved, doubts()] {
        let looked_at = after(later.clone(), [verdict(OTHER_CASE, said)]);
        assert_eq!((looked_at.status(), reasons(&looked_at)), (Status::InReview, &[WATCH_LIST.to_owned()][..]));
        assert_eq!(cleared(looked_at).approval(november(4)).map(|approval| approval.case_id), Some(OTHER_CASE));
    }
    let Command::Overdue { provider, provider_reference, patience, now, .. } = overdue_at(8) else { return };
    let overdue = Command::Overdue { case_id: OTHER_CASE, provider, provider_reference, patience, now };
    assert_eq!(reasons(&after(later, [overdue])), [WATCH_LIST, OVERDUE]);
}

#[test]
fn what_the_provider_says_of_a_later_case_does_not_end_the_review() {
    // Given an approval in force, a later case that the provider has rejected, and a hit
    let before = approved_and_then_rejected();
    assert!(before.approval(november(3)).is_some());
    let hit = after(before.clone(), [late_hit()]);
    assert_eq!((hit.status(), hit.approval(november(3))), (Status::InReview, None));
    // When the provider repeats what it said of the later case
    for said in [rejection(), Verdict::Approved, doubts()] {
        assert_eq!(hit.decide(verdict(CASE, said)), Ok(vec![]));
    }
    // Then the hit still waits; cleared, all is as it was, and the rejected case has not become an approved one.
    let after_all = cleared(hit);
    assert_eq!((after_all.status(), reasons(&after_all)), (Status::Rejected, reasons(&before)));
    assert_eq!(after_all.approval(november(3)), before.approval(november(3)));
    assert_eq!(after_all.rejections(), before.rejections());
}

#[test]
fn clearing_a_hit_approves_no_case_that_nobody_has_verified() {
    // Given a case that the provider has not decided, and one that it has rejected, each with a hit
    for (hit, status) in [(a_pending_person_hit(), Status::Pending), (a_rejected_person_hit(), Status::Rejected)] {
        assert_eq!(hit.status(), Status::InReview);
        assert!(matches!(hit.decide(submit(OTHER_CASE)), Err(Error::CaseOpen { .. })));
        // When the hit is cleared
        let kyc = cleared(hit);
        // Then the case is where it was, without an approval.
        assert_eq!((kyc.status(), kyc.approval(november(3))), (status, None));
    }
    // And what is pending goes on at its provider.
    let going_on = after(cleared(a_pending_person_hit()), [verdict(CASE, Verdict::Approved)]);
    assert_eq!(going_on.status(), Status::Approved);
}

#[test]
fn a_hit_in_the_check_itself_is_decided_together_with_the_case() {
    // Given a case that its check leaves to people for a hit
    let listed = super::a_listed_case();
    assert_eq!(listed.listing().map(|listing| listing.references.clone()), Some(vec!["ver_1".to_owned()]));
    // When the provider rejects it, too, operators are told and go on.
    let told = after(listed, [verdict(CASE, rejection())]);
    assert_eq!(reasons(&told), [WATCH_LIST, "provider_rejected", "document_unreadable"]);
    // Then they approve hit and case at once.
    let approved = cleared(told);
    assert_eq!(approved.status(), Status::Approved);
    assert_eq!(approved.decide(hits(&["ver_1"])), Ok(vec![]));
}

#[test]
fn a_rejection_for_a_hit_is_looked_at_and_does_not_tell_of_it() {
    // Given somebody without an approval whom the provider rejects for a watch list
    let hit = Verdict::Rejected { reasons: vec![WATCH_LIST.into()] };
    let kyc = after(super::a_pending_case(), [verdict(CASE, hit)]);
    // Then operators look, and the rejection stays when they clear it.
    assert_eq!(
        (kyc.status(), kyc.case_status(), reasons(&kyc)),
        (Status::InReview, Status::Rejected, &["declined".to_owned()][..])
    );
    assert_eq!(cleared(kyc).status(), Status::Rejected);
}

#[test]
fn a_hit_makes_an_earlier_proposal_void() {
    // Given one operator who would clear the hit
    let proposed = after(a_person_hit_later(), [by(OLGA, decide(Decision::Approve, FourEyes::WatchList))]);
    // When there is another one
    let more = after(proposed, [hits(&["match_2"])]);
    // Then the second operator is the first again.
    let events = more.decide(by(OSKAR, decide(Decision::Approve, FourEyes::WatchList)));
    assert_eq!(events.map(|events| names(&events)), Ok(vec!["decision_proposed"]));
}

#[test]
fn what_is_remembered_of_hits_is_bounded() {
    // Given more hits than are put down, and cleared ones without end
    let references: Vec<String> = (0..50).map(|number| format!("match_{number}")).collect();
    let named = after(an_approved_person(), [hits(&references.iter().map(String::as_str).collect::<Vec<_>>())]);
    assert_eq!(named.listing().map(|listing| listing.references.len()), Some(32));
    let mut kyc = cleared(named);
    for number in 0..128 {
        kyc = cleared(after(kyc, [hits(&[format!("later_{number}").as_str()])]));
    }
    // Then the latest are known, and the oldest would be looked at again.
    assert!(kyc.has_cleared("later_127") && kyc.has_cleared("later_0"));
    assert!(!kyc.has_cleared("match_0"));
}

#[test]
fn logs_without_events_of_hits_are_read_as_hits() {
    // Given a review that began for a hit before hits had events of their own
    let kyc = after(super::a_pending_case(), []);
    let (provider, provider_reference, reasons) = ("sandbox".into(), "ver_0".into(), vec![WATCH_LIST.to_owned()]);
    let started = super::Event::ReviewStarted {
        case_id: CASE,
        provider,
        provider_reference,
        reasons,
        people_decide: false,
        at: november(2),
    };
    let mut kyc = kyc;
    kyc.apply(&started);
    // Then operators decide it, and what they clear is remembered.
    assert!(kyc.is_on_watch_list());
    assert_eq!(after(kyc.clone(), [verdict(CASE, a_hit())]).decide(verdict(CASE, Verdict::Approved)), Ok(vec![]));
    assert!(cleared(kyc).has_cleared("ver_0"));
}
