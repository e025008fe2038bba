use poem_openapi::{ApiResponse, Object, OpenApi, types::Example};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};

use super::Tag;
use crate::{
    auth::{Visitor, refresh},
    json::Json,
    problem::{Failure, refusals},
};

#[derive(Default)]
pub struct Refreshing;

#[derive(Object, Deserialize)]
#[oai(example)]
struct RefreshRequest {
    /// The one that the last login or refresh answered with.
    refresh_token: String,
}

/// The next tokens of a session.
#[derive(Object, Serialize)]
#[oai(example)]
struct Refreshed {
    success: bool,
    /// The access token: send it as `Authorization: Bearer`.
    token: String,
    /// Seconds for which the token is good.
    expires_in: u64,
    /// Takes the place of the one that was sent.
    refresh_token: String,
}

#[derive(ApiResponse)]
enum RefreshResponse {
    /// The session goes on.
    #[oai(status = 200)]
    Refreshed(Json<Refreshed>),
}

refusals!(Refresh, V1, [400, 401, 408, 413, 415, 422, 429, 500, 503, 504]);

#[OpenApi(prefix_path = "/api/v1/auth", tag = "Tag::Authentication")]
impl Refreshing {
    /// Get the next access token
    ///
    /// A refresh token is good for one use and for 7 days. A second use ends the session: one of the two users had
    /// stolen it.
    #[oai(path = "/refresh", method = "post", operation_id = "refresh")]
    async fn refresh(&self, visitor: Visitor, body: Json<RefreshRequest>) -> Result<RefreshResponse, Failure<Refresh>> {
        let (issued, next) = refresh(&visitor, body.0.refresh_token).await?;
        Ok(RefreshResponse::Refreshed(Json(Refreshed {
            success: true,
            token: issued.token,
            expires_in: issued.expires_in.as_secs(),
            refresh_token: next.expose_secret().into(),
        })))
    }
}

impl Example for RefreshRequest {
    fn example() -> RefreshRequest {
        RefreshRequest { refresh_token: "ysw7…".into() }
    }
}

impl Example for Refreshed {
    fn example() -> Refreshed {
        let token = "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJSUzI1NiJ9.…".into();
        Refreshed { success: true, token, expires_in: 900, refresh_token: "q3Zf…".into() }
    }
}
