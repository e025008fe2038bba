use aggregates::{Proof, client::Client, user::User};
use secrecy::SecretString;
use store::{
    authentications::{Action, Outcome},
    one_time::Purpose,
};

use super::{Back, Content, Fault, PAGE_WITHIN, Page, Proven, Stage, Step, TRIES, Transaction, code, read, written};
use crate::{
    Error, Origin, System, accounts, clients, consents,
    factors::{SecondProof, Verdict, verify},
};

/// Shows the page that the transaction has come to.
pub(super) async fn page(system: &System, client_name: String, transaction: Transaction) -> Result<Step, Error> {
    let user = match &transaction.stage {
        Stage::LogIn => None,
        Stage::SecondFactor(proven) | Stage::Consent(proven) => Some(proven.user_id),
    };
    let wrong = transaction.wrong_tries > 0;
    let content = match &transaction.stage {
        Stage::LogIn => Content::LogIn { wrong },
        Stage::SecondFactor(proven) => {
            let person = system.store.load::<User>(proven.user_id).await?;
            Content::SecondFactor { wrong, can_type: person.has_totp() || person.recovery_codes() > 0 }
        }
        Stage::Consent(_) => Content::Consent { scopes: transaction.scopes.clone() },
    };
    let data = written(&transaction)?;
    let ticket = system.store.issue_one_time(Purpose::AuthorizationRequest, user, &data, PAGE_WITHIN).await?;
    Ok(Step::Page(Box::new(Page { ticket, client_name, redirect_uri: transaction.redirect_uri, content })))
}

/// The login page was answered. A wrong password shows it again.
pub async fn log_in(
    system: &System,
    ticket: &SecretString,
    email: &str,
    password: SecretString,
    origin: &Origin,
) -> Result<Step, Error> {
    let (mut transaction, client_name) = resume(system, ticket).await?;
    let Stage::LogIn = transaction.stage else { return Err(gone()) };
    let mut entry = origin.authentication(Action::LogIn, Outcome::Success);
    entry.client_id = Some(transaction.client_id);
    let proven = accounts::prove(system, email, password, origin, &mut entry).await;
    if let Err(error) = &proven {
        (entry.outcome, entry.reason) = error.as_outcome();
    }
    system.store.record_authentication(&entry).await?;
    let (user_id, shown) = match proven {
        Ok(proven) => proven,
        Err(Error::BadCredentials) => return wrong(system, client_name, transaction).await,
        Err(error) => return Err(error),
    };
    let person = system.store.load_latest::<User>(user_id).await?;
    let proven =
        Proven { user_id, proofs: shown.proofs, password_set_at: shown.password_set_at, auth_time: crate::now() };
    if person.has_second_factor() {
        transaction.wrong_tries = 0;
        transaction.stage = Stage::SecondFactor(proven);
        return page(system, client_name, transaction).await;
    }
    proceed(system, client_name, transaction, proven, &person, origin).await
}

/// The page for the second factor was answered. A wrong code shows it again.
pub async fn second_factor(
    system: &System,
    ticket: &SecretString,
    proof: SecondProof,
    origin: &Origin,
) -> Result<Step, Error> {
    let (transaction, client_name) = resume(system, ticket).await?;
    let Stage::SecondFactor(proven) = &transaction.stage else { return Err(gone()) };
    let mut proven = proven.clone();
    let verdict = verify(system, proven.user_id, proof, None, origin).await;
    let (outcome, reason) = Verdict::outcome(&verdict);
    let mut entry = origin.authentication(Action::SecondFactor, outcome);
    entry.user_id = Some(proven.user_id);
    entry.client_id = Some(transaction.client_id);
    entry.reason = reason;
    system.store.record_authentication(&entry).await?;
    let Verdict::Proven(proof) = verdict? else { return wrong(system, client_name, transaction).await };
    proven.proofs.push(proof);
    proven.auth_time = crate::now();
    let person = system.store.load_latest::<User>(proven.user_id).await?;
    proceed(system, client_name, transaction, proven, &person, origin).await
}

/// The same page again, a few times.
async fn wrong(system: &System, client_name: String, mut transaction: Transaction) -> Result<Step, Error> {
    transaction.wrong_tries += 1;
    match transaction.wrong_tries < TRIES {
        true => page(system, client_name, transaction).await,
        false => Ok(back(transaction, Err(Fault::AccessDenied("the person did not log in")))),
    }
}

