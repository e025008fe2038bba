use flows::accounts::{self, Account, LoggedIn, Login};

use super::token::Issued;
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
