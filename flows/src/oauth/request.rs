use aggregates::{
    ClientId,
    client::{Client, ClientKind, Registration},
};

use super::{Back, Fault, Stage, Step, Transaction, pages::page, scopes};
use crate::{Error, System, clients};

/// What fits into a code and comes back unchanged.
const LONGEST_STATE: usize = 1024;

/// An authorization request as it came (RFC 6749 §4.1.1, RFC 7636 §4.3, OpenID Connect Core 1.0 §3.1.2.1).
#[derive(Default)]
pub struct Parameters {
    pub client_id: Option<String>,
    pub redirect_uri: Option<String>,
    pub response_type: Option<String>,
    pub response_mode: Option<String>,
    pub scope: Option<String>,
    pub state: Option<String>,
    pub nonce: Option<String>,
    pub code_challenge: Option<String>,
    pub code_challenge_method: Option<String>,
    pub prompt: Option<String>,
    pub request: Option<String>,
    pub request_uri: Option<String>,
}

/// Begins an authorization. Errors are for the person to see: nobody is sent to an address before it is known to be
/// the client's own. From then on the client is told.
pub async fn begin(system: &System, parameters: Parameters) -> Result<Step, Error> {
    let unknown = || Error::invalid("client_id", "is not that of an active client");
    let client_id = parameters.client_id.as_deref().and_then(|id| id.parse().ok()).map(ClientId).ok_or_else(unknown)?;
    let client = system.store.load_latest::<Client>(client_id).await?;
    let registration = client.active().ok_or_else(unknown)?;
    let redirect_uri = parameters.redirect_uri.clone().unwrap_or_default();
    if !clients::is_registered(&registration.redirect_uris, &redirect_uri) {
        return Err(Error::invalid("redirect_uri", "is not one that the client has registered"));
    }
    let state = parameters.state.clone().unwrap_or_default();
    match check(client_id, registration, parameters) {
        Ok(transaction) => page(system, registration.name.clone(), transaction).await,
        Err(fault) => {
            // One that is too long to be passed on is wrong, too.
            let state = if state.len() <= LONGEST_STATE { state } else { String::new() };
            Ok(Step::Back(Back { redirect_uri, state, answer: Err(fault) }))
        }
    }
}

fn check(client_id: ClientId, registration: &Registration, asked: Parameters) -> Result<Transaction, Fault> {
    if asked.request.is_some() {
        return Err(Fault::RequestNotSupported);
    }
    if asked.request_uri.is_some() {
        return Err(Fault::RequestUriNotSupported);
    }
    match asked.response_type.as_deref() {
        None => return Err(Fault::InvalidRequest("response_type is missing")),
        Some("code") => {}
        Some(_) => return Err(Fault::UnsupportedResponseType),
    }
    if asked.response_mode.is_some_and(|mode| mode != "query") {
        return Err(Fault::InvalidRequest("only the response mode `query` is supported"));
    }
    if registration.kind == ClientKind::Service {
        return Err(Fault::UnauthorizedClient);
    }
    let state = bounded(asked.state, "state is missing or longer than 1024 bytes")?;
    let nonce = match asked.nonce {
        None => None,
        nonce => Some(bounded(nonce, "nonce is empty or longer than 1024 bytes")?),
    };
    let challenge = challenge(asked.code_challenge, asked.code_challenge_method.as_deref())?;
    let scopes = scopes(asked.scope.as_deref().unwrap_or_default()).ok_or(Fault::InvalidScope)?;
    if scopes.is_empty() || !scopes.iter().all(|scope| registration.scopes.contains(scope)) {
        return Err(Fault::InvalidScope);
    }
    let ask_again = prompt(asked.prompt.as_deref())?;
    let redirect_uri = asked.redirect_uri.unwrap_or_default();
    let stage = Stage::LogIn;
    Ok(Transaction { client_id, redirect_uri, scopes, state, nonce, challenge, ask_again, wrong_tries: 0, stage })
}

fn bounded(text: Option<String>, wrong: &'static str) -> Result<String, Fault> {
    let sound = |text: &String| (1..=LONGEST_STATE).contains(&text.len()) && !text.contains(char::is_control);
    text.filter(sound).ok_or(Fault::InvalidRequest(wrong))
}

/// RFC 7636, required of all (RFC 9700 §2.1.1), and only as a hash.
fn challenge(challenge: Option<String>, method: Option<&str>) -> Result<String, Fault> {
    if method != Some("S256") {
        return Err(Fault::InvalidRequest("code_challenge_method must be S256"));
    }
    // A SHA-256 in base64url.
    let letter = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let sound = |text: &String| text.len() == 43 && text.bytes().all(letter);
    challenge.filter(sound).ok_or(Fault::InvalidRequest("code_challenge is missing or not a SHA-256 in base64url"))
}

/// Whether consent is to be asked for in any case. Everybody logs in for each request, so `login`, `select_account`
/// and any `max_age` are fulfilled anyway.
fn prompt(prompt: Option<&str>) -> Result<bool, Fault> {
    let mut ask_again = false;
    let values: Vec<_> = prompt.unwrap_or_default().split(' ').filter(|value| !value.is_empty()).collect();
    for value in &values {
        match *value {
            "none" if values.len() == 1 => return Err(Fault::LoginRequired),
            "consent" => ask_again = true,
            "login" | "select_account" => {}
            _ => return Err(Fault::InvalidRequest("prompt has a value that is not supported")),
        }
    }
    Ok(ask_again)
}
