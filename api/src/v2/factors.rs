use flows::factors::{self, Presence, recovery_codes, totp};
use poem_openapi::{ApiResponse, Object, OpenApi, param::Header};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::{Tag, passkeys::Passkey};
use crate::{
    auth::{
        Caller,
        rights::{OwnersProof, SecurityManage},
    },
    hidden::Hidden,
    json::Json,
    parameters::StepUpToken,
    problem::{Failure, refusals},
};

#[derive(Default)]
pub struct Factors;

/// What the account has beside its password.
#[derive(Object, Serialize)]
struct AllFactors {
    /// Whether an authenticator app is enabled.
    totp: bool,
    /// Oldest first.
    passkeys: Vec<Passkey>,
    /// How many recovery codes are left.
    recovery_codes: u32,
}

/// Shows who sits there, where the login is more than five minutes ago.
#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none)]
pub(super) struct PasswordAgain {
    #[oai(nullable, validator(max_length = 256))]
    pub(super) password: Option<Hidden>,
}

/// What an authenticator app needs. Shown once.
#[derive(Object, Serialize)]
struct Enrolment {
    /// Base 32, to be typed.
    secret: String,
    /// To be shown as a QR code.
    otpauth_url: String,
    /// Seconds within which the first code has to come.
    expires_in: u64,
}

#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields)]
struct FirstCode {
    /// The six digits that the app shows.
    code: String,
}

/// Codes for the day on which everything else is lost. Each is good once; they cannot be shown again.
#[derive(Object, Serialize)]
pub(super) struct RecoveryCodes {
    recovery_codes: Vec<String>,
}

#[derive(ApiResponse)]
enum ListResponse {
    /// The factors.
    #[oai(status = 200)]
    Factors(Json<AllFactors>),
}

#[derive(ApiResponse)]
enum BeginResponse {
    /// Nothing has changed yet: the first code enables the app.
    #[oai(status = 200)]
    Begun(Json<Enrolment>),
}

#[derive(ApiResponse)]
enum CodesResponse {
    /// New recovery codes; earlier ones are void.
    #[oai(status = 200)]
    Codes(Json<RecoveryCodes>, #[oai(header = "X-Position")] i64),
}

#[derive(ApiResponse)]
enum DisableResponse {
    /// The app does not count any more, and other sessions have ended.
    #[oai(status = 204)]
    Disabled(#[oai(header = "X-Position")] i64),
}

refusals!(List, V2, [401, 403, 404, 429, 500, 503, 504]);
refusals!(Begin, V2, [400, 401, 403, 404, 408, 409, 413, 415, 422, 429, 500, 503, 504]);
refusals!(Confirm, V2, [400, 401, 403, 404, 408, 409, 413, 415, 422, 429, 500, 503, 504]);
refusals!(Disable, V2, [400, 401, 403, 404, 409, 429, 500, 503, 504]);
refusals!(Renew, V2, [400, 401, 403, 404, 409, 429, 500, 503, 504]);

#[OpenApi(prefix_path = "/api/v2/me", tag = "Tag::Factors")]
impl Factors {
    /// My factors
    ///
    /// What the caller's account has beside its password.
    #[oai(path = "/factors", method = "get", operation_id = "listFactors")]
    async fn list(&self, caller: Caller<SecurityManage>) -> Result<ListResponse, Failure<List>> {
        let factors = factors::list(&caller.service.system, caller.user_id).await?;
        Ok(ListResponse::Factors(Json(AllFactors {
            totp: factors.totp,
            passkeys: factors.passkeys.into_iter().map(Passkey::from).collect(),
            recovery_codes: factors.recovery_codes,
        })))
    }

    /// Begin to set up an authenticator app
    ///
    /// Needs a login of the last five minutes or the password; and, where there is a second factor already, a login
    /// with it or a step-up for `account`.
    #[oai(path = "/totp", method = "post", operation_id = "beginTotp")]
    async fn begin(
        &self,
        caller: Caller<OwnersProof>,
        #[oai(name = "X-Step-Up-Token")] step_up: Header<Option<StepUpToken>>,
        body: Json<PasswordAgain>,
    ) -> Result<BeginResponse, Failure<Begin>> {
        let presence = body.0.presence(step_up.0);
        let enrolment = totp::begin(&caller.service.system, caller.principal(), presence, &caller.origin()).await?;
        Ok(BeginResponse::Begun(Json(Enrolment {
            secret: enrolment.secret.expose_secret().into(),
            otpauth_url: enrolment.otpauth_url.expose_secret().into(),
            expires_in: totp::CONFIRM_WITHIN.as_secs(),
        })))
    }

    /// Enable the authenticator app
    ///
    /// By its first code. Answers ten recovery codes and ends the caller's other sessions.
    #[oai(path = "/totp/confirm", method = "post", operation_id = "confirmTotp")]
    async fn confirm(
        &self,
        caller: Caller<SecurityManage>,
        body: Json<FirstCode>,
    ) -> Result<CodesResponse, Failure<Confirm>> {
        let (principal, code) = (caller.principal(), SecretString::from(body.0.code));
        let confirm = |system, origin| async move { totp::confirm(&system, principal, &code, &origin).await };
        let (codes, position) = caller.wrote(caller.apart(confirm).await?);
        Ok(CodesResponse::Codes(Json(RecoveryCodes::of(codes)), position))
    }

    /// Disable the authenticator app
    ///
    /// Needs a step-up for `account`. Recovery codes go with the last factor.
    #[oai(path = "/totp", method = "delete", operation_id = "disableTotp")]
    async fn disable(
        &self,
        caller: Caller<SecurityManage>,
        #[oai(name = "X-Step-Up-Token")] step_up: Header<Option<StepUpToken>>,
    ) -> Result<DisableResponse, Failure<Disable>> {
        let (principal, step_up) = (caller.principal(), step_up.0.map(|StepUpToken(token)| token));
        let disable =
            |system, origin| async move { totp::disable(&system, principal, step_up.as_ref(), &origin).await };
        let ((), position) = caller.wrote(caller.apart(disable).await?);
        Ok(DisableResponse::Disabled(position))
    }

    /// New recovery codes
    ///
    /// In the place of those that are left. Needs a step-up for `account`.
    #[oai(path = "/recovery-codes", method = "post", operation_id = "renewRecoveryCodes")]
    async fn renew(
        &self,
        caller: Caller<SecurityManage>,
        #[oai(name = "X-Step-Up-Token")] step_up: Header<Option<StepUpToken>>,
    ) -> Result<CodesResponse, Failure<Renew>> {
        let (principal, step_up) = (caller.principal(), step_up.0.map(|StepUpToken(token)| token));
        let renew =
            |system, origin| async move { recovery_codes::renew(&system, principal, step_up.as_ref(), &origin).await };
        let (codes, position) = caller.wrote(caller.apart(renew).await?);
        Ok(CodesResponse::Codes(Json(RecoveryCodes::of(codes)), position))
    }
}

impl PasswordAgain {
    pub fn presence(self, step_up: Option<StepUpToken>) -> Presence {
        Presence { password: self.password.map(SecretString::from), step_up: step_up.map(|StepUpToken(token)| token) }
    }
}

impl RecoveryCodes {
    fn of(codes: Vec<SecretString>) -> RecoveryCodes {
        RecoveryCodes { recovery_codes: codes.iter().map(|code| code.expose_secret().to_owned()).collect() }
    }
}
