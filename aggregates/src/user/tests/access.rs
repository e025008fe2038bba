use chrono::TimeDelta;

use super::*;
use crate::examples::{CLIENT, CREDENTIAL};

fn grant(role: Role) -> Command {
    Command::GrantRole { role, now: november(2) }
}

fn granted(role: Role) -> Event {
    Event::RoleGranted { role, at: november(2) }
}

fn issue_key(key_id: CredentialId, scopes: &[Permission], now: DateTime<Utc>) -> Command {
    Command::IssueApiKey { key_id, scopes: scopes.to_vec(), expires_at: now + TimeDelta::days(30), now }
}

fn issued_key(key_id: CredentialId, at: DateTime<Utc>) -> Event {
    Event::ApiKeyIssued { key_id, scopes: vec![Permission::PaymentsRead], expires_at: at + TimeDelta::days(30), at }
}

fn key(number: usize) -> CredentialId {
    CredentialId(Uuid::from_u128(number as u128))
}

fn consent(scopes: &[Permission]) -> Command {
    Command::GrantConsent { client_id: CLIENT, scopes: scopes.to_vec(), now: november(2) }
}

fn consented(scopes: &[Permission]) -> Event {
    Event::ConsentGranted { client_id: CLIENT, scopes: scopes.to_vec(), at: november(2) }
}

#[test]
fn whoever_registers_is_a_customer() {
    assert_eq!(state(&a_person()).roles().iter().collect::<Vec<_>>(), [&Role::Customer]);
    assert!(User::default().roles().is_empty());
}

#[test]
fn a_role_is_granted_and_revoked_once() {
    let revoke = || Command::RevokeRole { role: Role::Admin, now: november(3) };
    let revoked = Event::RoleRevoked { role: Role::Admin, at: november(3) };
    given(a_person()).when(grant(Role::Admin)).then_expect_events(vec![granted(Role::Admin)]);
    given(a_person()).and(vec![granted(Role::Admin)]).when(grant(Role::Admin)).then_expect_events(vec![]);
    given(a_person()).and(vec![granted(Role::Admin)]).when(revoke()).then_expect_events(vec![revoked]);
    given(a_person()).when(revoke()).then_expect_error(Error::NoSuchRole);
}

#[test]
fn no_person_is_a_service() {
    given(a_person()).when(grant(Role::Service)).then_expect_error(Error::RoleNotForPeople { role: Role::Service });
}

#[test]
fn an_api_key_hands_on_only_what_may_be_handed_on() {
    given(a_person())
        .when(issue_key(CREDENTIAL, &[Permission::PaymentsRead], november(2)))
        .then_expect_events(vec![issued_key(CREDENTIAL, november(2))]);
    given(a_person()).when(issue_key(CREDENTIAL, &[], november(2))).then_expect_error(Error::ScopeNotAllowed);
    for scope in Permission::ALL.into_iter().filter(|scope| !scope.is_delegable()) {
        given(a_person())
            .when(issue_key(CREDENTIAL, &[Permission::PaymentsRead, scope], november(2)))
            .then_expect_error(Error::ScopeNotAllowed);
    }
    for scope in Permission::ALL.into_iter().filter(|scope| !scope.is_consentable()) {
        given(a_person()).when(consent(&[scope])).then_expect_error(Error::ScopeNotAllowed);
    }
}

#[test]
fn expired_api_keys_take_no_room() {
    let full: Vec<_> = (0..MAX_API_KEYS).map(|number| issued_key(key(number), november(1))).collect();
    let issue = |now| issue_key(CREDENTIAL, &[Permission::PaymentsRead], now);
    given(a_person())
        .and(full.clone())
        .when(issue(november(2)))
        .then_expect_error(Error::TooManyApiKeys { limit: MAX_API_KEYS });
    let later = november(1) + TimeDelta::days(31);
    given(a_person()).and(full).when(issue(later)).then_expect_events(vec![issued_key(CREDENTIAL, later)]);
}

#[test]
fn only_an_api_key_of_the_person_can_be_revoked() {
    let revoke = || Command::RevokeApiKey { key_id: CREDENTIAL, now: november(3) };
    let revoked = Event::ApiKeyRevoked { key_id: CREDENTIAL, at: november(3) };
    given(a_person()).when(revoke()).then_expect_error(Error::NoSuchApiKey);
    given(a_person()).and(vec![issued_key(CREDENTIAL, november(2))]).when(revoke()).then_expect_events(vec![revoked]);
}

#[test]
fn a_consent_is_given_changed_and_withdrawn() {
    let (narrow, wide) = ([Permission::CardsRead], [Permission::CardsRead, Permission::PaymentsRead]);
    given(a_person()).when(consent(&narrow)).then_expect_events(vec![consented(&narrow)]);
    given(a_person()).and(vec![consented(&narrow)]).when(consent(&narrow)).then_expect_events(vec![]);
    given(a_person()).and(vec![consented(&narrow)]).when(consent(&wide)).then_expect_events(vec![consented(&wide)]);
    let withdraw = || Command::WithdrawConsent { client_id: CLIENT, now: november(3) };
    given(a_person()).when(withdraw()).then_expect_error(Error::NoSuchConsent);
    given(a_person())
        .and(vec![consented(&narrow)])
        .when(withdraw())
        .then_expect_events(vec![Event::ConsentWithdrawn { client_id: CLIENT, at: november(3) }]);
}

#[test]
fn identities_are_linked_once_and_bounded() {
    let link = |identity_id| Command::LinkIdentity { identity_id, provider: "google".into(), now: november(2) };
    let linked = |identity_id| Event::IdentityLinked { identity_id, provider: "google".into(), at: november(2) };
    given(a_person()).when(link(CREDENTIAL)).then_expect_events(vec![linked(CREDENTIAL)]);
    given(a_person()).and(vec![linked(CREDENTIAL)]).when(link(CREDENTIAL)).then_expect_events(vec![]);
    let full: Vec<_> = (0..MAX_IDENTITIES).map(|number| linked(key(number))).collect();
    given(a_person())
        .and(full)
        .when(link(CREDENTIAL))
        .then_expect_error(Error::TooManyIdentities { limit: MAX_IDENTITIES });
    let unlink = || Command::UnlinkIdentity { identity_id: CREDENTIAL, now: november(3) };
    given(a_person()).when(unlink()).then_expect_error(Error::NoSuchIdentity);
}
