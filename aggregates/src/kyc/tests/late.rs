//! What comes late, or too often: a provider's word, a watch list's, the end of an approval, changes of a draft.

use super::{
    CASE, CHANGES, Command, Decision, DocumentType, FourEyes, Kyc, Level, OLGA, OSKAR, OTHER_CASE, Verdict, WATCH_LIST,
    a_complete_draft, a_draft, a_pending_case, a_person_hit_later, a_person_whose_approval_ends_soon, address, after,
    an_approved_person, an_overdue_case, announce_at, by, decide, details, late_hit, november, open_draft, overdue_at,
    reject, rejection, submit, unusable, verdict,
};
use crate::kyc::{Error, OVERDUE, Status};

fn reasons(kyc: &Kyc) -> &[String] {
    kyc.case().map(|case| case.reasons.as_slice()).unwrap_or_default()
}

#[test]
fn what_a_provider_says_too_late_is_told_to_people_who_decide() {
    let late = after(an_overdue_case(), [verdict(CASE, Verdict::Approved), verdict(CASE, rejection())]);
    assert_eq!(late.status(), Status::InReview);
    assert_eq!(reasons(&late), [OVERDUE, "provider_approved", "provider_rejected", "document_unreadable"]);
    // Once each, however often it is asked.
    for said in [Verdict::Approved, rejection()] {
        assert_eq!(late.decide(verdict(CASE, said)), Ok(vec![]));
    }
    let decided = after(late, [by(OLGA, decide(Decision::Approve, FourEyes::WatchList))]);
    assert_eq!(decided.status(), Status::Approved);
}

#[test]
fn a_result_that_is_not_of_the_case_leaves_it_to_people() {
    let kyc = after(a_pending_case(), [verdict(CASE, unusable()), verdict(CASE, Verdict::Approved)]);
    assert_eq!(
        (kyc.status(), reasons(&kyc)),
        (Status::InReview, &["result_of_other_case".into(), "provider_approved".into()][..])
    );
    // The next case is the provider's again.
    let rejected = after(kyc, [by(OLGA, decide(reject(), FourEyes::Never)), submit(OTHER_CASE)]);
    assert_eq!(after(rejected, [verdict(OTHER_CASE, Verdict::Approved)]).status(), Status::Approved);
}

#[test]
fn whoever_is_on_a_watch_list_stays_so_when_the_provider_is_late() {
    let hit = Verdict::Rejected { reasons: vec![WATCH_LIST.into()] };
    let again = after(a_pending_case(), [verdict(CASE, hit), submit(OTHER_CASE)]);
    let Command::Overdue { provider, provider_reference, patience, now, .. } = overdue_at(8) else { return };
    let overdue = Command::Overdue { case_id: OTHER_CASE, provider, provider_reference, patience, now };
    assert_eq!(reasons(&after(again, [overdue])), [WATCH_LIST, OVERDUE]);
}

#[test]
fn an_approval_rests_while_people_look_at_a_late_hit() {
    let hit = a_person_hit_later();
    assert_eq!((hit.status(), hit.approval(november(4)), hit.is_expired(november(4))), (Status::InReview, None, false));
    let yes = |operator| by(operator, decide(Decision::Approve, FourEyes::WatchList));
    let cleared = after(hit.clone(), [yes(OLGA), yes(OSKAR)]);
    let approval = cleared.approval(november(4)).expect("it is in force again");
    assert_eq!((approval.valid_until, cleared.has_cleared("monitor_1")), (Some(november(20)), true));
    let no = |operator| by(operator, decide(reject(), FourEyes::WatchList));
    let rejected = after(hit, [no(OLGA), no(OSKAR)]);
    assert_eq!((rejected.approval(november(4)), rejected.status()), (None, Status::Rejected));
}

#[test]
fn a_late_hit_sends_the_latest_case_to_people_whatever_became_of_it() {
    let basic = after(Kyc::default(), [submit(OTHER_CASE), verdict(OTHER_CASE, Verdict::Approved)]);
    let full = [open_draft(CASE, Level::Full), details(DocumentType::Passport), address()];
    let pictures = [super::PictureKind::Front, super::PictureKind::Selfie].map(super::picture);
    let steps = full.into_iter().chain(pictures).chain([super::submit_draft(), verdict(CASE, rejection())]);
    let rejected = after(basic, steps);
    assert!(rejected.approval(november(3)).is_some());
    let hit = after(rejected, [late_hit()]);
    assert_eq!((hit.status(), hit.approval(november(3))), (Status::InReview, None));
    assert_eq!(hit.case().map(|case| case.case_id), Some(CASE));
}

#[test]
fn an_approval_that_ends_soon_is_renewed_while_it_counts() {
    assert_eq!(an_approved_person().decide(submit(OTHER_CASE)), Err(Error::AlreadyApproved));
    let soon = a_person_whose_approval_ends_soon();
    let renewing = after(soon, [submit(OTHER_CASE)]);
    assert_eq!(renewing.approval(november(11)).map(|approval| approval.case_id), Some(CASE));
    let Command::RecordVerdict { case_id, provider, provider_reference, verdict, four_eyes, .. } =
        verdict(OTHER_CASE, Verdict::Approved)
    else {
        return;
    };
    let (valid_until, now) = (Some(november(30)), november(11));
    let renewed = after(
        renewing,
        [Command::RecordVerdict { case_id, provider, provider_reference, verdict, four_eyes, valid_until, now }],
    );
    let approval = renewed.approval(november(21)).expect("it is in force");
    assert_eq!((approval.case_id, approval.expires_soon), (OTHER_CASE, false));
    // The new one has its own notice, once.
    let told = after(renewed, [announce_at(20)]);
    assert_eq!(told.decide(announce_at(21)), Ok(vec![]));
}

#[test]
fn a_draft_is_changed_so_often_a_day_and_then_handed_in_or_begun_anew_the_next_day() {
    let mut kyc = a_complete_draft();
    let changes = kyc.draft().map_or(0, |draft| draft.changes);
    for _ in changes..CHANGES {
        kyc = after(kyc, [address()]);
    }
    let limit = Error::TooManyChanges { limit: CHANGES };
    for command in [address(), details(DocumentType::Passport), open_draft(OTHER_CASE, Level::Full)] {
        assert_eq!(kyc.decide(command), Err(limit.clone()));
    }
    // What is there already is there.
    assert_eq!(kyc.decide(super::picture(super::PictureKind::Front)), Ok(vec![]));
    assert_eq!(after(kyc.clone(), [super::submit_draft()]).status(), Status::Pending);
    let Command::OpenDraft { case_id, level, attempts, most_changes, .. } = open_draft(OTHER_CASE, Level::Full) else {
        return;
    };
    let next_day = Command::OpenDraft { case_id, level, attempts, most_changes, now: november(2) };
    assert_eq!(after(kyc, [next_day]).draft().map(|draft| draft.changes), Some(1));
}

#[test]
fn drafts_begun_again_and_again_count_as_changes() {
    let mut kyc = a_draft(Level::Full);
    for number in 1..CHANGES {
        let case_id = crate::KycCaseId(uuid::Uuid::from_u128(number.into()));
        kyc = after(kyc, [open_draft(case_id, Level::Full)]);
    }
    assert_eq!(kyc.decide(open_draft(OTHER_CASE, Level::Full)), Err(Error::TooManyChanges { limit: CHANGES }));
}
