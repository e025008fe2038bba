mod cases;
mod late;
mod review;
mod table;
mod watch;

use chrono::TimeDelta;
use uuid::Uuid;

use super::{Command, Details, DocumentType, Event, FourEyes, Kyc, Level, Picture, PictureKind, ReviewStep, Verdict};
use super::{Decision, WATCH_LIST};
use crate::{
    CredentialId, Fact, KycCaseId, UserId,
    examples::{ALICE, CASE, CREDENTIAL, index, november, sealed},
};

const OTHER_CASE: KycCaseId = KycCaseId(Uuid::from_u128(0x07e2));
const OLGA: UserId = UserId(Uuid::from_u128(0x01da));
const OSKAR: UserId = UserId(Uuid::from_u128(0x05ca2));
const ATTEMPTS: u32 = 3;
/// One more than a complete case takes, and another picture.
const CHANGES: u32 = 8;

fn state(events: &[Event]) -> Kyc {
    let mut kyc = Kyc::default();
    events.iter().for_each(|event| kyc.apply(event));
    kyc
}

/// Carries commands out, one after another.
fn after(mut kyc: Kyc, commands: impl IntoIterator<Item = Command>) -> Kyc {
    for command in commands {
        let said = format!("{command:?}");
        let events = kyc.decide(command).unwrap_or_else(|error| panic!("{said}: {error}"));
        events.iter().for_each(|event| kyc.apply(event));
    }
    kyc
}

fn names(events: &[Event]) -> Vec<&'static str> {
    events.iter().map(Event::name).collect()
}

fn open_draft(case_id: KycCaseId, level: Level) -> Command {
    Command::OpenDraft { case_id, level, attempts: ATTEMPTS, most_changes: CHANGES, now: november(1) }
}

fn details(document_type: DocumentType) -> Command {
    let details = Details { applicant: sealed("applicant"), document_type, country: "DE".into() };
    Command::GiveDetails { case_id: CASE, details, most_changes: CHANGES, now: november(1) }
}

fn address() -> Command {
    Command::GiveAddress { case_id: CASE, address: sealed("address"), most_changes: CHANGES, now: november(1) }
}

fn picture(kind: PictureKind) -> Command {
    let digest = index(kind.as_str());
    let picture = Picture { document_id: CREDENTIAL, kind, digest, bytes: 1_000, at: november(1) };
    Command::AddPicture { case_id: CASE, picture, most_changes: CHANGES }
}

fn submit_draft() -> Command {
    Command::SubmitDraft { case_id: CASE, now: november(1) }
}

fn submit(case_id: KycCaseId) -> Command {
    Command::Submit {
        case_id,
        applicant: sealed("applicant"),
        document_type: DocumentType::Passport,
        country: "DE".into(),
        attempts: ATTEMPTS,
        now: november(1),
    }
}

fn verdict(case_id: KycCaseId, verdict: Verdict) -> Command {
    verdict_under(FourEyes::WatchList, case_id, verdict)
}

fn verdict_under(four_eyes: FourEyes, case_id: KycCaseId, verdict: Verdict) -> Command {
    let (provider, provider_reference) = ("sandbox".into(), "ver_1".into());
    let valid_until = Some(november(20));
    Command::RecordVerdict { case_id, provider, provider_reference, verdict, four_eyes, valid_until, now: november(2) }
}

fn rejection() -> Verdict {
    Verdict::Rejected { reasons: vec!["document_unreadable".into()] }
}

fn doubts() -> Verdict {
    Verdict::Review { reasons: vec![] }
}

fn a_hit() -> Verdict {
    Verdict::Review { reasons: vec![WATCH_LIST.into()] }
}

fn unusable() -> Verdict {
    Verdict::Unusable { reason: "result_of_other_case".into() }
}

/// A week after it was handed in.
fn overdue_at(day: u32) -> Command {
    let (provider, provider_reference) = ("sandbox".into(), "ver_1".into());
    Command::Overdue { case_id: CASE, provider, provider_reference, patience: TimeDelta::days(7), now: november(day) }
}

fn late_hit() -> Command {
    hits(&["match_1"])
}

fn hits(references: &[&str]) -> Command {
    let provider_references = references.iter().map(|&reference| reference.to_owned()).collect();
    Command::RecordHit { provider: "sandbox".into(), provider_references, now: november(3) }
}

fn announce_at(day: u32) -> Command {
    Command::AnnounceExpiry { notice: TimeDelta::days(10), now: november(day) }
}

fn by(operator: UserId, step: ReviewStep) -> Command {
    review_of(CASE, operator, step)
}

fn review_of(case_id: KycCaseId, operator: UserId, step: ReviewStep) -> Command {
    Command::Review { case_id, person: ALICE, operator, step, now: november(3) }
}

fn decide(decision: Decision, four_eyes: FourEyes) -> ReviewStep {
    ReviewStep::Decide { decision, four_eyes, valid_until: None }
}

fn reject() -> Decision {
    Decision::Reject { reasons: vec!["forged".into()] }
}

fn a_draft(level: Level) -> Kyc {
    after(Kyc::default(), [open_draft(CASE, level)])
}

fn a_complete_draft() -> Kyc {
    let pictures = PictureKind::ALL.map(picture);
    after(a_draft(Level::Full), [details(DocumentType::NationalId), address()].into_iter().chain(pictures))
}

fn a_pending_case() -> Kyc {
    after(a_complete_draft(), [submit_draft()])
}

fn a_case_in_review() -> Kyc {
    after(a_pending_case(), [verdict(CASE, doubts())])
}

fn a_listed_case() -> Kyc {
    after(a_pending_case(), [verdict(CASE, a_hit())])
}

fn a_proposed_decision() -> Kyc {
    after(a_listed_case(), [by(OLGA, decide(Decision::Approve, FourEyes::WatchList))])
}

/// For good until the 20th of November.
fn an_approved_person() -> Kyc {
    after(a_pending_case(), [verdict(CASE, Verdict::Approved)])
}

fn a_person_whose_approval_ends_soon() -> Kyc {
    after(an_approved_person(), [announce_at(10)])
}

fn an_overdue_case() -> Kyc {
    after(a_pending_case(), [overdue_at(8)])
}

/// Approved, and then named by a watch list.
fn a_person_hit_later() -> Kyc {
    after(an_approved_person(), [late_hit()])
}

/// Named by a watch list before the provider has decided.
fn a_pending_person_hit() -> Kyc {
    after(a_pending_case(), [late_hit()])
}

/// Rejected by the provider, and then named by a watch list.
fn a_rejected_person_hit() -> Kyc {
    after(a_rejected_person(), [late_hit()])
}

fn a_rejected_person() -> Kyc {
    after(a_pending_case(), [verdict(CASE, rejection())])
}

fn an_expired_person() -> Kyc {
    after(an_approved_person(), [Command::Expire { now: november(21) }])
}

fn a_document() -> CredentialId {
    CREDENTIAL
}
