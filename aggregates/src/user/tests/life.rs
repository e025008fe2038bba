use super::{sessions::a_person_with_one_session, *};
use crate::{
    ClientId,
    examples::{CREDENTIAL, SESSION},
};

fn close() -> Command {
    Command::Close { now: november(2) }
}

fn erase() -> Command {
    Command::Erase { now: november(3) }
}

fn closed() -> Event {
    Event::Closed { at: november(2) }
}

fn erased() -> Event {
    Event::Erased { at: november(3) }
}

fn ended(reason: SessionEnd) -> Event {
    Event::SessionClosed { session_id: SESSION, reason, at: november(2) }
}

#[test]
fn closing_ends_every_session() {
    given(a_person_with_one_session())
        .when(close())
        .then_expect_events(vec![ended(SessionEnd::AccountClosed), closed()]);
    given(a_person()).and(vec![closed()]).when(close()).then_expect_events(vec![]);
}

#[test]
fn an_account_is_closed_before_it_is_erased() {
    given(a_person()).when(erase()).then_expect_error(Error::NotClosed);
    given(a_person()).and(vec![closed()]).when(erase()).then_expect_events(vec![erased()]);
    given(a_person()).and(vec![closed(), erased()]).when(erase()).then_expect_events(vec![]);
    given(a_person()).and(vec![closed(), erased()]).when(close()).then_expect_events(vec![]);
}

#[test]
fn all_sessions_but_one_can_end_together() {
    let other = SessionId(Uuid::from_u128(7));
    let opened = Event::SessionOpened { session_id: other, device_id: None, at: november(2), expires_at: november(3) };
    let command = |except| Command::CloseSessions { except, reason: SessionEnd::Revoked, now: november(2) };
    let two = || [a_person_with_one_session(), vec![opened.clone()]].concat();
    given(two()).when(command(Some(other))).then_expect_events(vec![ended(SessionEnd::Revoked)]);
    given(a_person()).when(command(None)).then_expect_events(vec![]);
}

#[test]
fn nothing_happens_to_a_closed_account() {
    let now = november(4);
    let commands = || {
        vec![
            Command::VerifyEmail { now },
            Command::ChangeName { first_name: sealed("x"), last_name: sealed("y"), now },
            Command::RequestEmailChange { change_id: CREDENTIAL, email: sealed("x"), email_index: index("x"), now },
            Command::ConfirmEmailChange { change_id: CREDENTIAL, by: Mailbox::New, now },
            Command::ChoosePreferences { preferences: Preferences::default(), now },
            Command::ChangePassword { now },
            Command::ResetPassword { now },
            Command::EnableTotp { now },
            Command::DisableTotp { now },
            Command::IssueRecoveryCodes { set_id: CREDENTIAL, count: 10, now },
            Command::UseRecoveryCode { now },
            Command::AddPasskey { passkey_id: CREDENTIAL, now },
            Command::RemovePasskey { passkey_id: CREDENTIAL, now },
            Command::GrantRole { role: Role::Admin, now },
            Command::RevokeRole { role: Role::Customer, now },
            Command::IssueApiKey { key_id: CREDENTIAL, scopes: vec![], expires_at: now, now },
            Command::RevokeApiKey { key_id: CREDENTIAL, now },
            Command::LinkIdentity { identity_id: CREDENTIAL, provider: "google".into(), now },
            Command::UnlinkIdentity { identity_id: CREDENTIAL, now },
            Command::GrantConsent { client_id: ClientId(Uuid::nil()), scopes: vec![], now },
            Command::WithdrawConsent { client_id: ClientId(Uuid::nil()), now },
            Command::OpenSession { session_id: SESSION, device_id: None, now, expires_at: november(5) },
        ]
    };
    for command in commands() {
        given(a_person()).and(vec![closed()]).when(command.clone()).then_expect_error(Error::Closed);
        given(vec![]).when(command).then_expect_error(Error::NotRegistered);
    }
}

#[test]
fn a_password_that_was_replaced_is_told_once() {
    let change = |day| Command::ChangePassword { now: november(day) };
    let reset = |day| Command::ResetPassword { now: november(day) };
    let changed = Event::PasswordChanged { at: november(3) };
    given(a_person()).when(change(3)).then_expect_events(vec![changed.clone()]);
    given(a_person()).and(vec![changed.clone()]).when(change(3)).then_expect_events(vec![]);
    given(a_person()).and(vec![changed.clone()]).when(reset(3)).then_expect_events(vec![]);
    let again = Event::PasswordChanged { at: november(4) };
    given(a_person()).and(vec![changed]).when(change(4)).then_expect_events(vec![again]);
}
