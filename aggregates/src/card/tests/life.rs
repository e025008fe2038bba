use super::*;
use crate::examples::{MALLORY, SESSION};

fn request() -> Command {
    Command::Request {
        user_id: ALICE,
        card_type: CardType::VirtualVisa,
        monthly_limit: LIMIT,
        terms: Terms::default(),
        now: november(1),
    }
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

/// One of each command, told apart by who gives it where that matters.
fn commands() -> Vec<Command> {
    use Authority::{Issuer, Operator, Person};
    let (now, reason) = (november(5), Reason::Requested);
    let notice = chrono::TimeDelta::days(30);
    let tighter = Controls { online_only: true, ..Controls::default() };
    vec![
        request(),
        record_issued("4242"),
        record_issue_failed(),
        hold(usd(100), november(3)),
        release(usd(100), november(3), november(4)),
        Command::Activate { by: Person, now },
        Command::Freeze { by: Person, reason, now },
        Command::Freeze { by: Issuer, reason, now },
        Command::Unfreeze { by: Person, whose: Person, reason, now },
        Command::Unfreeze { by: Person, whose: Issuer, reason, now },
        Command::Unfreeze { by: Operator, whose: Person, reason, now },
        Command::Terminate { by: Person, reason, now },
        Command::Expire { now },
        Command::Expire { now: on(2029, 11, 1) },
        Command::AnnounceExpiry { notice, now },
        Command::AnnounceExpiry { notice, now: on(2029, 10, 9) },
        Command::Replace { successor: CARD, by: Person, reason: Reason::Lost, now },
        Command::SetControls { controls: tighter, monthly_limit: LIMIT, may_loosen: false, now },
        Command::SetControls { controls: Controls::default(), monthly_limit: usd(500_001), may_loosen: false, now },
        Command::RecordIssuerTold { status: IssuerStatus::Active, now },
        Command::RecordIssuerStatus { status: IssuerStatus::Active, now },
        Command::RecordIssuerStatus { status: IssuerStatus::Inactive, now },
        Command::RecordIssuerStatus { status: IssuerStatus::Canceled, now },
        Command::Reveal { user_id: ALICE, session_id: SESSION, now },
    ]
}

/// The names of the events, or that of the error; `-` for nothing.
fn in_short(outcome: Result<Vec<Event>, Error>) -> String {
    match outcome {
        Ok(events) if events.is_empty() => "-".into(),
        Ok(events) => events.iter().map(crate::Fact::name).collect::<Vec<_>>().join("+"),
        Err(error) => format!("{error:?}").split([' ', '{']).next().unwrap_or_default().into(),
    }
}

/// Every state against every command. Each card but the first has 1.00 USD held, so that there is something to release.
#[test]
fn each_state_allows_what_it_should() {
    let table: [(Vec<Event>, &str); 9] = [
        (
            vec![],
            "requested NotFound NotFound NotFound NotFound NotFound NotFound NotFound NotFound NotFound NotFound \
             NotFound NotFound NotFound NotFound NotFound NotFound NotFound NotFound NotFound NotFound NotFound \
             NotFound NotFound",
        ),
        (
            a_requested_card(),
            "- issued issue_failed NotIssued hold_released NotIssued NotIssued NotIssued NotIssued NotIssued \
             NotIssued NotIssued NotIssued NotIssued NotIssued NotIssued NotIssued controls_set Loosened \
             NotIssued NotIssued NotIssued NotIssued NotIssued",
        ),
        (
            a_card_that_was_not_issued(),
            "- IssueDecided - NotIssued hold_released NotIssued NotIssued NotIssued NotIssued NotIssued NotIssued \
             NotIssued NotIssued NotIssued NotIssued NotIssued replaced NotIssued NotIssued NotIssued NotIssued \
             NotIssued NotIssued NotIssued",
        ),
        (
            an_inactive_card(),
            "- - IssueDecided NotActivated hold_released activated frozen frozen - - - terminated NotExpired \
             expired NotExpired expiry_announced terminated+replaced controls_set Loosened - - \
             issuer_status_recorded terminated+issuer_status_recorded NotActivated",
        ),
        (
            an_active_card(),
            "- - IssueDecided held hold_released - frozen frozen - - - terminated NotExpired expired NotExpired \
             expiry_announced terminated+replaced controls_set Loosened - - frozen+issuer_status_recorded \
             terminated+issuer_status_recorded revealed",
        ),
        (
            a_frozen_card(),
            "- - IssueDecided Frozen hold_released - - frozen unfrozen FrozenByOthers unfrozen terminated \
             NotExpired expired NotExpired expiry_announced terminated+replaced controls_set Loosened - - \
             issuer_status_recorded terminated+issuer_status_recorded Frozen",
        ),
        (
            [an_active_card(), vec![frozen(Authority::Issuer)]].concat(),
            "- - IssueDecided Frozen hold_released - frozen - FrozenByOthers FrozenByOthers FrozenByOthers \
             terminated NotExpired expired NotExpired expiry_announced terminated+replaced controls_set Loosened \
             - unfrozen issuer_status_recorded terminated+issuer_status_recorded Frozen",
        ),
        (
            an_expired_card(),
            "- - IssueDecided Expired hold_released Expired Expired Expired Expired Expired Expired Expired - - \
             Expired Expired replaced Expired Expired - - issuer_status_recorded issuer_status_recorded Expired",
        ),
        (
            a_terminated_card(),
            "- - IssueDecided Terminated hold_released Terminated Terminated Terminated Terminated Terminated \
             Terminated - Terminated Terminated Terminated Terminated replaced Terminated Terminated - - \
             issuer_status_recorded issuer_status_recorded Terminated",
        ),
    ];
    for (mut history, outcomes) in table {
        let status = state(&history).status();
        history.extend(status.map(|_| held(100, november(3))));
        let outcomes: Vec<_> = outcomes.split_whitespace().collect();
        assert_eq!(commands().len(), outcomes.len());
        for (command, outcome) in commands().into_iter().zip(outcomes) {
            let what = format!("{command:?} when {status:?}");
            assert_eq!(in_short(state(&history).decide(command)), outcome, "{what}");
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
            terms: Terms::default(),
            now: november(1),
        };
        given(vec![]).when(command).then_expect_error(Error::LimitNotPositive { limit: usd(cents) });
    }
}

#[test]
fn a_card_is_requested_once() {
    let already = Error::AlreadyRequested { card_type: CardType::VirtualVisa, monthly_limit: LIMIT };
    for (card_type, monthly_limit) in [(CardType::VirtualMastercard, LIMIT), (CardType::VirtualVisa, usd(1))] {
        let command =
            Command::Request { user_id: ALICE, card_type, monthly_limit, terms: Terms::default(), now: november(2) };
        given(a_requested_card()).when(command).then_expect_error(already.clone());
    }
}

#[test]
fn a_request_on_somebody_elses_card_learns_nothing_of_it() {
    let (user_id, terms) = (MALLORY, Terms::default());
    let command =
        Command::Request { user_id, card_type: CardType::VirtualVisa, monthly_limit: LIMIT, terms, now: november(2) };
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
        ([a_frozen_card(), vec![unfrozen(Authority::Person, Status::Active)]].concat(), Status::Active, "active"),
        (an_inactive_card(), Status::Inactive, "inactive"),
        ([an_inactive_card(), vec![frozen(Authority::Issuer)]].concat(), Status::Frozen, "frozen"),
        (an_expired_card(), Status::Expired, "expired"),
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

fn unfrozen(whose: Authority, status: Status) -> Event {
    Event::Unfrozen { by: whose, whose, reason: Some(Reason::Requested), status, at: november(5) }
}

fn unfreeze(by: Authority, whose: Authority) -> Command {
    Command::Unfreeze { by, whose, reason: Reason::Requested, now: november(5) }
}

#[test]
fn a_card_is_frozen_while_any_freeze_stands() {
    let both = [a_frozen_card(), vec![frozen(Authority::Operator)]].concat();
    let (person, operator) = (Authority::Person, Authority::Operator);
    given(both.clone()).when(unfreeze(person, person)).then_expect_events(vec![unfrozen(person, Status::Frozen)]);
    let after = [both, vec![unfrozen(person, Status::Frozen)]].concat();
    assert_eq!(state(&after).freezes(), [operator]);
    given(after.clone()).when(hold(usd(1), november(6))).then_expect_error(Error::Frozen);
    given(after).when(unfreeze(operator, operator)).then_expect_events(vec![unfrozen(operator, Status::Active)]);
}

#[test]
fn who_froze_decides_who_may_unfreeze() {
    for (whose, by, allowed) in [
        (Authority::Person, Authority::Person, true),
        (Authority::Operator, Authority::Person, false),
        (Authority::Fraud, Authority::Person, false),
        (Authority::Issuer, Authority::Person, false),
        (Authority::Person, Authority::Operator, true),
        (Authority::Operator, Authority::Operator, true),
        (Authority::Fraud, Authority::Operator, true),
        (Authority::Issuer, Authority::Operator, false),
        (Authority::Issuer, Authority::Issuer, true),
        (Authority::Operator, Authority::Issuer, false),
    ] {
        let history = [an_active_card(), vec![frozen(whose)]].concat();
        let outcome = state(&history).decide(unfreeze(by, whose));
        assert_eq!(outcome.is_ok_and(|events| events.len() == 1), allowed, "{by} lifts {whose}");
    }
}

#[test]
fn a_card_is_replaced_once_and_a_used_one_never() {
    let replace =
        |successor| Command::Replace { successor, by: Authority::Person, reason: Reason::Lost, now: november(5) };
    let other = crate::CardId(uuid::Uuid::from_u128(0x07e2));
    let mut card = state(&an_active_card());
    for event in card.decide(replace(CARD)).expect("an active card can be replaced") {
        card.apply(&event);
    }
    assert_eq!((card.status(), card.successor()), (Some(Status::Terminated), Some(CARD)));
    assert_eq!(card.ended_for(), Some(Reason::Lost));
    assert_eq!((card.decide(replace(CARD)), card.decide(replace(other))), (Ok(vec![]), Err(Error::Replaced)));
    let used = [an_active_card(), vec![terminated(Reason::Used)]].concat();
    given(used).when(replace(CARD)).then_expect_error(Error::UsedUp);
}

#[test]
fn replacing_a_card_does_not_fill_its_limits_up_again() {
    let old = state(&a_card_with(400_000, november(3)));
    let replaces = Replaces { card_id: CARD, why: Replacement::Reissue, used: old.usage().clone() };
    let terms = Terms { replaces: Some(replaces), ..Terms::default() };
    let new = vec![requested_with(terms), issued()];
    assert_eq!(state(&new).used(Window::of(november(3))), Some(usd(400_000)));
    assert_eq!(state(&new).predecessor(), Some(CARD));
    assert!(state(&new).decide(hold(usd(100_001), november(4))).is_err());
}

#[test]
fn the_issuer_is_told_what_it_does_not_know() {
    let mut card = state(&an_active_card());
    assert_eq!(card.to_tell_issuer(), None, "issuers are asked for active cards");
    let told = |status| Event::IssuerStatusRecorded { status, at: november(3) };
    card.apply(&frozen(Authority::Person));
    assert_eq!(card.to_tell_issuer(), Some(IssuerStatus::Inactive));
    card.apply(&told(IssuerStatus::Inactive));
    card.apply(&terminated(Reason::Stolen));
    assert_eq!(card.to_tell_issuer(), Some(IssuerStatus::Canceled));
    assert_eq!(state(&a_requested_card()).to_tell_issuer(), None);
}
