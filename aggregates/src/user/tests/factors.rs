use super::*;
use crate::examples::CREDENTIAL;

fn passkey(number: usize) -> CredentialId {
    CredentialId(Uuid::from_u128(number as u128))
}

fn added(passkey_id: CredentialId) -> Event {
    Event::PasskeyAdded { passkey_id, at: november(2) }
}

fn add(passkey_id: CredentialId) -> Command {
    Command::AddPasskey { passkey_id, now: november(2) }
}

fn totp() -> Event {
    Event::TotpEnabled { at: november(2) }
}

fn codes(count: u32) -> Event {
    Event::RecoveryCodesIssued { count, set_id: Some(CREDENTIAL), at: november(2) }
}

fn a_person_with_totp() -> Vec<Event> {
    vec![registered("alice"), totp()]
}

#[test]
fn an_authenticator_is_enabled_and_disabled_once() {
    let (enable, disable) = (|| Command::EnableTotp { now: november(2) }, || Command::DisableTotp { now: november(3) });
    given(a_person()).when(enable()).then_expect_events(vec![totp()]);
    given(a_person_with_totp()).when(enable()).then_expect_events(vec![]);
    given(a_person_with_totp()).when(disable()).then_expect_events(vec![Event::TotpDisabled { at: november(3) }]);
    given(a_person()).when(disable()).then_expect_events(vec![]);
}

#[test]
fn a_passkey_alone_is_a_second_factor() {
    assert!(!state(&a_person()).has_second_factor());
    assert!(state(&a_person_with_totp()).has_second_factor());
    assert!(state(&[a_person(), vec![added(CREDENTIAL)]].concat()).has_second_factor());
}

#[test]
fn passkeys_are_bounded_and_named_once() {
    given(a_person()).when(add(CREDENTIAL)).then_expect_events(vec![added(CREDENTIAL)]);
    given(a_person()).and(vec![added(CREDENTIAL)]).when(add(CREDENTIAL)).then_expect_events(vec![]);
    let full: Vec<_> = (0..MAX_PASSKEYS).map(|number| added(passkey(number))).collect();
    given(a_person()).and(full).when(add(CREDENTIAL)).then_expect_error(Error::TooManyPasskeys { limit: MAX_PASSKEYS });
}

#[test]
fn only_a_passkey_of_the_person_can_be_removed() {
    let remove = || Command::RemovePasskey { passkey_id: CREDENTIAL, now: november(3) };
    let removed = Event::PasskeyRemoved { passkey_id: CREDENTIAL, at: november(3) };
    given(a_person()).and(vec![added(CREDENTIAL)]).when(remove()).then_expect_events(vec![removed]);
    given(a_person()).when(remove()).then_expect_error(Error::NoSuchPasskey);
}

#[test]
fn recovery_codes_go_with_a_factor_and_run_out() {
    let issue = || Command::IssueRecoveryCodes { set_id: CREDENTIAL, count: 10, now: november(2) };
    let spend = || Command::UseRecoveryCode { now: november(3) };
    let used = |remaining| Event::RecoveryCodeUsed { remaining, at: november(3) };
    given(a_person()).when(issue()).then_expect_error(Error::NoFactorToRecover);
    given(a_person_with_totp()).when(issue()).then_expect_events(vec![codes(10)]);
    given(a_person_with_totp()).and(vec![codes(2)]).when(spend()).then_expect_events(vec![used(1)]);
    given(a_person_with_totp())
        .and(vec![codes(2), used(1), used(0)])
        .when(spend())
        .then_expect_error(Error::NoSuchFactor);
}

#[test]
fn one_set_of_recovery_codes_counts() {
    let issue = |set_id| Command::IssueRecoveryCodes { set_id, count: 10, now: november(2) };
    let second = Event::RecoveryCodesIssued { count: 10, set_id: Some(passkey(7)), at: november(2) };
    given(a_person_with_totp()).and(vec![codes(10)]).when(issue(CREDENTIAL)).then_expect_events(vec![]);
    given(a_person_with_totp()).and(vec![codes(10)]).when(issue(passkey(7))).then_expect_events(vec![second.clone()]);
    assert_eq!(state(&[a_person_with_totp(), vec![codes(10), second]].concat()).recovery_set(), Some(passkey(7)));
    let unnamed = Event::RecoveryCodesIssued { count: 10, set_id: None, at: november(2) };
    assert_eq!(state(&[a_person_with_totp(), vec![unnamed]].concat()).recovery_codes(), 0);
}

#[test]
fn the_last_factor_takes_the_recovery_codes_with_it() {
    let disabled = Event::TotpDisabled { at: november(3) };
    let without = |more: Vec<Event>| state(&[a_person_with_totp(), vec![codes(10)], more].concat()).recovery_codes();
    assert_eq!(without(vec![disabled.clone()]), 0);
    assert_eq!(without(vec![added(CREDENTIAL), disabled]), 10);
}
