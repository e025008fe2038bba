use flows::accounts;
use poem_openapi::{ApiResponse, Object, OpenApi, types::Example};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use uuid::{Uuid, uuid};

use super::Tag;
use crate::{
    auth::{Visitor, log_in},
    json::Json,
    problem::{Failure, refusals},
};

#[derive(Default)]
pub struct Auth;

#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none, example)]
struct Credentials {
    email: String,
    password: String,
    /// Which device this is; fraud screening learns from it.
    #[oai(nullable, validator(min_length = 1, max_length = 128))]
    device_id: Option<String>,
}

/// An access token and how to use it, as OAuth 2.0 answers (RFC 6749 §5.1).
#[derive(Object, Serialize)]
#[oai(example)]
struct AccessToken {
    access_token: String,
    /// Always `Bearer`.
    token_type: String,
    /// Seconds for which the token is good.
    expires_in: u64,
    user_id: Uuid,
}

#[derive(ApiResponse)]
enum LoginResponse {
    /// Logged in. A new token each time, after the password was checked.
    #[oai(status = 200)]
    LoggedIn(Json<AccessToken>, #[oai(header = "X-Position")] i64),
}

refusals!(Login, V2, [400, 401, 404, 408, 409, 413, 415, 422, 429, 500, 503, 504]);

#[OpenApi(prefix_path = "/api/v2/auth", tag = "Tag::Authentication")]
impl Auth {
    /// Log in
    ///
    /// Checks the password and opens a session. Ten attempts a minute from an address and for an account.
    #[oai(path = "/login", method = "post", operation_id = "login_v2")]
    async fn login(&self, visitor: Visitor, body: Json<Credentials>) -> Result<LoginResponse, Failure<Login>> {
        let login = log_in(&visitor, body.0.into()).await?;
        let token = AccessToken {
            access_token: login.issued.token,
            token_type: "Bearer".into(),
            expires_in: login.issued.expires_in.as_secs(),
            user_id: login.account.user_id.0,
        };
        Ok(LoginResponse::LoggedIn(Json(token), login.position))
    }
}

impl From<Credentials> for accounts::Login {
    fn from(credentials: Credentials) -> accounts::Login {
        let Credentials { email, password, device_id } = credentials;
        accounts::Login { email, password: SecretString::from(password), device_id }
    }
}

impl Example for Credentials {
    fn example() -> Credentials {
        Credentials { email: "user@example.com".into(), password: "securePassword123".into(), device_id: None }
    }
}

impl Example for AccessToken {
    fn example() -> AccessToken {
        AccessToken {
            access_token: "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJSUzI1NiJ9.…".into(),
            token_type: "Bearer".into(),
            expires_in: 900,
            user_id: uuid!("0199f5a4-3f00-7b3e-9c1a-5d2f6a8b4c01"),
        }
    }
}
