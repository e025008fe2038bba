use flows::sessions::{self, Refreshed};
use poem::http::StatusCode;
use secrecy::SecretString;

use super::{login, token::Issued};
use crate::{context::Context, limits::Policy, problem::Problem};

/// Longer ones are none of ours.
const LONGEST: usize = 200;

/// The next access token for a refresh token, and the next refresh token. Whatever is wrong with the one that was
/// sent, the answer is the same.
pub async fn refresh(context: &Context, token: String) -> Result<(Issued, SecretString), Problem> {
    let service = &context.service;
    context.strict(Policy::Refresh, None).await?;
    // Before the token is used up.
    let place = service.tokens.signing_place()?;
    if token.len() > LONGEST {
        return Err(refused());
    }
    match sessions::refresh(&service.system, &SecretString::from(token), None, &context.origin()).await? {
        Refreshed::Session(opened) => login::tokens(context, place, *opened).await,
        Refreshed::Reused | Refreshed::Refused => Err(refused()),
    }
}

fn refused() -> Problem {
    Problem::new(StatusCode::UNAUTHORIZED, "auth.bad_refresh_token", "No valid refresh token")
        .detail("The refresh token is unknown, used, too old, or its session has ended. Log in again.")
}
