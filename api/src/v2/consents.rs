use aggregates::ClientId;
use flows::consents;
use poem_openapi::{ApiResponse, Object, OpenApi, param::Path};
use serde::Serialize;
use uuid::Uuid;

use super::Tag;
use crate::{
    auth::{Caller, rights::SecurityManage},
    json::Json,
    problem::{Failure, refusals},
};

#[derive(Default)]
pub struct Consents;

/// What an application may do for the caller.
#[derive(Object, Serialize)]
struct Consent {
    client_id: Uuid,
    client_name: String,
    scopes: Vec<String>,
}

#[derive(Object, Serialize)]
struct ConsentList {
    items: Vec<Consent>,
}

#[derive(ApiResponse)]
enum ListResponse {
    /// All consents.
    #[oai(status = 200)]
    Consents(Json<ConsentList>),
}

#[derive(ApiResponse)]
enum WithdrawResponse {
    /// The consent is withdrawn; the application's sessions for the caller have ended.
    #[oai(status = 204)]
    Withdrawn(#[oai(header = "X-Position")] i64),
}

refusals!(List, V2, [401, 403, 429, 500, 503, 504]);
refusals!(Withdraw, V2, [400, 401, 403, 404, 409, 429, 500, 503, 504]);

#[OpenApi(prefix_path = "/api/v2/me/consents", tag = "Tag::Security")]
impl Consents {
    /// Applications with access
    ///
    /// What the caller has allowed third parties' applications to do.
    #[oai(path = "/", method = "get", operation_id = "listConsents")]
    async fn list(&self, caller: Caller<SecurityManage>) -> Result<ListResponse, Failure<List>> {
        let consents = consents::list(&caller.service.system, caller.user_id).await?;
        let items = consents.into_iter().map(|consent| Consent {
            client_id: consent.client_id.0,
            client_name: consent.client_name,
            scopes: consent.scopes.iter().map(|scope| scope.to_string()).collect(),
        });
        Ok(ListResponse::Consents(Json(ConsentList { items: items.collect() })))
    }

    /// Withdraw a consent
    ///
    /// The application loses its access at once.
    #[oai(path = "/:client_id", method = "delete", operation_id = "withdrawConsent")]
    async fn withdraw(
        &self,
        caller: Caller<SecurityManage>,
        client_id: Path<Uuid>,
    ) -> Result<WithdrawResponse, Failure<Withdraw>> {
        let (system, client) = (&caller.service.system, ClientId(client_id.0));
        let written = consents::withdraw(system, caller.user_id, client, &caller.origin()).await?;
        let (_, position) = caller.wrote(written);
        Ok(WithdrawResponse::Withdrawn(position))
    }
}
