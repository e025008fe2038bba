use flows::{
    accounts,
    factors::{SecondProof, passkeys::Ceremony},
};
use poem_openapi::{ApiResponse, Object, OpenApi};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};

use super::{
    Tag,
    auth::LoginResponse,
    proofs::{self, Credential, LoginProof, PasskeyOptions},
};
use crate::{
    auth::{Visitor, enter_by},
    json::Json,
    limits::Policy,
    problem::{Failure, Problem, refusals},
};

#[derive(Default)]
pub struct SecondFactors;

#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields)]
struct HalfDone {
    /// From the first step.
    mfa_token: String,
}

#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none)]
struct PasskeyLogin {
    /// From the options.
    ticket: String,
    credential: Credential,
    /// Which device this is; fraud screening learns from it.
    #[oai(nullable, validator(min_length = 1, max_length = 128))]
    device_id: Option<String>,
}

/// A challenge for an authenticator.
#[derive(Object, Serialize)]
pub(super) struct PasskeyChallenge {
    /// Sent back with what the authenticator answers.
    ticket: String,
    /// Seconds for which it is good.
    expires_in: u64,
    options: PasskeyOptions,
}

#[derive(ApiResponse)]
enum ChallengeResponse {
    /// What the authenticator is to sign.
    #[oai(status = 200)]
    Challenge(Json<PasskeyChallenge>),
}

refusals!(SecondStep, V2, [400, 401, 404, 408, 409, 413, 415, 422, 429, 500, 503, 504]);
refusals!(SecondStepOptions, V2, [400, 401, 404, 408, 413, 415, 422, 429, 500, 503, 504]);
refusals!(Options, V2, [429, 500, 503, 504]);
refusals!(Passkey, V2, [400, 401, 404, 408, 409, 413, 415, 422, 429, 500, 503, 504]);

#[OpenApi(prefix_path = "/api/v2/auth", tag = "Tag::Authentication")]
impl SecondFactors {
    /// Second step of a login
    ///
    /// Ends a login that was answered with 202, by an authenticator app's code, a recovery code or a passkey. Five
    /// attempts within five minutes; then the login begins anew.
    #[oai(path = "/login/second-factor", method = "post", operation_id = "secondFactor")]
    async fn second_factor(
        &self,
        visitor: Visitor,
        body: Json<LoginProof>,
    ) -> Result<LoginResponse, Failure<SecondStep>> {
        let (ticket, proof, challenge) = read(body.0)?;
        visitor.strict(Policy::SecondFactor, Some(ticket.expose_secret())).await?;
        let (system, origin) = (&visitor.service.system, visitor.origin());
        let entering = accounts::second_factor(system, &ticket, proof, challenge.as_ref(), &origin);
        Ok(enter_by(&visitor, entering).await?.into())
    }

    /// Passkey options for the second step
    ///
    /// What one of the account's passkeys is to sign for the second step of a login.
    #[oai(path = "/login/second-factor/passkey-options", method = "post", operation_id = "secondFactorPasskeyOptions")]
    async fn second_factor_options(
        &self,
        visitor: Visitor,
        body: Json<HalfDone>,
    ) -> Result<ChallengeResponse, Failure<SecondStepOptions>> {
        let ticket = SecretString::from(body.0.mfa_token);
        visitor.strict(Policy::SecondFactor, Some(ticket.expose_secret())).await?;
        let ceremony = accounts::begin_passkey(&visitor.service.system, &ticket).await?;
        let ceremony = ceremony.ok_or(flows::Error::NotFound { what: "passkey" })?;
        Ok(ChallengeResponse::Challenge(Json(ceremony.into())))
    }

    /// Passkey options for a login
    ///
    /// What a passkey is to sign to log its owner in without e-mail address and password. The same for everybody.
    #[oai(path = "/passkey/options", method = "post", operation_id = "passkeyLoginOptions")]
    async fn options(&self, visitor: Visitor) -> Result<ChallengeResponse, Failure<Options>> {
        visitor.strict(Policy::SecondFactor, None).await?;
        let ceremony = accounts::begin_passkey_login(&visitor.service.system).await?;
        Ok(ChallengeResponse::Challenge(Json(ceremony.into())))
    }

    /// Log in by passkey
    ///
    /// Opens a session for the passkey's owner. With the user verification that is demanded, a passkey is two factors.
    #[oai(path = "/passkey", method = "post", operation_id = "passkeyLogin")]
    async fn passkey(&self, visitor: Visitor, body: Json<PasskeyLogin>) -> Result<LoginResponse, Failure<Passkey>> {
        visitor.strict(Policy::Login, None).await?;
        let PasskeyLogin { ticket, credential, device_id } = body.0;
        let (system, origin, ticket) = (&visitor.service.system, visitor.origin(), SecretString::from(ticket));
        let entering = accounts::log_in_with_passkey(system, &ticket, credential.value(), device_id, &origin);
        Ok(enter_by(&visitor, entering).await?.into())
    }
}

type Read = (SecretString, SecondProof, Option<SecretString>);

fn read(proof: LoginProof) -> Result<Read, Problem> {
    let LoginProof { mfa_token, totp, recovery_code, passkey } = proof;
    let (challenge, credential) = passkey.map(|signed| (SecretString::from(signed.ticket), signed.credential)).unzip();
    Ok((SecretString::from(mfa_token), proofs::only(totp, recovery_code, credential)?, challenge))
}

impl From<Ceremony> for PasskeyChallenge {
    fn from(ceremony: Ceremony) -> PasskeyChallenge {
        PasskeyChallenge {
            ticket: ceremony.ticket.expose_secret().into(),
            expires_in: ceremony.expires_in.as_secs(),
            options: PasskeyOptions(ceremony.options),
        }
    }
}
