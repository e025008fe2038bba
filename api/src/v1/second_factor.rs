use flows::{accounts, factors::SecondProof};
use poem_openapi::{Object, OpenApi, types::Example};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::{Tag, auth::LoginResponse};
use crate::{
    auth::{Visitor, enter_by},
    json::Json,
    limits::Policy,
    problem::{Failure, refusals},
};

#[derive(Default)]
pub struct SecondFactor;

#[derive(Object, Serialize, Deserialize)]
#[oai(example)]
struct SecondFactorRequest {
    /// From the first step.
    mfa_token: String,
    /// The six digits that the authenticator app shows, or a recovery code.
    code: String,
}

refusals!(SecondStep, V1, [400, 401, 404, 408, 409, 413, 415, 422, 429, 500, 503, 504]);

#[OpenApi(prefix_path = "/api/v1/auth", tag = "Tag::Authentication")]
impl SecondFactor {
    /// Second step of a login
    ///
    /// Ends a login that was answered with 202. Five attempts within five minutes; then the login begins anew.
    #[oai(path = "/login/mfa", method = "post", operation_id = "loginSecondFactor")]
    async fn second_factor(
        &self,
        visitor: Visitor,
        body: Json<SecondFactorRequest>,
    ) -> Result<LoginResponse, Failure<SecondStep>> {
        let SecondFactorRequest { mfa_token, code } = body.0;
        visitor.strict(Policy::SecondFactor, Some(&mfa_token)).await?;
        let digits = code.len() == 6 && code.bytes().all(|byte| byte.is_ascii_digit());
        let (ticket, code) = (SecretString::from(mfa_token), SecretString::from(code));
        let proof = if digits { SecondProof::Totp(code) } else { SecondProof::RecoveryCode(code) };
        let (system, origin) = (&visitor.service.system, visitor.origin());
        Ok(enter_by(&visitor, accounts::second_factor(system, &ticket, proof, None, &origin)).await?.into())
    }
}

impl Example for SecondFactorRequest {
    fn example() -> SecondFactorRequest {
        SecondFactorRequest { mfa_token: "ysw7…".into(), code: "287082".into() }
    }
}
