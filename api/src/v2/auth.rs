use flows::accounts;
use poem_openapi::{ApiResponse, Object, OpenApi, types::Example};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use uuid::{Uuid, uuid};

use super::Tag;
use crate::{
    auth::{Entered, Inside, Visitor, log_in},
    hidden::Hidden,
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
    password: Hidden,
    /// Which device this is; fraud screening learns from it.
    #[oai(nullable, validator(min_length = 1, max_length = 128))]
    device_id: Option<String>,
}

/// An access token and how to use it, as OAuth 2.0 answers (RFC 6749 §5.1).
#[derive(Object, Serialize)]
#[oai(example)]
pub(super) struct AccessToken {
    access_token: String,
    /// Always `Bearer`.
    token_type: String,
    /// Seconds for which the token is good.
    expires_in: u64,
    /// Good for one use, for the next access token.
    refresh_token: String,
    user_id: Uuid,
}

/// The password was right; the account has a second factor, which comes next.
#[derive(Object, Serialize)]
pub(super) struct SecondFactor {
    /// Sent with the second factor.
    mfa_token: String,
    /// Seconds for which it is good.
    expires_in: u64,
    /// What the account has: `totp`, `passkey`, `recovery_code`.
    factors: Vec<String>,
}

#[derive(ApiResponse)]
pub(super) enum LoginResponse {
    /// Logged in. A new token each time, after the password was checked.
    #[oai(status = 200)]
    LoggedIn(Json<AccessToken>, #[oai(header = "X-Position")] i64),
    /// The second factor is needed before anything is given out.
    #[oai(status = 202)]
    SecondFactor(Json<SecondFactor>),
}

refusals!(Login, V2, [400, 401, 403, 404, 408, 409, 413, 415, 422, 429, 500, 503, 504]);

#[OpenApi(prefix_path = "/api/v2/auth", tag = "Tag::Authentication")]
impl Auth {
    /// Log in
    ///
    /// Checks the password and opens a session. Ten attempts a minute from an address and for an account; after five
    /// failures an account waits, longer each time.
    #[oai(path = "/login", method = "post", operation_id = "login_v2")]
    async fn login(&self, visitor: Visitor, body: Json<Credentials>) -> Result<LoginResponse, Failure<Login>> {
        Ok(log_in(&visitor, body.0.into()).await?.into())
    }
}

impl From<Entered> for LoginResponse {
    fn from(entered: Entered) -> LoginResponse {
        match entered {
            Entered::In(inside) => {
                let Inside { account, issued, refresh_token, position } = *inside;
                let token = AccessToken {
                    access_token: issued.token,
                    token_type: "Bearer".into(),
                    expires_in: issued.expires_in.as_secs(),
                    refresh_token: refresh_token.expose_secret().into(),
                    user_id: account.user_id.0,
                };
                LoginResponse::LoggedIn(Json(token), position)
            }
            Entered::Halfway(pending) => LoginResponse::SecondFactor(Json(SecondFactor {
                mfa_token: pending.ticket.expose_secret().into(),
                expires_in: pending.expires_in.as_secs(),
                factors: pending.factors().into_iter().map(String::from).collect(),
            })),
        }
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
            refresh_token: "ysw7…".into(),
            user_id: uuid!("0199f5a4-3f00-7b3e-9c1a-5d2f6a8b4c01"),
        }
    }
}
