use super::{
    CASE, Command, DocumentType, Event, Kyc, Level, OTHER_CASE, PictureKind, Verdict, a_complete_draft, a_draft,
    a_pending_case, a_rejected_person, address, after, an_approved_person, an_expired_person, details, november,
    open_draft, picture, rejection, sealed, state, submit, submit_draft, verdict,
};
use crate::kyc::{Error, Status};

#[test]
fn a_level_says_what_a_case_needs() {
    let missing = |kyc: &Kyc| match kyc.decide(submit_draft()) {
        Err(Error::Incomplete { missing }) => missing,
        other => panic!("{other:?}"),
    };
    assert_eq!(missing(&a_draft(Level::Basic)), ["details"]);
    assert_eq!(missing(&a_draft(Level::Full)), ["details", "address", "front", "back", "selfie"]);
    let with_passport = after(a_draft(Level::Full), [details(DocumentType::Passport), address()]);
    assert_eq!(missing(&with_passport), ["front", "selfie"]);
    let basic = after(a_draft(Level::Basic), [details(DocumentType::Passport)]);
    assert_eq!(after(basic, [submit_draft()]).status(), Status::Pending);
}

#[test]
fn a_picture_takes_the_place_of_an_earlier_one_of_its_kind() {
    let kyc = a_complete_draft();
    let Command::AddPicture { case_id, picture: mut newer, most_changes } = picture(PictureKind::Front) else { return };
    newer.digest = crate::examples::index("another");
    let kyc = after(kyc, [Command::AddPicture { case_id, picture: newer.clone(), most_changes }]);
    let pictures = &kyc.draft().expect("there is a draft").pictures;
    assert_eq!(pictures.len(), 3);
    assert!(pictures.contains(&newer));
}

#[test]
fn what_was_put_together_is_handed_in() {
    let kyc = a_pending_case();
    let case = kyc.case().expect("a case was handed in");
    assert_eq!((case.case_id, case.level, case.pictures.len()), (CASE, Level::Full, 3));
    assert_eq!((case.address.clone(), kyc.draft()), (Some(sealed("address")), None));
}

#[test]
fn a_verdict_on_an_earlier_case_finds_no_case() {
    let kyc = after(a_rejected_person(), [submit(OTHER_CASE)]);
    assert_eq!(kyc.decide(verdict(CASE, Verdict::Approved)), Err(Error::NoSuchCase));
}

#[test]
fn an_approval_says_for_what_and_until_when() {
    let kyc = an_approved_person();
    let approval = kyc.approval(november(19)).expect("it is in force");
    assert_eq!((approval.level, approval.valid_until), (Level::Full, Some(november(20))));
    assert_eq!((kyc.approval(november(20)), kyc.status()), (None, Status::Approved));
    assert_eq!((an_expired_person().approval(november(19)), an_expired_person().status()), (None, Status::Expired));
}

#[test]
fn an_approval_outlives_a_later_case_that_is_open_or_that_the_provider_rejects() {
    let basic = after(Kyc::default(), [submit(OTHER_CASE), verdict(OTHER_CASE, Verdict::Approved)]);
    let level = |kyc: &Kyc| kyc.approval(november(3)).map(|approval| approval.level);
    assert_eq!(level(&basic), Some(Level::Basic));
    assert_eq!(basic.decide(submit(CASE)), Err(Error::AlreadyApproved));
    let pictures = PictureKind::ALL.map(picture);
    let draft = [open_draft(CASE, Level::Full), details(DocumentType::NationalId), address()];
    let pending = after(basic, draft.into_iter().chain(pictures).chain([submit_draft()]));
    assert_eq!((level(&pending), pending.status()), (Some(Level::Basic), Status::Pending));
    let rejected = after(pending.clone(), [verdict(CASE, rejection())]);
    assert_eq!((level(&rejected), rejected.status()), (Some(Level::Basic), Status::Rejected));
    let approved = after(pending, [verdict(CASE, Verdict::Approved)]);
    assert_eq!(level(&approved), Some(Level::Full));
}

#[test]
fn an_approval_from_before_there_were_levels_is_basic_and_for_ever() {
    let submitted = r#"{"submitted":{"case_id":"00000000-0000-0000-0000-00000000ca5e","applicant":"x",
        "document_type":"passport","country":"DE","at":"2026-11-01T12:00:00Z"}}"#;
    let approved = r#"{"approved":{"case_id":"00000000-0000-0000-0000-00000000ca5e","provider":"sandbox",
        "provider_reference":"ver_1","at":"2026-11-02T12:00:00Z"}}"#;
    let history = [submitted, approved].map(|json| serde_json::from_str::<Event>(json).expect("it was written once"));
    let kyc = state(&history);
    let approval = kyc.approval(crate::examples::on(2099, 1, 1)).expect("it is in force");
    assert_eq!((approval.level, approval.valid_until), (Level::Basic, None));
}

#[test]
fn an_approval_forgives_what_was_rejected_before() {
    let kyc = after(a_rejected_person(), [submit(OTHER_CASE)]);
    assert_eq!(kyc.rejections(), 1);
    assert_eq!(after(kyc, [verdict(OTHER_CASE, Verdict::Approved)]).rejections(), 0);
}

#[test]
fn a_new_case_starts_without_the_earlier_verdict() {
    let kyc = after(a_rejected_person(), [submit(OTHER_CASE)]);
    let case = kyc.case().expect("a case was submitted");
    assert_eq!((case.case_id, case.decided_at, case.provider.as_deref()), (OTHER_CASE, None, None));
    assert!(case.reasons.is_empty() && case.pictures.is_empty());
}
