use super::*;
use crate::examples::{MALLORY, SESSION};

fn request() -> Command {
    Command::Request { user_id: ALICE, card_type: CardType::VirtualVisa, monthly_limit: LIMIT, now: november(1) }
}

fn record_issued(last_four: &str) -> Command {
    Command::RecordIssued {
        issuer: "sandbox".into(),
        issuer_reference: "iss_1".into(),
        last_four: last_four.into(),
        expiry: expiry(),
        now: november(1),
    }
}

fn record_issue_failed() -> Command {
    Command::RecordIssueFailed { issuer: "sandbox".into(), reason: "programme_closed".into(), now: november(1) }
}

fn reveal() -> Command {
    Command::Reveal { user_id: ALICE, session_id: SESSION, now: november(4) }
}

type Outcome = Result<Vec<Event>, Error>;

/// Every state against every command. Each card but the first has 1.00 USD held, so that there is something to release.
#[test]
fn each_state_allows_what_it_should() {
    let commands = || {
        [
            request(),
            record_issued("4242"),
            record_issue_failed(),
            hold(usd(100), november(3)),
            release(usd(100), november(3), november(4)),
            Command::Freeze { now: november(5) },
            Command::Unfreeze { now: november(6) },
            Command::Terminate { now: november(7) },
            reveal(),
        ]
    };
    let none = || Outcome::Ok(vec![]);
    let one = |event: Event| Outcome::Ok(vec![event]);
    let no = |error: Error| Outcome::Err(error);
    let decided = || no(Error::IssueDecided);
    let missing = || no(Error::NotFound);
    let not_issued = || no(Error::NotIssued);
    let over = || no(Error::Terminated);
    let take = || one(held(100, november(3)));
    let give = || one(released(100, november(3), november(4)));
    let freeze = || one(Event::Frozen { at: november(5) });
    let unfreeze = || one(Event::Unfrozen { at: november(6) });
    let end = || one(Event::Terminated { at: november(7) });
    let show = || one(Event::Revealed { session_id: SESSION, at: november(4) });
    let asked = [
        none(),
        one(issued()),
        one(issue_failed()),
        not_issued(),
        give(),
        not_issued(),
        not_issued(),
        not_issued(),
        not_issued(),
    ];
    let failed =
        [none(), decided(), none(), not_issued(), give(), not_issued(), not_issued(), not_issued(), not_issued()];
    let fresh =
        [one(requested()), missing(), missing(), missing(), missing(), missing(), missing(), missing(), missing()];
    let table: [(Vec<Event>, [Outcome; 9]); 6] = [
        (vec![], fresh),
        (a_requested_card(), asked),
        (a_card_that_was_not_issued(), failed),
        (an_active_card(), [none(), none(), decided(), take(), give(), freeze(), none(), end(), show()]),
        (
            a_frozen_card(),
            [none(), none(), decided(), no(Error::Frozen), give(), none(), unfreeze(), end(), no(Error::Frozen)],
        ),
        (a_terminated_card(), [none(), none(), decided(), over(), give(), over(), over(), none(), over()]),
    ];
    for (mut history, outcomes) in table {
        let status = state(&history).status();
        history.extend(status.map(|_| held(100, november(3))));
        for (command, outcome) in commands().into_iter().zip(outcomes) {
            let what = format!("{command:?} when {status:?}");
            assert_eq!(given(history.clone()).when(command).inspect_result(), outcome, "{what}");
        }
    }
}

#[test]
fn a_limit_is_positive() {
    for cents in [0, -1] {
        let command = Command::Request {
            user_id: ALICE,
            card_type: CardType::VirtualVisa,
            monthly_limit: usd(cents),
            now: november(1),
        };
        given(vec![]).when(command).then_expect_error(Error::LimitNotPositive { limit: usd(cents) });
    }
}

#[test]
fn a_card_is_requested_once() {
    let already = Error::AlreadyRequested { card_type: CardType::VirtualVisa, monthly_limit: LIMIT };
    for (card_type, monthly_limit) in [(CardType::VirtualMastercard, LIMIT), (CardType::VirtualVisa, usd(1))] {
        let command = Command::Request { user_id: ALICE, card_type, monthly_limit, now: november(2) };
        given(a_requested_card()).when(command).then_expect_error(already.clone());
    }
}

#[test]
fn a_request_on_somebody_elses_card_learns_nothing_of_it() {
    let command =
        Command::Request { user_id: MALLORY, card_type: CardType::VirtualVisa, monthly_limit: LIMIT, now: november(2) };
    given(a_requested_card()).when(command).then_expect_error(Error::NotOwner);
}

#[test]
fn an_issuer_that_contradicts_itself_is_refused() {
    given(an_active_card()).when(record_issued("0000")).then_expect_error(Error::IssueDecided);
}

#[test]
fn an_issued_card_shows_its_last_four_and_expiry() {
    let card = state(&an_active_card());
    assert_eq!((card.last_four(), card.expiry()), (Some("4242"), Some(expiry())));
    assert_eq!((card.owner(), card.card_type()), (Some(ALICE), Some(CardType::VirtualVisa)));
    assert_eq!((card.monthly_limit(), card.requested_at()), (Some(LIMIT), Some(november(1))));
    assert_eq!(state(&a_requested_card()).last_four(), None);
    assert_eq!(state(&a_card_that_was_not_issued()).expiry(), None);
}

#[test]
fn the_status_follows_the_events() {
    for (events, status, name) in [
        (a_requested_card(), Status::Requested, "requested"),
        (a_card_that_was_not_issued(), Status::IssueFailed, "issue_failed"),
        (an_active_card(), Status::Active, "active"),
        (a_frozen_card(), Status::Frozen, "frozen"),
        ([a_frozen_card(), vec![Event::Unfrozen { at: november(3) }]].concat(), Status::Active, "active"),
        (a_terminated_card(), Status::Terminated, "terminated"),
    ] {
        assert_eq!(state(&events).status(), Some(status));
        assert_eq!(status.as_str(), name);
        assert_eq!(serde_json::to_value(status).ok(), Some(name.into()));
    }
    assert_eq!(Card::default().status(), None);
}

#[test]
fn an_expiry_is_two_digits_of_month_and_year() {
    for (text, expected) in [("10/29", Expiry::new(10, 2029)), ("01/00", Expiry::new(1, 2000))] {
        assert_eq!(text.parse::<Expiry>().ok(), expected);
        assert_eq!(expected.map(|expiry| expiry.to_string()).as_deref(), Some(text));
    }
    for text in ["", "10", "1/29", "13/29", "00/29", "+1/29", "10/2029", "10/65535", "1é/9", "10-29"] {
        assert!(text.parse::<Expiry>().is_err(), "{text}");
    }
}
