use flows::sessions;
use poem_openapi::{ApiResponse, Object, OpenApi, types::Example};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};

use super::Tag;
use crate::{
    auth::{self, Caller, Visitor, rights::SecurityManage},
    json::Json,
    problem::{Failure, refusals},
};

#[derive(Default)]
pub struct Tokens;

#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields, example)]
struct RefreshToken {
    /// The one that the last login or refresh answered with.
    refresh_token: String,
}

/// The next tokens of a session (RFC 6749 §5.1).
#[derive(Object, Serialize)]
#[oai(example)]
struct NextTokens {
    access_token: String,
    /// Always `Bearer`.
    token_type: String,
    /// Seconds for which the access token is good.
    expires_in: u64,
    /// Takes the place of the one that was sent.
    refresh_token: String,
}

#[derive(ApiResponse)]
enum RefreshResponse {
    /// The session goes on.
    #[oai(status = 200)]
    Refreshed(Json<NextTokens>),
}

#[derive(ApiResponse)]
enum LogoutResponse {
    /// Ended; the tokens are refused from now on.
    #[oai(status = 204)]
    LoggedOut(#[oai(header = "X-Position")] i64),
}

refusals!(Refresh, V2, [400, 401, 408, 413, 415, 422, 429, 500, 503, 504]);
refusals!(Logout, V2, [401, 403, 409, 429, 500, 503, 504]);

#[OpenApi(prefix_path = "/api/v2/auth", tag = "Tag::Authentication")]
impl Tokens {
    /// Get the next access token
    ///
    /// A refresh token is good for one use and for 7 days. A second use ends the session: one of the two users had
    /// stolen it.
    #[oai(path = "/refresh", method = "post", operation_id = "refresh_v2")]
    async fn refresh(&self, visitor: Visitor, body: Json<RefreshToken>) -> Result<RefreshResponse, Failure<Refresh>> {
        let (issued, next) = auth::refresh(&visitor, body.0.refresh_token).await?;
        Ok(RefreshResponse::Refreshed(Json(NextTokens {
            access_token: issued.token,
            token_type: "Bearer".into(),
            expires_in: issued.expires_in.as_secs(),
            refresh_token: next.expose_secret().into(),
        })))
    }

    /// Log out
    ///
    /// Ends the session of the token that is sent.
    #[oai(path = "/logout", method = "post", operation_id = "logout_v2")]
    async fn logout(&self, caller: Caller<SecurityManage>) -> Result<LogoutResponse, Failure<Logout>> {
        let ((), position) = caller.wrote(auth::log_out(&caller).await?);
        Ok(LogoutResponse::LoggedOut(position))
    }

    /// Log out everywhere
    ///
    /// Ends all sessions of the caller, this one included.
    #[oai(path = "/logout-everywhere", method = "post", operation_id = "logoutEverywhere")]
    async fn logout_everywhere(&self, caller: Caller<SecurityManage>) -> Result<LogoutResponse, Failure<Logout>> {
        let system = &caller.service.system;
        let written = sessions::revoke_all(system, caller.user_id, None, &caller.origin()).await?;
        let ((), position) = caller.wrote(written);
        Ok(LogoutResponse::LoggedOut(position))
    }
}

impl Example for RefreshToken {
    fn example() -> RefreshToken {
        RefreshToken { refresh_token: "ysw7…".into() }
    }
}

impl Example for NextTokens {
    fn example() -> NextTokens {
        NextTokens {
            access_token: "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJSUzI1NiJ9.…".into(),
            token_type: "Bearer".into(),
            expires_in: 900,
            refresh_token: "q3Zf…".into(),
        }
    }
}
