use flows::passwords;
use poem_openapi::{ApiResponse, Object, OpenApi};
use secrecy::SecretString;
use serde::Deserialize;

use super::{Tag, registration::Mailed};
use crate::{
    auth::{Caller, Visitor, rights::OwnersProof},
    hidden::Hidden,
    json::Json,
    limits::Policy,
    problem::{Failure, Problem, refusals},
};

#[derive(Default)]
pub struct Passwords;

#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields)]
struct PasswordChange {
    current_password: Hidden,
    /// At least 12 characters, at most 256 bytes; none that many people use, nothing of the person's own name or
    /// address, and none of the last four.
    #[oai(validator(min_length = 12, max_length = 256))]
    new_password: Hidden,
}

#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields)]
struct ResetRequest {
    #[oai(validator(max_length = 254))]
    email: String,
}

#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields)]
struct ResetCompletion {
    /// As it was mailed.
    token: String,
    #[oai(validator(min_length = 12, max_length = 256))]
    new_password: Hidden,
}

#[derive(ApiResponse)]
enum Changed {
    /// The new password holds. All other sessions have ended.
    #[oai(status = 204)]
    Changed(#[oai(header = "X-Position")] i64),
}

#[derive(ApiResponse)]
enum Reset {
    /// The new password holds. All sessions have ended.
    #[oai(status = 204)]
    Reset,
}

refusals!(Change, V2, [400, 401, 403, 404, 408, 409, 413, 415, 422, 429, 500, 503, 504]);
refusals!(Ask, V2, [400, 408, 413, 415, 422, 429, 500, 503, 504]);
refusals!(Complete, V2, [400, 404, 408, 409, 413, 415, 422, 429, 500, 503, 504]);

#[OpenApi(prefix_path = "/api/v2", tag = "Tag::Authentication")]
impl Passwords {
    /// Change the password
    ///
    /// Demands the current one. Ends all other sessions and tells the person by mail.
    #[oai(path = "/me/password", method = "put", operation_id = "change_password")]
    async fn change(
        &self,
        caller: Caller<OwnersProof>,
        body: Json<PasswordChange>,
    ) -> Result<Changed, Failure<Change>> {
        let PasswordChange { current_password, new_password } = body.0;
        let both = (SecretString::from(current_password), SecretString::from(new_password));
        let (user_id, session_id) = (caller.user_id, caller.session_id);
        let changed = passwords::change(&caller.service.system, user_id, session_id, both, &caller.origin()).await;
        let ((), position) = caller.wrote(changed.map_err(about_the_new_one)?);
        Ok(Changed::Changed(position))
    }

    /// Ask for a password reset
    ///
    /// Mails a token that is good for ten minutes. At most one mail a minute is sent.
    #[oai(path = "/auth/password-reset", method = "post", operation_id = "request_password_reset")]
    async fn ask(&self, visitor: Visitor, body: Json<ResetRequest>) -> Result<Mailed, Failure<Ask>> {
        let service = &visitor.service;
        visitor.strict(Policy::Reset, Some(&body.0.email)).await?;
        passwords::request_reset(&service.system, &body.0.email, &visitor.origin()).await?;
        Ok(Mailed::Accepted)
    }

    /// Set a new password
    ///
    /// By the token that was mailed, which works once. Ends all sessions; second factors stay.
    #[oai(path = "/auth/password-reset/complete", method = "post", operation_id = "complete_password_reset")]
    async fn complete(&self, visitor: Visitor, body: Json<ResetCompletion>) -> Result<Reset, Failure<Complete>> {
        visitor.strict(Policy::Verify, None).await?;
        let ResetCompletion { token, new_password } = body.0;
        let (token, new) = (SecretString::from(token), SecretString::from(new_password));
        let reset = passwords::complete_reset(&visitor.service.system, &token, new, &visitor.origin()).await;
        reset.map_err(about_the_new_one)?;
        Ok(Reset::Reset)
    }
}

/// A password that is not acceptable is the field `new_password` here.
fn about_the_new_one(error: flows::Error) -> Problem {
    let of_password = matches!(error, flows::Error::Password(_));
    let problem = Problem::from(error);
    if of_password { problem.of_field("new_password") } else { problem }
}
