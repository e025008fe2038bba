use super::*;
use crate::examples::SESSION;

fn session(number: usize) -> SessionId {
    SessionId(Uuid::from_u128(number as u128))
}

fn opened(session_id: SessionId, at: DateTime<Utc>) -> Event {
    Event::SessionOpened { session_id, device_id: None, at, expires_at: at + Duration::days(1) }
}

fn open(session_id: SessionId, now: DateTime<Utc>) -> Command {
    Command::OpenSession { session_id, device_id: None, now, expires_at: now + Duration::days(1) }
}

fn closed(session_id: SessionId, reason: SessionEnd, at: DateTime<Utc>) -> Event {
    Event::SessionClosed { session_id, reason, at }
}

fn close(session_id: SessionId) -> Command {
    Command::CloseSession { session_id, reason: SessionEnd::LoggedOut, now: november(2) }
}

pub(super) fn a_person_with_one_session() -> Vec<Event> {
    vec![registered("alice"), opened(SESSION, november(2))]
}

pub(super) fn a_person_with_all_sessions_open() -> Vec<Event> {
    let sessions = (1..=MAX_SESSIONS).map(|number| opened(session(number), november(2)));
    std::iter::once(registered("alice")).chain(sessions).collect()
}

#[test]
fn a_registered_person_can_open_a_session() {
    given(a_person()).when(open(SESSION, november(2))).then_expect_events(vec![opened(SESSION, november(2))]);
}

#[test]
fn a_stranger_has_no_sessions() {
    given(vec![]).when(open(SESSION, november(2))).then_expect_error(Error::NotRegistered);
    given(vec![]).when(close(SESSION)).then_expect_error(Error::NotRegistered);
}

#[test]
fn opening_the_same_session_again_changes_nothing() {
    given(a_person_with_one_session()).when(open(SESSION, november(2))).then_expect_events(vec![]);
}

#[test]
fn one_session_too_many_closes_the_oldest() {
    given(a_person_with_all_sessions_open()).when(open(SESSION, november(2))).then_expect_events(vec![
        closed(session(1), SessionEnd::Superseded, november(2)),
        opened(SESSION, november(2)),
    ]);
}

#[test]
fn expired_sessions_take_no_room() {
    given(a_person_with_all_sessions_open())
        .when(open(SESSION, november(4)))
        .then_expect_events(vec![opened(SESSION, november(4))]);
}

#[test]
fn a_session_can_be_closed() {
    given(a_person_with_one_session()).when(close(SESSION)).then_expect_events(vec![closed(
        SESSION,
        SessionEnd::LoggedOut,
        november(2),
    )]);
}

#[test]
fn only_an_open_session_can_be_closed() {
    given(a_person()).when(close(SESSION)).then_expect_error(Error::NoSuchSession);
    given(a_person_with_one_session())
        .and(vec![closed(SESSION, SessionEnd::LoggedOut, november(2))])
        .when(close(SESSION))
        .then_expect_error(Error::NoSuchSession);
}

#[test]
fn a_session_is_known_until_it_is_closed() {
    let mut user = state(&a_person_with_one_session());
    assert_eq!(user.session(SESSION), Some(november(3)));
    user.apply(&closed(SESSION, SessionEnd::LoggedOut, november(2)));
    assert_eq!(user.session(SESSION), None);
}

#[test]
fn expired_sessions_are_forgotten_when_another_opens() {
    let mut user = state(&a_person_with_all_sessions_open());
    user.apply(&opened(SESSION, november(3)));
    assert_eq!(user.session(session(1)), None);
    assert_eq!(user, state(&[registered("alice"), opened(SESSION, november(3))]));
}

#[test]
fn sessions_stay_bounded_however_often_a_person_logs_in() {
    let mut user = state(&a_person());
    for number in 0..10 * MAX_SESSIONS {
        let now = november(2) + Duration::seconds(number as i64);
        let events = user.decide(open(session(number), now)).expect("a registered person may log in");
        events.iter().for_each(|event| user.apply(event));
        assert!(user.sessions.len() <= MAX_SESSIONS);
    }
}
