use std::future::Future;

use aggregates::user::SessionEnd;
use flows::{
    Written,
    accounts::{self, Account, Entry, LoggedIn, Login, Pending},
    sessions::{self, Opened},
};
use secrecy::SecretString;

use super::{
    Caller,
    token::{Issued, SigningPlace},
};
use crate::{context::Context, limits::Policy, problem::Problem};

/// Where a login has led.
pub enum Entered {
    In(Box<Inside>),
    /// The second factor comes next.
    Halfway(Pending),
}

/// A person who has just logged in, with their tokens.
pub struct Inside {
    pub account: Account,
    pub issued: Issued,
    pub refresh_token: SecretString,
    pub position: i64,
}

/// Both versions log in the same way: count, check the password, take a place for the signature, open the session,
/// sign. Whatever can be refused is refused before the session is open, and those who wait for the slow work with
/// passwords keep no place from those who come by other ways.
pub async fn log_in(context: &Context, login: Login) -> Result<Entered, Problem> {
    let service = &context.service;
    context.strict(Policy::Login, Some(&login.email)).await?;
    let place = || service.tokens.signing_place();
    let (written, place) = accounts::login(&service.system, login, place, &context.origin()).await?;
    enter(context, place, written).await
}

/// Enters by another proof than the password: takes a place for the signature before anything is checked.
pub async fn enter_by(
    context: &Context,
    entering: impl Future<Output = Result<Written<Entry>, flows::Error>>,
) -> Result<Entered, Problem> {
    let place = context.service.tokens.signing_place()?;
    enter(context, place, entering.await?).await
}

/// Gives the tokens out, where the way is open.
pub async fn enter(context: &Context, place: SigningPlace, written: Written<Entry>) -> Result<Entered, Problem> {
    let Written { value: entry, position } = written;
    let LoggedIn { account, opened } = match entry {
        Entry::Open(logged_in) => *logged_in,
        Entry::SecondFactor(pending) => return Ok(Entered::Halfway(pending)),
    };
    context.noted(account.user_id, position);
    let (issued, refresh_token) = tokens(context, place, opened).await?;
    Ok(Entered::In(Box::new(Inside { account, issued, refresh_token, position })))
}

/// The tokens of a session that was just opened or refreshed; Redis learns that it is open.
pub async fn tokens(context: &Context, place: SigningPlace, opened: Opened) -> Result<(Issued, SecretString), Problem> {
    let service = &context.service;
    let Opened { session, roles, refresh_token } = opened;
    let issue = service.tokens.issue(place, &session, &roles);
    let (issued, ()) = tokio::join!(issue, service.sessions.remember(&session));
    Ok((issued?, refresh_token))
}

/// Ends the caller's session. On a task of its own, so that the log says so too when the client hangs up.
pub async fn log_out<R>(caller: &Caller<R>) -> Result<Written<()>, flows::Error> {
    let (user, session) = (caller.user_id, caller.session_id);
    let end =
        |system, origin| async move { sessions::end(&system, user, session, SessionEnd::LoggedOut, &origin).await };
    caller.apart(end).await
}
