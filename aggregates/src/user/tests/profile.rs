use super::*;
use crate::examples::CREDENTIAL;

const OTHER_CHANGE: CredentialId = CredentialId(Uuid::from_u128(0x07e2));

fn verified() -> Event {
    Event::EmailVerified { at: november(1) }
}

fn a_verified_person() -> Vec<Event> {
    vec![registered("alice"), verified()]
}

fn request(change_id: CredentialId, email: &str) -> Command {
    Command::RequestEmailChange { change_id, email: sealed(email), email_index: index(email), now: november(2) }
}

fn requested(change_id: CredentialId, email: &str) -> Event {
    Event::EmailChangeRequested { change_id, email: sealed(email), email_index: index(email), at: november(2) }
}

fn confirm(change_id: CredentialId, by: Mailbox) -> Command {
    Command::ConfirmEmailChange { change_id, by, now: november(3) }
}

fn confirmed(by: Mailbox) -> Event {
    Event::EmailChangeConfirmed { change_id: CREDENTIAL, by, at: november(3) }
}

fn changed() -> Event {
    Event::EmailChanged { change_id: CREDENTIAL, email: sealed("ada"), email_index: index("ada"), at: november(3) }
}

fn a_person_who_changes_address() -> Vec<Event> {
    [a_verified_person(), vec![requested(CREDENTIAL, "ada")]].concat()
}

#[test]
fn an_address_is_verified_once() {
    let verify = || Command::VerifyEmail { now: november(1) };
    given(a_person()).when(verify()).then_expect_events(vec![verified()]);
    given(a_verified_person()).when(verify()).then_expect_events(vec![]);
    assert!(!state(&a_person()).is_email_verified() && state(&a_verified_person()).is_email_verified());
}

#[test]
fn a_name_can_change() {
    let change = Command::ChangeName { first_name: sealed("x"), last_name: sealed("y"), now: november(2) };
    let changed = Event::NameChanged { first_name: sealed("x"), last_name: sealed("y"), at: november(2) };
    given(a_person()).when(change).then_expect_events(vec![changed.clone()]);
    let person = state(&[a_person(), vec![changed]].concat());
    assert_eq!((person.first_name(), person.last_name()), (Some(&sealed("x")), Some(&sealed("y"))));
}

#[test]
fn a_change_of_address_begins_at_a_verified_one_and_goes_elsewhere() {
    given(a_verified_person()).when(request(CREDENTIAL, "ada")).then_expect_events(vec![requested(CREDENTIAL, "ada")]);
    given(a_person()).when(request(CREDENTIAL, "ada")).then_expect_error(Error::EmailNotVerified);
    given(a_verified_person()).when(request(CREDENTIAL, "alice")).then_expect_error(Error::EmailUnchanged);
    given(a_person_who_changes_address()).when(request(CREDENTIAL, "ada")).then_expect_events(vec![]);
}

#[test]
fn an_address_changes_when_both_mailboxes_have_confirmed() {
    for (first, second) in [(Mailbox::Old, Mailbox::New), (Mailbox::New, Mailbox::Old)] {
        given(a_person_who_changes_address())
            .when(confirm(CREDENTIAL, first))
            .then_expect_events(vec![confirmed(first)]);
        given(a_person_who_changes_address())
            .and(vec![confirmed(first)])
            .when(confirm(CREDENTIAL, first))
            .then_expect_events(vec![]);
        given(a_person_who_changes_address())
            .and(vec![confirmed(first)])
            .when(confirm(CREDENTIAL, second))
            .then_expect_events(vec![confirmed(second), changed()]);
    }
    let person = state(&[a_person_who_changes_address(), vec![changed()]].concat());
    assert_eq!(person.email_index(), Some(&index("ada")));
    assert!(person.is_email_verified() && person.email_change().is_none());
}

#[test]
fn a_later_request_takes_the_place_of_an_earlier_one() {
    let history = [a_person_who_changes_address(), vec![confirmed(Mailbox::Old)], vec![requested(OTHER_CHANGE, "eve")]];
    given(history.concat()).when(confirm(CREDENTIAL, Mailbox::New)).then_expect_error(Error::NoSuchEmailChange);
    let change = state(&history.concat()).email_change().cloned().expect("one was requested");
    assert!(!change.confirmed_by_old, "what confirmed the earlier one does not confirm the later");
}

#[test]
fn the_same_preferences_change_nothing() {
    let choose = |preferences| Command::ChoosePreferences { preferences, now: november(2) };
    let german = Preferences { language: "de".into(), ..Preferences::default() };
    let chosen = Event::PreferencesChosen { preferences: german.clone(), at: november(2) };
    given(a_person()).when(choose(Preferences::default())).then_expect_events(vec![]);
    given(a_person()).when(choose(german.clone())).then_expect_events(vec![chosen.clone()]);
    given(a_person()).and(vec![chosen]).when(choose(german)).then_expect_events(vec![]);
}

#[test]
fn whoever_resets_the_password_has_read_the_mail() {
    let reset = || Command::ResetPassword { now: november(2) };
    let done = Event::PasswordReset { at: november(2) };
    given(a_verified_person()).when(reset()).then_expect_events(vec![done.clone()]);
    given(a_person()).when(reset()).then_expect_events(vec![done, Event::EmailVerified { at: november(2) }]);
}

#[test]
fn what_was_told_is_read_up_to_a_position_and_never_unread() {
    let read = |up_to_position| Event::NotificationsRead { up_to_position, at: november(3) };
    let command = |up_to_position| Command::ReadNotifications { up_to_position, now: november(3) };
    given(a_person()).when(command(17)).then_expect_events(vec![read(17)]);
    for earlier in [17, 16] {
        given([a_person(), vec![read(17)]].concat()).when(command(earlier)).then_expect_events(vec![]);
    }
}
