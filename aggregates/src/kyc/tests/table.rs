//! Every state against every command: what happens, or the rule that forbids it.

use super::{
    ALICE, ATTEMPTS, CASE, CHANGES, Command, Decision, DocumentType, FourEyes, Kyc, Level, OLGA, OSKAR, OTHER_CASE,
    PictureKind, ReviewStep, Verdict, a_case_in_review, a_complete_draft, a_document, a_draft, a_hit, a_listed_case,
    a_pending_case, a_pending_person_hit, a_person_hit_later, a_person_whose_approval_ends_soon, a_proposed_decision,
    a_rejected_person, a_rejected_person_hit, address, an_approved_person, an_expired_person, an_overdue_case,
    announce_at, by, decide, details, doubts, late_hit, names, november, open_draft, overdue_at, picture, reject,
    rejection, sealed, submit, submit_draft, unusable, verdict,
};

/// A state by its name.
type Column = (&'static str, fn() -> Kyc);

const COLUMNS: [Column; 16] = [
    ("nothing", Kyc::default),
    ("a draft", || a_draft(Level::Full)),
    ("complete", a_complete_draft),
    ("pending", a_pending_case),
    ("in review", a_case_in_review),
    ("listed", a_listed_case),
    ("proposed", a_proposed_decision),
    ("approved", an_approved_person),
    ("rejected", a_rejected_person),
    ("expired", an_expired_person),
    ("redrafted", || super::after(a_rejected_person(), [open_draft(OTHER_CASE, Level::Full)])),
    ("overdue", an_overdue_case),
    ("hit later", a_person_hit_later),
    ("ends soon", a_person_whose_approval_ends_soon),
    ("pending, hit", a_pending_person_hit),
    ("rejected, hit", a_rejected_person_hit),
];

const NONE: &str = "-";

/// What each command brings about in the states above, in their order. `-`: nothing, as a repeat; in capitals: refused.
fn table() -> Vec<(&'static str, Command, [&'static str; 16])> {
    let review = |step| by(OSKAR, step);
    let note = || ReviewStep::Note { text: sealed("note") };
    let view = || ReviewStep::View { document_id: a_document() };
    let elsewhere = Command::GiveAddress {
        case_id: OTHER_CASE,
        address: sealed("address"),
        most_changes: CHANGES,
        now: november(1),
    };
    let (n, o) = ("NoSuchCase", "CaseOpen");
    let (i, d) = ("NotInReview", "DraftOpen");
    let (drafted, started) = ("draft_opened", "review_started");
    let (named, hit) = ("watch_list_named", "watch_list_named review_started");
    #[rustfmt::skip]
    let rows = vec![
        ("open another", open_draft(OTHER_CASE, Level::Full), [drafted, drafted, drafted, o, o, o, o, "AlreadyApproved", drafted, drafted, NONE, o, o, drafted, o, o]),
        ("open the same", open_draft(CASE, Level::Full), [drafted, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE]),
        ("give details", details(DocumentType::Passport), [n, "details_given", "details_given", n, n, n, n, n, n, n, n, n, n, n, n, n]),
        ("give an address", address(), [n, "address_given", "address_given", n, n, n, n, n, n, n, n, n, n, n, n, n]),
        ("give it elsewhere", elsewhere, [n, n, n, n, n, n, n, n, n, n, "address_given", n, n, n, n, n]),
        ("add a picture", picture(PictureKind::Front), [n, "document_added", NONE, n, n, n, n, n, n, n, n, n, n, n, n, n]),
        ("hand the draft in", submit_draft(), [n, "Incomplete", "submitted", NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE]),
        ("submit again", submit(CASE), ["submitted", "submitted", "submitted", NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE]),
        ("submit another", submit(OTHER_CASE), ["submitted", "submitted", "submitted", o, o, o, o, "AlreadyApproved", "submitted", "submitted", "submitted", o, o, "AlreadyApproved", o, o]),
        ("doubts", verdict(CASE, doubts()), [n, n, n, "review_started", NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE]),
        ("a hit", verdict(CASE, a_hit()), [n, n, n, hit, hit, NONE, NONE, NONE, NONE, NONE, NONE, hit, NONE, NONE, NONE, NONE]),
        ("approved there", verdict(CASE, Verdict::Approved), [n, n, n, "approved", "approved", NONE, NONE, NONE, NONE, NONE, NONE, started, NONE, NONE, NONE, NONE]),
        ("rejected there", verdict(CASE, rejection()), [n, n, n, "rejected", "rejected", started, started, NONE, NONE, NONE, NONE, started, NONE, NONE, NONE, NONE]),
        ("of another case", verdict(OTHER_CASE, Verdict::Approved), [n, n, n, n, n, n, n, n, n, n, n, n, n, n, n, n]),
        ("assign", review(ReviewStep::Assign), [n, n, n, i, "assigned", "assigned", "assigned", i, i, i, i, "assigned", "assigned", i, "assigned", "assigned"]),
        ("note", review(note()), [n, n, n, i, "noted", "noted", "noted", i, i, i, i, "noted", "noted", i, "noted", "noted"]),
        ("read", review(ReviewStep::Read), [n, n, n, i, "case_viewed", "case_viewed", "case_viewed", i, i, i, i, "case_viewed", "case_viewed", i, "case_viewed", "case_viewed"]),
        ("read one's own", by(ALICE, ReviewStep::Read), [n, n, n, "OwnCase", "OwnCase", "OwnCase", "OwnCase", "OwnCase", "OwnCase", "OwnCase", "OwnCase", "OwnCase", "OwnCase", "OwnCase", "OwnCase", "OwnCase"]),
        ("view", review(view()), [n, n, n, i, "document_viewed", "document_viewed", "document_viewed", i, i, i, i, "document_viewed", "document_viewed", i, "document_viewed", "document_viewed"]),
        ("approve", review(decide(Decision::Approve, FourEyes::WatchList)), [n, n, n, i, "approved", "decision_proposed", "watch_list_cleared approved", i, i, i, i, "approved", "decision_proposed", i, "decision_proposed", "decision_proposed"]),
        ("reject", review(decide(reject(), FourEyes::WatchList)), [n, n, n, i, "rejected", "decision_proposed", "decision_proposed", i, i, i, i, "rejected", "decision_proposed", i, "decision_proposed", "decision_proposed"]),
        ("approve alone", by(OLGA, decide(Decision::Approve, FourEyes::Always)), [n, n, n, i, "decision_proposed", "decision_proposed", "SecondOperatorNeeded", i, i, i, i, "decision_proposed", "decision_proposed", i, "decision_proposed", "decision_proposed"]),
        ("approve oneself", by(ALICE, decide(Decision::Approve, FourEyes::Never)), [n, n, n, "OwnCase", "OwnCase", "OwnCase", "OwnCase", "OwnCase", "OwnCase", "OwnCase", "OwnCase", "OwnCase", "OwnCase", "OwnCase", "OwnCase", "OwnCase"]),
        ("leave names", Command::LeaveNames { now: november(3) }, [NONE, NONE, d, o, o, o, o, "expired", NONE, NONE, NONE, o, o, "expired", o, o]),
        ("expire in time", Command::Expire { now: november(19) }, [NONE; 16]),
        ("expire", Command::Expire { now: november(20) }, [NONE, NONE, NONE, NONE, NONE, NONE, NONE, "expired", NONE, NONE, NONE, NONE, "expired", "expired", NONE, NONE]),
        ("not overdue yet", overdue_at(7), [n, n, n, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE]),
        ("overdue", overdue_at(8), [n, n, n, started, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE]),
        ("unusable", verdict(CASE, unusable()), [n, n, n, started, started, started, started, NONE, NONE, NONE, NONE, started, NONE, NONE, NONE, NONE]),
        ("a late hit", late_hit(), [NONE, NONE, NONE, named, named, named, named, named, named, named, named, named, NONE, named, NONE, NONE]),
        ("announce too early", announce_at(9), [NONE; 16]),
        ("announce", announce_at(10), [NONE, NONE, NONE, NONE, NONE, NONE, NONE, "expiry_announced", NONE, NONE, NONE, NONE, NONE, NONE, NONE, NONE]),
    ];
    rows
}