/// The person is known: to the consent, or straight back where it is there already.
async fn proceed(
    system: &System,
    client_name: String,
    transaction: Transaction,
    proven: Proven,
    person: &User,
    origin: &Origin,
) -> Result<Step, Error> {
    match accounts::admissible(system, proven.user_id, person, &proven.proofs).await {
        // Closed since, or closed all along: told as a login tells it.
        Err(Error::BadCredentials) => {
            let transaction = Transaction { stage: Stage::LogIn, ..transaction };
            return wrong(system, client_name, transaction).await;
        }
        admissible => admissible?,
    }
    let covered = consents::covers(person, transaction.client_id, &transaction.scopes);
    // Another program on the person's device could pose as the client; only a question reveals it.
    let sure = clients::offers_itself_to_one(&transaction.redirect_uri);
    if covered && sure && !transaction.ask_again {
        return grant(system, transaction, proven, origin).await;
    }
    let transaction = Transaction { wrong_tries: 0, stage: Stage::Consent(proven), ..transaction };
    page(system, client_name, transaction).await
}

/// The consent page was answered. What is consented to is what the page has shown, whatever the answer says.
pub async fn consent(system: &System, ticket: &SecretString, allowed: bool, origin: &Origin) -> Result<Step, Error> {
    let (transaction, _) = resume(system, ticket).await?;
    let Stage::Consent(proven) = &transaction.stage else { return Err(gone()) };
    let proven = proven.clone();
    if !allowed {
        let mut entry = origin.authentication(Action::Authorize, Outcome::Failure);
        entry.user_id = Some(proven.user_id);
        entry.client_id = Some(transaction.client_id);
        entry.reason = Some("consent_refused");
        system.store.record_authentication(&entry).await?;
        return Ok(back(transaction, Err(Fault::AccessDenied("the person did not consent"))));
    }
    if !still_proven(system, &proven).await? {
        let changed = "the login is no longer good, since the account has changed";
        return Ok(back(transaction, Err(Fault::AccessDenied(changed))));
    }
    consents::grant(system, proven.user_id, transaction.client_id, &transaction.scopes, origin).await?;
    grant(system, transaction, proven, origin).await
}

/// Whether the login that led to a page would lead there now: the page may have been open while the password was
/// changed, a factor was added or the account was closed.
async fn still_proven(system: &System, proven: &Proven) -> Result<bool, Error> {
    let Proven { user_id, proofs, password_set_at, .. } = proven;
    let person = system.store.load_latest::<User>(*user_id).await?;
    match accounts::admissible(system, *user_id, &person, proofs).await {
        Err(Error::BadCredentials | Error::PasswordExpired) => return Ok(false),
        admissible => admissible?,
    }
    let enough = !person.has_second_factor() || Proof::are_two_factors(proofs);
    let same = password_set_at.is_none() || system.store.password_set_at(*user_id).await? == *password_set_at;
    Ok(enough && same)
}

/// The person went back instead of logging in.
pub async fn cancel(system: &System, ticket: &SecretString) -> Result<Step, Error> {
    let (transaction, _) = resume(system, ticket).await?;
    Ok(back(transaction, Err(Fault::AccessDenied("the person went back"))))
}

async fn grant(system: &System, transaction: Transaction, proven: Proven, origin: &Origin) -> Result<Step, Error> {
    let mut entry = origin.authentication(Action::Authorize, Outcome::Success);
    entry.user_id = Some(proven.user_id);
    entry.client_id = Some(transaction.client_id);
    system.store.record_authentication(&entry).await?;
    let code = code::issue(system, &transaction, proven).await?;
    Ok(back(transaction, Ok(code)))
}

/// The request behind a ticket, which is used up; and the client's name. The client may have been disabled meanwhile.
async fn resume(system: &System, ticket: &SecretString) -> Result<(Transaction, String), Error> {
    let redeemed = system.store.redeem_one_time(Purpose::AuthorizationRequest, ticket).await?.ok_or_else(gone)?;
    let transaction: Transaction = read(&redeemed.data)?;
    let client = system.store.load_latest::<Client>(transaction.client_id).await?;
    let registration = client.active().ok_or_else(gone)?;
    Ok((transaction, registration.name.clone()))
}

fn back(transaction: Transaction, answer: Result<SecretString, Fault>) -> Step {
    Step::Back(Back { redirect_uri: transaction.redirect_uri, state: transaction.state, answer })
}

fn gone() -> Error {
    Error::NotFound { what: "authorization_request" }
}
