use aggregates::CredentialId;
use chrono::{DateTime, Utc};
use flows::factors::{self, PasskeyView, passkeys};
use poem_openapi::{
    ApiResponse, Object, OpenApi,
    param::{Header, Path},
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Tag, factors::PasswordAgain, proofs::Credential, second_factor::PasskeyChallenge};
use crate::{
    auth::{
        Caller,
        rights::{OwnersProof, SecurityManage},
    },
    json::Json,
    parameters::StepUpToken,
    problem::{Failure, refusals},
};

#[derive(Default)]
pub struct Passkeys;

/// A passkey of the caller.
#[derive(Object, Serialize)]
#[oai(skip_serializing_if_is_none)]
pub(super) struct Passkey {
    passkey_id: Uuid,
    /// As its owner calls it.
    label: String,
    created_at: DateTime<Utc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used_at: Option<DateTime<Utc>>,
}

#[derive(Object, Serialize)]
struct AllPasskeys {
    /// Oldest first.
    passkeys: Vec<Passkey>,
}

#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields)]
struct NewPasskey {
    /// From the options.
    ticket: String,
    credential: Credential,
    /// How the person calls it.
    #[oai(validator(min_length = 1, max_length = 100))]
    label: String,
}

#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields)]
struct Label {
    #[oai(validator(min_length = 1, max_length = 100))]
    label: String,
}

/// A passkey that was registered; with recovery codes, where the account had none.
#[derive(Object, Serialize)]
#[oai(skip_serializing_if_is_none)]
struct RegisteredPasskey {
    passkey: Passkey,
    /// Each is good once; they cannot be shown again.
    #[serde(skip_serializing_if = "Option::is_none")]
    recovery_codes: Option<Vec<String>>,
}

#[derive(ApiResponse)]
enum ListResponse {
    /// The passkeys.
    #[oai(status = 200)]
    Passkeys(Json<AllPasskeys>),
}

#[derive(ApiResponse)]
enum OptionsResponse {
    /// What the authenticator is to make.
    #[oai(status = 200)]
    Options(Json<PasskeyChallenge>),
}

#[derive(ApiResponse)]
enum RegisterResponse {
    /// The passkey counts from now on, and other sessions have ended.
    #[oai(status = 201)]
    Registered(Json<RegisteredPasskey>, #[oai(header = "X-Position")] i64),
}

#[derive(ApiResponse)]
enum RenameResponse {
    /// It has its new name.
    #[oai(status = 204)]
    Renamed,
}

#[derive(ApiResponse)]
enum RemoveResponse {
    /// The passkey does not count any more, and other sessions have ended.
    #[oai(status = 204)]
    Removed(#[oai(header = "X-Position")] i64),
}

refusals!(List, V2, [401, 403, 404, 429, 500, 503, 504]);
refusals!(Options, V2, [400, 401, 403, 404, 408, 409, 413, 415, 422, 429, 500, 503, 504]);
refusals!(Register, V2, [400, 401, 403, 404, 408, 409, 413, 415, 422, 429, 500, 503, 504]);
refusals!(Rename, V2, [400, 401, 403, 404, 408, 413, 415, 422, 429, 500, 503, 504]);
refusals!(Remove, V2, [400, 401, 403, 404, 409, 429, 500, 503, 504]);

#[OpenApi(prefix_path = "/api/v2/me/passkeys", tag = "Tag::Factors")]
impl Passkeys {
    /// My passkeys
    ///
    /// The caller's passkeys, the oldest first.
    #[oai(path = "/", method = "get", operation_id = "listPasskeys")]
    async fn list(&self, caller: Caller<SecurityManage>) -> Result<ListResponse, Failure<List>> {
        let factors = factors::list(&caller.service.system, caller.user_id).await?;
        let passkeys = factors.passkeys.into_iter().map(Passkey::from).collect();
        Ok(ListResponse::Passkeys(Json(AllPasskeys { passkeys })))
    }

    /// Options for a new passkey
    ///
    /// Needs a login of the last five minutes or the password; and, where there is a second factor already, a login
    /// with it or a step-up for `account`.
    #[oai(path = "/options", method = "post", operation_id = "newPasskeyOptions")]
    async fn options(
        &self,
        caller: Caller<OwnersProof>,
        #[oai(name = "X-Step-Up-Token")] step_up: Header<Option<StepUpToken>>,
        body: Json<PasswordAgain>,
    ) -> Result<OptionsResponse, Failure<Options>> {
        let presence = body.0.presence(step_up.0);
        let ceremony = passkeys::begin(&caller.service.system, caller.principal(), presence, &caller.origin()).await?;
        Ok(OptionsResponse::Options(Json(ceremony.into())))
    }

    /// Register a passkey
    ///
    /// Keeps what the authenticator made for the options. Twenty passkeys at most.
    #[oai(path = "/", method = "post", operation_id = "registerPasskey")]
    async fn register(
        &self,
        caller: Caller<SecurityManage>,
        body: Json<NewPasskey>,
    ) -> Result<RegisterResponse, Failure<Register>> {
        let NewPasskey { ticket, credential, label } = body.0;
        let (principal, ticket, credential) = (caller.principal(), SecretString::from(ticket), credential.value());
        let register = |system, origin| async move {
            passkeys::register(&system, principal, &ticket, credential, &label, &origin).await
        };
        let (registered, position) = caller.wrote(caller.apart(register).await?);
        Ok(RegisterResponse::Registered(Json(registered.into()), position))
    }

    /// Rename a passkey
    ///
    /// Calls it something else.
    #[oai(path = "/:passkey_id", method = "patch", operation_id = "renamePasskey")]
    async fn rename(
        &self,
        caller: Caller<SecurityManage>,
        passkey_id: Path<Uuid>,
        body: Json<Label>,
    ) -> Result<RenameResponse, Failure<Rename>> {
        let (system, passkey_id) = (&caller.service.system, CredentialId(passkey_id.0));
        passkeys::label(system, caller.user_id, passkey_id, &body.0.label).await?;
        Ok(RenameResponse::Renamed)
    }

    /// Remove a passkey
    ///
    /// Needs a step-up for `account`. Refused where nobody could log in to the account any more.
    #[oai(path = "/:passkey_id", method = "delete", operation_id = "removePasskey")]
    async fn remove(
        &self,
        caller: Caller<SecurityManage>,
        passkey_id: Path<Uuid>,
        #[oai(name = "X-Step-Up-Token")] step_up: Header<Option<StepUpToken>>,
    ) -> Result<RemoveResponse, Failure<Remove>> {
        let (principal, passkey_id) = (caller.principal(), CredentialId(passkey_id.0));
        let step_up = step_up.0.map(|StepUpToken(token)| token);
        let remove = |system, origin| async move {
            passkeys::remove(&system, principal, passkey_id, step_up.as_ref(), &origin).await
        };
        let ((), position) = caller.wrote(caller.apart(remove).await?);
        Ok(RemoveResponse::Removed(position))
    }
}

impl From<PasskeyView> for Passkey {
    fn from(view: PasskeyView) -> Passkey {
        let PasskeyView { passkey_id, label, created_at, last_used_at } = view;
        Passkey { passkey_id: passkey_id.0, label, created_at, last_used_at }
    }
}

impl From<passkeys::Registered> for RegisteredPasskey {
    fn from(registered: passkeys::Registered) -> RegisteredPasskey {
        let codes = registered.recovery_codes.iter().map(|code| code.expose_secret().to_owned()).collect::<Vec<_>>();
        RegisteredPasskey { passkey: registered.passkey.into(), recovery_codes: (!codes.is_empty()).then_some(codes) }
    }
}
