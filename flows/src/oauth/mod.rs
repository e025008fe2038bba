//! Our authorization server for third parties' programs (RFC 6749 as RFC 9700 narrows it, OpenID Connect Core 1.0).
//!
//! A person goes through pages: login, second factor if there is one, consent. Between two pages the request is kept
//! under a ticket that is used once and stands in the page alone. No cookie takes part, so no other site can act with
//! what a browser sends along by itself; and a page that was left open is worth nothing once the next one is there.

mod code;
mod introspection;
mod pages;
mod request;
mod token;
mod userinfo;

use std::time::Duration;

use aggregates::{ClientId, Permission, Proof, UserId, client::Registration};
use chrono::{DateTime, Utc};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use store::sessions::Session;

use crate::Error;

pub use code::{Exchange, exchange};
pub use introspection::{Introspected, introspect, revoke};
pub use pages::{cancel, consent, log_in, second_factor};
pub use request::{Parameters, begin};
pub use token::{Credentials, authenticate, client_credentials, refresh};
pub use userinfo::{Who, who};

/// How long a person may take for a page.
const PAGE_WITHIN: Duration = Duration::from_secs(10 * 60);
/// Wrong answers on one page. The next one sends the person back to the client.
const TRIES: u32 = 5;

/// What comes next for the person.
pub enum Step {
    Page(Box<Page>),
    Back(Back),
}

/// A page to show.
pub struct Page {
    /// To be sent with the answer. Good for one.
    pub ticket: SecretString,
    pub client_name: String,
    /// Where the answer may lead to.
    pub redirect_uri: String,
    pub content: Content,
}

pub enum Content {
    LogIn {
        /// Whether the last try was wrong.
        wrong: bool,
    },
    SecondFactor {
        wrong: bool,
        /// Whether the account has an authenticator app or recovery codes. A passkey cannot be used here: it would need
        /// a script.
        can_type: bool,
    },
    Consent {
        scopes: Vec<Permission>,
    },
}

/// The way back to the client, with a code or with the reason for none (RFC 6749 §4.1.2).
pub struct Back {
    pub redirect_uri: String,
    pub state: String,
    pub answer: Result<SecretString, Fault>,
}

/// Why there is no code; told to the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// With what is wrong.
    InvalidRequest(&'static str),
    UnsupportedResponseType,
    UnauthorizedClient,
    InvalidScope,
    RequestNotSupported,
    RequestUriNotSupported,
    /// Nobody may be asked, and nobody is logged in here for longer than one request.
    LoginRequired,
    AccessDenied(&'static str),
}

impl Fault {
    /// As RFC 6749 §4.1.2.1 and OpenID Connect Core 1.0 §3.1.2.6 call it.
    pub const fn code(self) -> &'static str {
        match self {
            Fault::InvalidRequest(_) => "invalid_request",
            Fault::UnsupportedResponseType => "unsupported_response_type",
            Fault::UnauthorizedClient => "unauthorized_client",
            Fault::InvalidScope => "invalid_scope",
            Fault::RequestNotSupported => "request_not_supported",
            Fault::RequestUriNotSupported => "request_uri_not_supported",
            Fault::LoginRequired => "login_required",
            Fault::AccessDenied(_) => "access_denied",
        }
    }

    pub const fn description(self) -> &'static str {
        match self {
            Fault::InvalidRequest(what) => what,
            Fault::UnsupportedResponseType => "only the response type `code` is supported",
            Fault::UnauthorizedClient => "the client may not use this grant",
            Fault::InvalidScope => "a scope is missing, unknown or not registered for the client",
            Fault::RequestNotSupported => "request objects are not supported",
            Fault::RequestUriNotSupported => "request objects are not supported",
            Fault::LoginRequired => "nobody is logged in",
            Fault::AccessDenied(why) => why,
        }
    }
}

/// What a client asked for, and how far the person has come. Kept under the ticket.
#[derive(Serialize, Deserialize)]
struct Transaction {
    client_id: ClientId,
    redirect_uri: String,
    scopes: Vec<Permission>,
    state: String,
    nonce: Option<String>,
    /// PKCE, S256.
    challenge: String,
    /// Whether to ask for consent even where it is there.
    ask_again: bool,
    wrong_tries: u32,
    stage: Stage,
}

#[derive(Serialize, Deserialize)]
enum Stage {
    LogIn,
    /// The password was right.
    SecondFactor(Proven),
    Consent(Proven),
}

/// Who is at the other end, and how that is known.
#[derive(Clone, Serialize, Deserialize)]
struct Proven {
    user_id: UserId,
    proofs: Vec<Proof>,
    /// When the password that was right had been set.
    password_set_at: Option<DateTime<Utc>>,
    auth_time: DateTime<Utc>,
}

/// A client that has proven who it is, or is known not to be able to.
#[derive(Clone)]
pub struct Authenticated {
    pub client_id: ClientId,
    pub registration: Registration,
}

/// What a client is given for a grant.
pub struct Granted {
    pub session: Session,
    pub roles: Vec<aggregates::Role>,
    pub refresh_token: Option<SecretString>,
    /// Of the authorization request, for the ID token.
    pub nonce: Option<String>,
}

/// Why a client is given nothing (RFC 6749 §5.2).
pub enum Refusal {
    InvalidRequest(&'static str),
    InvalidClient,
    /// The code or refresh token does not serve.
    InvalidGrant,
    UnauthorizedClient,
    UnsupportedGrantType,
    InvalidScope,
    Failed(Error),
}

impl<E: Into<Error>> From<E> for Refusal {
    fn from(error: E) -> Refusal {
        Refusal::Failed(error.into())
    }
}

/// Scopes as a client writes them, if each is known and asked for once or more.
fn scopes(text: &str) -> Option<Vec<Permission>> {
    let mut scopes =
        text.split(' ').filter(|name| !name.is_empty()).map(Permission::parse).collect::<Option<Vec<_>>>()?;
    scopes.sort_unstable();
    scopes.dedup();
    Some(scopes)
}

fn written(data: &impl Serialize) -> Result<Vec<u8>, Error> {
    serde_json::to_vec(data).map_err(|error| Error::Internal(error.into()))
}

fn read<'a, T: Deserialize<'a>>(data: &'a [u8]) -> Result<T, Error> {
    serde_json::from_slice(data).map_err(|error| Error::Internal(error.into()))
}
