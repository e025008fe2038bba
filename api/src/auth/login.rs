use flows::{
    Written,
    accounts::{self, Account, LoggedIn, Login},
};

use super::{Caller, token::Issued};
use crate::{context::Context, problem::Problem};

/// A person who has just logged in, with their token.
pub struct Entered {
    pub account: Account,
    pub issued: Issued,
    pub position: i64,
}

/// Both versions log in the same way: count, take a place for the signature, check the password, open the session,
/// sign. Whatever can be refused is refused before the session is open.
pub async fn log_in(context: &Context, login: Login) -> Result<Entered, Problem> {
    let service = &context.service;
    service.limits.login(context.client, &login.email).await?;
    let place = service.tokens.signing_place()?;
    let written = accounts::login(&service.system, login, &context.origin()).await?;
    let LoggedIn { account, session, superseded } = written.value;
    service.last_writes.note(account.user_id, written.position);
    for ended in superseded {
        service.sessions.ended(ended).await;
    }
    let (issued, ()) = tokio::join!(service.tokens.issue(place, &session), service.sessions.remember(&session));
    Ok(Entered { account, issued: issued?, position: written.position })
}

/// Ends the caller's session. On a task of its own, so that a client that hangs up does not leave it open in Redis; and
/// there it ends also when the log could not be written, since PostgreSQL has ended it by then.
pub async fn log_out(caller: &Caller) -> Result<Written<()>, flows::Error> {
    let (service, origin) = (caller.service.clone(), caller.origin());
    let (user, session) = (caller.user_id, caller.session_id);
    let ended = tokio::spawn(async move {
        let ended = accounts::logout(&service.system, user, session, &origin).await;
        service.sessions.ended(session).await;
        ended
    });
    ended.await.map_err(|e| flows::Error::Internal(Box::new(e))).flatten()
}
