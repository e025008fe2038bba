use cqrs_es::test::{AggregateTestExecutor, TestFramework};
use uuid::Uuid;

use super::*;
use crate::examples::november;

const FIRST: CredentialId = CredentialId(Uuid::from_u128(1));
const SECOND: CredentialId = CredentialId(Uuid::from_u128(2));
const THIRD: CredentialId = CredentialId(Uuid::from_u128(3));

fn given(history: Vec<Event>) -> AggregateTestExecutor<Client> {
    TestFramework::with(()).given(history)
}

fn register(kind: ClientKind, redirect_uris: &[&str], scopes: &[Permission]) -> Command {
    Command::Register {
        name: "Budget".into(),
        kind,
        redirect_uris: redirect_uris.iter().map(|uri| uri.to_string()).collect(),
        scopes: scopes.to_vec(),
        now: november(1),
    }
}

fn registered(kind: ClientKind) -> Event {
    let (redirect_uris, scopes) = match kind {
        ClientKind::Service => (vec![], vec![Permission::FraudCheck]),
        _ => (vec!["https://budget.example/callback".into()], vec![Permission::CardsRead]),
    };
    Event::Registered { name: "Budget".into(), kind, redirect_uris, scopes, at: november(1) }
}

fn issued(secret_id: CredentialId) -> Event {
    Event::SecretIssued { secret_id, at: november(2) }
}

fn issue(secret_id: CredentialId) -> Command {
    Command::IssueSecret { secret_id, now: november(2) }
}

#[test]
fn a_client_is_registered_once() {
    let command = || register(ClientKind::Confidential, &["https://budget.example/callback"], &[Permission::CardsRead]);
    given(vec![]).when(command()).then_expect_events(vec![registered(ClientKind::Confidential)]);
    given(vec![registered(ClientKind::Confidential)]).when(command()).then_expect_events(vec![]);
    given(vec![registered(ClientKind::Public)]).when(command()).then_expect_error(Error::AlreadyRegistered);
}

#[test]
fn people_hand_out_only_what_may_be_handed_out() {
    for scope in Permission::ALL.into_iter().filter(|scope| !scope.is_consentable()) {
        given(vec![])
            .when(register(ClientKind::Public, &["https://budget.example/"], &[scope]))
            .then_expect_error(Error::ScopeNotAllowed);
    }
}

#[test]
fn a_service_has_a_services_rights_and_no_redirection() {
    given(vec![])
        .when(register(ClientKind::Service, &[], &[Permission::AccountsManage]))
        .then_expect_error(Error::ScopeNotAllowed);
    given(vec![])
        .when(register(ClientKind::Service, &["https://x.example/"], &[]))
        .then_expect_error(Error::UnwantedRedirectUri);
    given(vec![]).when(register(ClientKind::Public, &[], &[])).then_expect_error(Error::NoRedirectUri);
}

#[test]
fn people_are_sent_back_to_few_addresses_that_lead_to_the_client() {
    let many: Vec<_> = (0..=MAX_REDIRECT_URIS).map(|number| format!("https://x.example/{number}")).collect();
    let many: Vec<_> = many.iter().map(String::as_str).collect();
    let too_many = Error::TooManyRedirectUris { limit: MAX_REDIRECT_URIS };
    given(vec![]).when(register(ClientKind::Public, &many, &[])).then_expect_error(too_many);
    assert!(Client::default().decide(register(ClientKind::Public, &many[1..], &[])).is_ok());
    let long = format!("https://x.example/{}", "x".repeat(MAX_REDIRECT_URI_BYTES));
    for bad in [
        "",
        "https:",
        "/callback",
        "https://x.example/#here",
        "https://x.example/ y",
        "https://x.example/\u{e4}",
        "http://x.example/",
        "http://localhost/",
        "javascript:alert(1)",
        "file:///etc/passwd",
        &long,
    ] {
        given(vec![]).when(register(ClientKind::Public, &[bad], &[])).then_expect_error(Error::BadRedirectUri);
    }
    for good in ["http://127.0.0.1:8123/cb", "http://[::1]/cb", "com.example.app:/cb", "https://x.example:8443/cb?a=b"]
    {
        assert!(Client::default().decide(register(ClientKind::Public, &[good], &[])).is_ok(), "{good}");
    }
}

#[test]
fn one_secret_may_follow_another() {
    let service = registered(ClientKind::Service);
    given(vec![service.clone(), issued(FIRST)]).when(issue(SECOND)).then_expect_events(vec![issued(SECOND)]);
    given(vec![service.clone(), issued(FIRST)]).when(issue(FIRST)).then_expect_events(vec![]);
    given(vec![service.clone(), issued(FIRST), issued(SECOND)])
        .when(issue(THIRD))
        .then_expect_error(Error::TooManySecrets { limit: MAX_SECRETS });
    given(vec![service, issued(FIRST)])
        .when(Command::RevokeSecret { secret_id: SECOND, now: november(2) })
        .then_expect_error(Error::NoSuchSecret);
}

#[test]
fn a_public_client_has_no_secret() {
    given(vec![registered(ClientKind::Public)]).when(issue(FIRST)).then_expect_error(Error::PublicClient);
}

#[test]
fn a_disabled_client_is_not_active() {
    let disable = || Command::Disable { now: november(3) };
    let disabled = Event::Disabled { at: november(3) };
    given(vec![registered(ClientKind::Public)]).when(disable()).then_expect_events(vec![disabled.clone()]);
    given(vec![registered(ClientKind::Public), disabled.clone()]).when(disable()).then_expect_events(vec![]);
    given(vec![registered(ClientKind::Service), disabled.clone()])
        .when(issue(FIRST))
        .then_expect_error(Error::Disabled);
    let mut client = Client::default();
    [registered(ClientKind::Public), disabled].iter().for_each(|event| client.apply(event));
    assert!(client.active().is_none() && client.registration().is_some());
}

#[test]
fn nobody_has_no_secrets() {
    given(vec![]).when(issue(FIRST)).then_expect_error(Error::NotRegistered);
    given(vec![]).when(Command::Disable { now: november(3) }).then_expect_error(Error::NotRegistered);
}
