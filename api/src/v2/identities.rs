use aggregates::CredentialId;
use chrono::{DateTime, Utc};
use flows::{factors::Presence, social};
use poem_openapi::{
    ApiResponse, Object, OpenApi,
    param::{Header, Path},
};
use serde::Serialize;
use uuid::Uuid;

use super::{
    Tag,
    factors::PasswordAgain,
    social::{Arrival, Departure},
};
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
pub struct Identities;

/// An identity at a provider that the caller can log in with.
#[derive(Object, Serialize)]
#[oai(skip_serializing_if_is_none)]
struct Identity {
    identity_id: Uuid,
    provider: String,
    linked_at: DateTime<Utc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used_at: Option<DateTime<Utc>>,
}

#[derive(Object, Serialize)]
struct IdentityList {
    items: Vec<Identity>,
}

#[derive(Object, Serialize)]
struct Linked {
    identity_id: Uuid,
}

#[derive(ApiResponse)]
enum ListResponse {
    /// All linked identities.
    #[oai(status = 200)]
    Identities(Json<IdentityList>),
}

#[derive(ApiResponse)]
enum StartResponse {
    /// The linking has begun; the person has ten minutes.
    #[oai(status = 200)]
    Departure(Json<Departure>),
}

#[derive(ApiResponse)]
enum LinkResponse {
    /// The identity opens the account from now on.
    #[oai(status = 200)]
    Linked(Json<Linked>, #[oai(header = "X-Position")] i64),
}

#[derive(ApiResponse)]
enum UnlinkResponse {
    /// The identity opens nothing any more.
    #[oai(status = 204)]
    Unlinked(#[oai(header = "X-Position")] i64),
}

refusals!(List, V2, [401, 403, 404, 429, 500, 503, 504]);
refusals!(Start, V2, [400, 401, 403, 404, 408, 413, 415, 422, 429, 500, 502, 503, 504]);
refusals!(Complete, V2, [400, 401, 403, 404, 408, 409, 413, 415, 422, 429, 500, 502, 503, 504]);
refusals!(Unlink, V2, [400, 401, 403, 404, 409, 429, 500, 503, 504]);

#[OpenApi(prefix_path = "/api/v2/me/identities", tag = "Tag::Security")]
impl Identities {
    /// Linked identities
    ///
    /// With which the caller can log in through a provider.
    #[oai(path = "/", method = "get", operation_id = "listIdentities")]
    async fn list(&self, caller: Caller<SecurityManage>) -> Result<ListResponse, Failure<List>> {
        let identities = social::list(&caller.service.system, caller.user_id).await?;
        let items = identities.into_iter().map(|identity| Identity {
            identity_id: identity.identity_id.0,
            provider: identity.provider,
            linked_at: identity.linked_at,
            last_used_at: identity.last_used_at,
        });
        Ok(ListResponse::Identities(Json(IdentityList { items: items.collect() })))
    }

    /// Begin to link an identity
    ///
    /// Within five minutes after a login with all that the account has; later with the password, or with a step-up for
    /// `account` where it has a second factor. To be completed in the same session.
    #[oai(path = "/:provider/start", method = "post", operation_id = "startLinking")]
    async fn start(
        &self,
        caller: Caller<OwnersProof>,
        provider: Path<String>,
        #[oai(name = "X-Step-Up-Token")] step_up: Header<Option<StepUpToken>>,
        body: Json<PasswordAgain>,
    ) -> Result<StartResponse, Failure<Start>> {
        let (system, presence) = (&caller.service.system, body.0.presence(step_up.0));
        let url = social::start_linking(system, caller.principal(), &provider.0, presence, &caller.origin()).await?;
        Ok(StartResponse::Departure(Json(Departure { authorization_url: url })))
    }

    /// Complete the link
    ///
    /// An identity that another account has is refused.
    #[oai(path = "/:provider/complete", method = "post", operation_id = "completeLinking")]
    async fn complete(
        &self,
        caller: Caller<SecurityManage>,
        provider: Path<String>,
        body: Json<Arrival>,
    ) -> Result<LinkResponse, Failure<Complete>> {
        let (system, origin) = (&caller.service.system, caller.origin());
        let linking = social::complete_linking(system, caller.principal(), &provider.0, body.0.into(), &origin);
        let (CredentialId(identity_id), position) = caller.wrote(linking.await?);
        Ok(LinkResponse::Linked(Json(Linked { identity_id }), position))
    }

    /// Unlink an identity
    ///
    /// Refused if there would be no other way left to log in. Within five minutes after a login with all that the account
    /// has; later with a step-up for `account` where it has a second factor, else after another login. All other sessions
    /// end.
    #[oai(path = "/:identity_id", method = "delete", operation_id = "unlinkIdentity")]
    async fn unlink(
        &self,
        caller: Caller<SecurityManage>,
        identity_id: Path<Uuid>,
        #[oai(name = "X-Step-Up-Token")] step_up: Header<Option<StepUpToken>>,
    ) -> Result<UnlinkResponse, Failure<Unlink>> {
        let (system, origin, identity) = (&caller.service.system, caller.origin(), CredentialId(identity_id.0));
        let presence = Presence { password: None, step_up: step_up.0.map(|StepUpToken(token)| token) };
        let unlinking = social::unlink(system, caller.principal(), identity, presence, &origin);
        Ok(UnlinkResponse::Unlinked(caller.wrote(unlinking.await?).1))
    }
}
