//! What comes late, or too often: a provider's word, a watch list's, the end of an approval, changes of a draft.

use super::{
    CASE, CHANGES, Command, Decision, DocumentType, FourEyes, Kyc, Level, OLGA, OTHER_CASE, Verdict, a_complete_draft,
    a_draft, a_pending_case, a_person_whose_approval_ends_soon, address, after, an_approved_person, an_overdue_case,
    announce_at, by, decide, details, november, open_draft, reject, rejection, submit, unusable, verdict,
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
fn an_approval_that_ends_soon_is_renewed_while_it_counts() {
    assert_eq!(an_approved_person().decide(submit(OTHER_CASE)), Err(Error::AlreadyApproved));
    let approved = after(Kyc::default(), [submit(CASE), verdict(CASE, Verdict::Approved)]);
    let renewing = after(approved, [announce_at(10), submit(OTHER_CASE)]);
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
fn no_renewal_lowers_the_level() {
    // Given an approval of level full that ends soon
    let soon = a_person_whose_approval_ends_soon();
    // When a case of the lower level is begun, handed in at once or as a draft
    // Then it is refused, and one of the same level is not.
    assert_eq!(soon.approval(november(11)).map(|approval| approval.level), Some(Level::Full));
    for lower in [open_draft(OTHER_CASE, Level::Basic), submit(OTHER_CASE)] {
        assert_eq!(soon.decide(lower), Err(Error::AlreadyApproved));
    }
    assert!(soon.decide(open_draft(OTHER_CASE, Level::Full)).is_ok());
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
    let changes = |kyc: &Kyc| kyc.draft().map(|draft| draft.changes);
    assert_eq!(changes(&after(kyc.clone(), [next_day])), Some(1));
    // The same draft goes on being changed the next day, too.
    let Command::GiveAddress { case_id, address, most_changes, .. } = address() else { return };
    let next_day = Command::GiveAddress { case_id, address, most_changes, now: november(2) };
    assert_eq!(changes(&after(kyc, [next_day])), Some(1));
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
