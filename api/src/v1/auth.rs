use flows::accounts::{self, Pending};
use poem_openapi::{ApiResponse, Object, OpenApi, types::Example};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::{Tag, users::User};
use crate::{
    auth::{Caller, Entered, Inside, Visitor, rights::SecurityManage},
    hidden::Hidden,
    json::Json,
    problem::{Failure, refusals},
};

#[derive(Default)]
pub struct Auth;

#[derive(Object, Deserialize)]
#[oai(skip_serializing_if_is_none, example)]
struct LoginRequest {
    email: String,
    password: Hidden,
    /// Which device this is; fraud screening learns from it.
    #[oai(nullable, validator(min_length = 1, max_length = 128))]
    device_id: Option<String>,
}

#[derive(Object, Serialize)]
#[oai(example)]
pub(super) struct LoggedIn {
    success: bool,
    /// The access token: send it as `Authorization: Bearer`.
    token: String,
    /// Seconds for which the token is good.
    expires_in: u64,
    /// Good for one use, for the next access token.
    refresh_token: String,
    user: User,
}

/// The password was right; the account has a second factor, which comes next.
#[derive(Object, Serialize)]
pub struct SecondFactorRequired {
    success: bool,
    mfa_required: bool,
    /// Sent with the second factor. Good for 5 minutes.
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
    LoggedIn(Json<LoggedIn>, #[oai(header = "X-Position")] i64),
    /// The second factor is needed before anything is given out.
    #[oai(status = 202)]
    SecondFactor(Json<SecondFactorRequired>),
}

#[derive(Object, Serialize)]
struct Done {
    success: bool,
}

#[derive(ApiResponse)]
enum LogoutResponse {
    /// The session has ended; its tokens are refused from now on.
    #[oai(status = 200)]
    LoggedOut(Json<Done>, #[oai(header = "X-Position")] i64),
}

refusals!(Login, V1, [400, 401, 403, 404, 408, 409, 413, 415, 422, 429, 500, 503, 504]);
refusals!(Logout, V1, [401, 403, 409, 429, 500, 503, 504]);

#[OpenApi(prefix_path = "/api/v1/auth", tag = "Tag::Authentication")]
impl Auth {
    /// Log in
    ///
    /// Checks the password and opens a session. Ten attempts a minute from an address and for an account; after five
    /// failures an account waits, longer each time.
    #[oai(path = "/login", method = "post", operation_id = "login")]
    async fn login(&self, visitor: Visitor, body: Json<LoginRequest>) -> Result<LoginResponse, Failure<Login>> {
        Ok(crate::auth::log_in(&visitor, body.0.into()).await?.into())
    }

    /// Log out
    ///
    /// Ends the session of the token that is sent.
    #[oai(path = "/logout", method = "post", operation_id = "logout")]
    async fn logout(&self, caller: Caller<SecurityManage>) -> Result<LogoutResponse, Failure<Logout>> {
        let ((), position) = caller.wrote(crate::auth::log_out(&caller).await?);
        Ok(LogoutResponse::LoggedOut(Json(Done { success: true }), position))
    }
}

impl From<Entered> for LoginResponse {
    fn from(entered: Entered) -> LoginResponse {
        match entered {
            Entered::In(inside) => {
                let Inside { account, issued, refresh_token, position } = *inside;
                let logged_in = LoggedIn {
                    success: true,
                    token: issued.token,
                    expires_in: issued.expires_in.as_secs(),
                    refresh_token: refresh_token.expose_secret().into(),
                    user: account.into(),
                };
                LoginResponse::LoggedIn(Json(logged_in), position)
            }
            Entered::Halfway(pending) => LoginResponse::SecondFactor(Json(pending.into())),
        }
    }
}

impl From<Pending> for SecondFactorRequired {
    fn from(pending: Pending) -> SecondFactorRequired {
        SecondFactorRequired {
            success: true,
            mfa_required: true,
            mfa_token: pending.ticket.expose_secret().into(),
            expires_in: pending.expires_in.as_secs(),
            factors: pending.factors().into_iter().map(String::from).collect(),
        }
    }
}

impl From<LoginRequest> for accounts::Login {
    fn from(request: LoginRequest) -> accounts::Login {
        let LoginRequest { email, password, device_id } = request;
        accounts::Login { email, password: SecretString::from(password), device_id }
    }
}

impl Example for LoginRequest {
    fn example() -> LoginRequest {
        LoginRequest {
            email: "user@example.com".into(),
            password: "securePassword123".into(),
            device_id: Some("device_uuid_123".into()),
        }
    }
}

impl Example for LoggedIn {
    fn example() -> LoggedIn {
        let token = "eyJ0eXAiOiJhdCtqd3QiLCJhbGciOiJSUzI1NiJ9.…".into();
        LoggedIn { success: true, token, expires_in: 900, refresh_token: "ysw7…".into(), user: User::example() }
    }
}