fn outcome(kyc: &Kyc, command: Command) -> String {
    match kyc.decide(command) {
        Ok(events) if events.is_empty() => NONE.to_owned(),
        Ok(events) => names(&events).join(" "),
        Err(error) => {
            let said = format!("{error:?}");
            said.split([' ', '{']).next().unwrap_or_default().to_owned()
        }
    }
}

#[test]
fn each_state_allows_what_it_should() {
    for (what, command, outcomes) in table() {
        for ((state, make), expected) in COLUMNS.iter().zip(outcomes) {
            assert_eq!(outcome(&make(), command.clone()), expected, "{what} when {state}");
        }
    }
}

#[test]
fn the_state_survives_its_snapshot() {
    for (state, make) in COLUMNS {
        let kyc = make();
        let snapshot = serde_json::to_string(&kyc).expect("states have string keys");
        assert_eq!(serde_json::from_str::<Kyc>(&snapshot).expect("as it was written"), kyc, "{state}");
    }
}

#[test]
fn attempts_are_bounded() {
    let mut kyc = Kyc::default();
    for attempt in 0..ATTEMPTS {
        let case_id = crate::KycCaseId(uuid::Uuid::from_u128(u128::from(attempt) + 1));
        kyc = super::after(kyc, [submit(case_id), verdict(case_id, rejection())]);
    }
    assert_eq!(outcome(&kyc, submit(CASE)), "TooManyAttempts");
    assert_eq!(outcome(&kyc, open_draft(CASE, Level::Full)), "TooManyAttempts");
}
