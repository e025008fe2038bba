use aggregates::{CredentialId, Permission};
use chrono::{DateTime, Utc};
use flows::api_keys::{self, Shown, Wanted};
use poem_openapi::{ApiResponse, Object, OpenApi, param::Path, types::Example};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use uuid::{Uuid, uuid};

use super::Tag;
use crate::{
    auth::{Caller, rights::ApiKeysManage},
    json::Json,
    problem::{Failure, Problem, refusals},
};

#[derive(Default)]
pub struct ApiKeys;

#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields, example)]
struct NewApiKey {
    /// What the caller calls it.
    #[oai(validator(min_length = 1, max_length = 100))]
    label: String,
    /// What its user may do, such as `payments:read`; each among the caller's own rights.
    #[oai(validator(min_items = 1, max_items = 20))]
    scopes: Vec<String>,
    #[oai(validator(minimum(value = "1"), maximum(value = "365")))]
    expires_in_days: u32,
}

/// A key, without what it is proven with.
#[derive(Object, Serialize)]
#[oai(skip_serializing_if_is_none, example)]
struct ApiKey {
    key_id: Uuid,
    label: String,
    scopes: Vec<String>,
    created_at: DateTime<Utc>,
    expires_at: DateTime<Utc>,
    /// To the hour; absent if it was never used.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_used_at: Option<DateTime<Utc>>,
}

/// A new key. This is the only time that it is shown.
#[derive(Object, Serialize)]
#[oai(example)]
struct IssuedApiKey {
    /// Send it as `Authorization: Bearer`. Begins with `vck_`.
    api_key: String,
    key: ApiKey,
}

#[derive(Object, Serialize)]
struct ApiKeyList {
    keys: Vec<ApiKey>,
}

#[derive(ApiResponse)]
enum IssueResponse {
    /// The key.
    #[oai(status = 201)]
    Issued(Json<IssuedApiKey>, #[oai(header = "X-Position")] i64),
}

#[derive(ApiResponse)]
enum ListResponse {
    /// The keys that are good, the newest first; 20 at most.
    #[oai(status = 200)]
    Keys(Json<ApiKeyList>),
}

#[derive(ApiResponse)]
enum RevokeResponse {
    /// The key is refused from now on.
    #[oai(status = 204)]
    Revoked(#[oai(header = "X-Position")] i64),
}

refusals!(Issue, V2, [400, 401, 403, 404, 408, 409, 413, 415, 422, 429, 500, 503, 504]);
refusals!(List, V2, [401, 403, 404, 429, 500, 503, 504]);
refusals!(Revoke, V2, [400, 401, 403, 404, 409, 429, 500, 503, 504]);

#[OpenApi(prefix_path = "/api/v2", tag = "Tag::ApiKeys")]
impl ApiKeys {
    /// Issue an API key
    ///
    /// For a program of the caller's own, which then acts as the caller within the scopes. At most 20 at a time.
    #[oai(path = "/api-keys", method = "post", operation_id = "issueApiKey")]
    async fn issue(
        &self,
        caller: Caller<ApiKeysManage>,
        body: Json<NewApiKey>,
    ) -> Result<IssueResponse, Failure<Issue>> {
        let (system, wanted) = (&caller.service.system, body.0.read()?);
        let written = api_keys::issue(system, caller.user_id, wanted, &caller.origin()).await?;
        let ((shown, secret), position) = caller.wrote(written);
        let issued = IssuedApiKey { api_key: secret.expose_secret().into(), key: shown.into() };
        Ok(IssueResponse::Issued(Json(issued), position))
    }

    /// My API keys
    ///
    /// The caller's keys that are neither expired nor revoked.
    #[oai(path = "/api-keys", method = "get", operation_id = "listApiKeys")]
    async fn list(&self, caller: Caller<ApiKeysManage>) -> Result<ListResponse, Failure<List>> {
        let keys = api_keys::list(&caller.service.system, caller.user_id).await?;
        Ok(ListResponse::Keys(Json(ApiKeyList { keys: keys.into_iter().map(ApiKey::from).collect() })))
    }

    /// Revoke an API key
    ///
    /// The key is refused from the next request on.
    #[oai(path = "/api-keys/:key_id", method = "delete", operation_id = "revokeApiKey")]
    async fn revoke(
        &self,
        caller: Caller<ApiKeysManage>,
        key_id: Path<Uuid>,
    ) -> Result<RevokeResponse, Failure<Revoke>> {
        let (user_id, key_id) = (caller.user_id, CredentialId(key_id.0));
        let revoke = |system, origin| async move { api_keys::revoke(&system, user_id, key_id, &origin).await };
        let ((), position) = caller.wrote(caller.apart(revoke).await?);
        Ok(RevokeResponse::Revoked(position))
    }
}

impl NewApiKey {
    fn read(self) -> Result<Wanted, Problem> {
        let NewApiKey { label, scopes, expires_in_days } = self;
        let scopes = scopes.iter().map(|scope| Permission::parse(scope)).collect::<Option<Vec<_>>>();
        let scopes = scopes.filter(|scopes| !scopes.is_empty());
        let scopes = scopes.ok_or_else(|| Problem::invalid("scopes", "has names of rights, at least one"))?;
        Ok(Wanted { label, scopes, expires_in_days })
    }
}

impl From<Shown> for ApiKey {
    fn from(shown: Shown) -> ApiKey {
        let Shown { key_id, label, scopes, created_at, expires_at, last_used_at } = shown;
        let scopes = scopes.iter().map(|scope| scope.as_str().into()).collect();
        ApiKey { key_id: key_id.0, label, scopes, created_at, expires_at, last_used_at }
    }
}

impl Example for NewApiKey {
    fn example() -> NewApiKey {
        NewApiKey { label: "Accounting".into(), scopes: vec!["payments:read".into()], expires_in_days: 90 }
    }
}

impl Example for ApiKey {
    fn example() -> ApiKey {
        let at = DateTime::UNIX_EPOCH + chrono::TimeDelta::seconds(1_760_970_605);
        ApiKey {
            key_id: uuid!("0199f5a6-2b40-7c11-9e5d-7d9a4f3b0e04"),
            label: "Accounting".into(),
            scopes: vec!["payments:read".into()],
            created_at: at,
            expires_at: at + chrono::TimeDelta::days(90),
            last_used_at: None,
        }
    }
}

impl Example for IssuedApiKey {
    fn example() -> IssuedApiKey {
        IssuedApiKey { api_key: "vck_…".into(), key: ApiKey::example() }
    }
}
