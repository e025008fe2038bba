use chrono::Duration;
use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use uuid::Uuid;

mod access;
mod factors;
mod life;
mod profile;
mod sessions;

use super::*;
use crate::examples::{index, november, sealed};
use sessions::a_person_with_all_sessions_open;

fn given(history: Vec<Event>) -> AggregateTestExecutor<User> {
    TestFramework::with(()).given(history)
}

fn registered(email: &str) -> Event {
    Event::Registered {
        email: sealed("email"),
        email_index: index(email),
        first_name: sealed("first"),
        last_name: sealed("last"),
        at: november(1),
    }
}

fn register(email: &str) -> Command {
    Command::Register {
        email: sealed("email"),
        email_index: index(email),
        first_name: sealed("first"),
        last_name: sealed("last"),
        now: november(1),
    }
}

fn a_person() -> Vec<Event> {
    vec![registered("alice")]
}

fn state(events: &[Event]) -> User {
    let mut user = User::default();
    events.iter().for_each(|event| user.apply(event));
    user
}

#[test]
fn a_new_person_can_register() {
    given(vec![]).when(register("alice")).then_expect_events(vec![registered("alice")]);
}

#[test]
fn registering_again_with_the_same_email_changes_nothing() {
    given(a_person()).when(register("alice")).then_expect_events(vec![]);
}

#[test]
fn an_account_keeps_its_email() {
    given(a_person()).when(register("eve")).then_expect_error(Error::AlreadyRegistered);
}

#[test]
fn a_registered_person_is_found_by_their_email() {
    let user = state(&a_person());
    assert!(user.is_registered());
    assert_eq!(user.email_index(), Some(&index("alice")));
    assert_eq!((user.first_name(), user.last_name()), (Some(&sealed("first")), Some(&sealed("last"))));
    assert_eq!(user.email(), Some(&sealed("email")));
    assert!(!User::default().is_registered());
}

#[test]
fn the_state_survives_its_snapshot() {
    for events in [vec![], a_person(), a_person_with_all_sessions_open()] {
        let user = state(&events);
        let snapshot = serde_json::to_string(&user).expect("states have string keys");
        assert_eq!(serde_json::from_str::<User>(&snapshot).expect("what was written"), user);
    }
}
