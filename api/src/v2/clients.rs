use aggregates::{Actor, ClientId, CredentialId, Permission, client::ClientKind};
use flows::clients::{self, ClientView, NewSecret};
use poem_openapi::{
    ApiResponse, Enum, Object, OpenApi,
    param::{Path, Query},
    types::Example,
};
use secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};
use uuid::{Uuid, uuid};

use super::Tag;
use crate::{
    auth::{Caller, rights::ClientsManage},
    json::Json,
    parameters::{Cursor, PageSize},
    problem::{Failure, Problem, refusals},
};

#[derive(Default)]
pub struct Clients;

#[derive(Clone, Copy, Enum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case")]
enum Kind {
    /// Acts for people who consented; keeps a secret.
    Confidential,
    /// Acts for people who consented; cannot keep a secret, such as an app on a device.
    Public,
    /// Acts for itself, by client credentials.
    Service,
}

#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields, example)]
struct NewClient {
    /// As people see it when they are asked for consent.
    #[oai(validator(min_length = 1, max_length = 100))]
    name: String,
    kind: Kind,
    /// Where people may be sent back to: https, http on 127.0.0.1 or [::1] (any port), or a private scheme that is a
    /// domain in reverse. Compared to the letter. None for a service.
    #[serde(default)]
    #[oai(default, validator(max_items = 10))]
    redirect_uris: Vec<String>,
    /// What it may ask for at most.
    #[oai(validator(min_items = 1, max_items = 30))]
    scopes: Vec<String>,
}

/// An OAuth client.
#[derive(Object, Serialize)]
#[oai(rename = "OAuthClient", example)]
struct Client {
    client_id: Uuid,
    name: String,
    kind: Kind,
    redirect_uris: Vec<String>,
    scopes: Vec<String>,
    /// The ids of the secrets that are in force.
    secrets: Vec<Uuid>,
    /// A disabled client is refused for good.
    disabled: bool,
}

#[derive(Object, Serialize)]
#[oai(skip_serializing_if_is_none)]
struct Registered {
    client: Client,
    /// The first secret, for a client that can keep one.
    #[serde(skip_serializing_if = "Option::is_none")]
    secret: Option<Secret>,
}

/// A client's secret. It is shown here and never again.
#[derive(Object, Serialize)]
#[oai(rename = "OAuthClientSecret")]
struct Secret {
    secret_id: Uuid,
    secret: String,
}

/// Clients, the newest first.
#[derive(Object, Serialize)]
#[oai(skip_serializing_if_is_none)]
struct ClientList {
    items: Vec<Client>,
    /// Where the next page begins, if there may be one.
    #[serde(skip_serializing_if = "Option::is_none")]
    next_cursor: Option<String>,
}

#[derive(ApiResponse)]
enum RegisterResponse {
    /// The client is registered.
    #[oai(status = 201)]
    Registered(Json<Registered>, #[oai(header = "X-Position")] i64),
}

#[derive(ApiResponse)]
enum ListResponse {
    /// One page of clients.
    #[oai(status = 200)]
    Clients(Json<ClientList>),
}

#[derive(ApiResponse)]
enum SecretResponse {
    /// One more secret.
    #[oai(status = 201)]
    Issued(Json<Secret>, #[oai(header = "X-Position")] i64),
}

#[derive(ApiResponse)]
enum GoneResponse {
    /// Done; a repeat of disabling is, too.
    #[oai(status = 204)]
    Gone(#[oai(header = "X-Position")] i64),
}

refusals!(Register, V2, [400, 401, 403, 408, 409, 413, 415, 422, 429, 500, 503, 504]);
refusals!(List, V2, [400, 401, 403, 429, 500, 503, 504]);
refusals!(Change, V2, [400, 401, 403, 404, 409, 429, 500, 503, 504]);

#[OpenApi(prefix_path = "/api/v2/admin/clients", tag = "Tag::Administration")]
impl Clients {
    /// Register an OAuth client
    ///
    /// A third party's program that acts for people who consent, or a service that acts for itself.
    #[oai(path = "/", method = "post", operation_id = "registerClient")]
    async fn register(
        &self,
        caller: Caller<ClientsManage>,
        body: Json<NewClient>,
    ) -> Result<RegisterResponse, Failure<Register>> {
        let actor = Actor::Person(caller.user_id);
        let written = clients::register(&caller.service.system, actor, body.0.read()?, &caller.origin()).await?;
        let ((client, secret), position) = caller.wrote(written);
        let registered = Registered { client: client.into(), secret: secret.map(Secret::from) };
        Ok(RegisterResponse::Registered(Json(registered), position))
    }

    /// OAuth clients
    ///
    /// All of them, disabled ones included, the newest first.
    #[oai(path = "/", method = "get", operation_id = "listClients")]
    async fn list(
        &self,
        caller: Caller<ClientsManage>,
        limit: Query<Option<PageSize>>,
        cursor: Query<Option<Cursor>>,
    ) -> Result<ListResponse, Failure<List>> {
        let PageSize(limit) = limit.0.unwrap_or(PageSize::DEFAULT);
        let before = cursor.0.map(|Cursor(before)| before);
        let page = clients::list(&caller.service.system, before, limit).await?;
        let items = page.items.into_iter().map(Client::from).collect();
        Ok(ListResponse::Clients(Json(ClientList { items, next_cursor: page.next.map(|next| next.to_string()) })))
    }

    /// Issue one more secret
    ///
    /// A client has at most two, so that it can change over from one to the other.
    #[oai(path = "/:client_id/secrets", method = "post", operation_id = "issueClientSecret")]
    async fn issue_secret(
        &self,
        caller: Caller<ClientsManage>,
        client_id: Path<Uuid>,
    ) -> Result<SecretResponse, Failure<Change>> {
        let actor = Actor::Person(caller.user_id);
        let written =
            clients::issue_secret(&caller.service.system, actor, ClientId(client_id.0), &caller.origin()).await?;
        let (secret, position) = caller.wrote(written);
        Ok(SecretResponse::Issued(Json(secret.into()), position))
    }

    /// Take a secret back
    ///
    /// It is refused from now on. Tokens that were got with it stay good until they expire.
    #[oai(path = "/:client_id/secrets/:secret_id", method = "delete", operation_id = "revokeClientSecret")]
    async fn revoke_secret(
        &self,
        caller: Caller<ClientsManage>,
        client_id: Path<Uuid>,
        secret_id: Path<Uuid>,
    ) -> Result<GoneResponse, Failure<Change>> {
        let (client, secret) = (ClientId(client_id.0), CredentialId(secret_id.0));
        let (system, actor) = (&caller.service.system, Actor::Person(caller.user_id));
        let written = clients::revoke_secret(system, actor, client, secret, &caller.origin()).await?;
        Ok(GoneResponse::Gone(caller.wrote(written).1))
    }

    /// Disable a client
    ///
    /// For good: its sessions end, and it gets no more tokens.
    #[oai(path = "/:client_id", method = "delete", operation_id = "disableClient")]
    async fn disable(
        &self,
        caller: Caller<ClientsManage>,
        client_id: Path<Uuid>,
    ) -> Result<GoneResponse, Failure<Change>> {
        let (system, actor) = (&caller.service.system, Actor::Person(caller.user_id));
        let written = clients::disable(system, actor, ClientId(client_id.0), &caller.origin()).await?;
        let (_, position) = caller.wrote(written);
        Ok(GoneResponse::Gone(position))
    }
}

impl NewClient {
    fn read(self) -> Result<clients::NewClient, Problem> {
        let scopes = self.scopes.iter().map(|scope| Permission::parse(scope)).collect::<Option<Vec<_>>>();
        Ok(clients::NewClient {
            name: self.name,
            kind: self.kind.into(),
            redirect_uris: self.redirect_uris,
            scopes: scopes.ok_or_else(|| Problem::invalid("scopes", "holds a scope that does not exist"))?,
        })
    }
}

impl From<Kind> for ClientKind {
    fn from(kind: Kind) -> ClientKind {
        match kind {
            Kind::Confidential => ClientKind::Confidential,
            Kind::Public => ClientKind::Public,
            Kind::Service => ClientKind::Service,
        }
    }
}

impl From<ClientView> for Client {
    fn from(view: ClientView) -> Client {
        Client {
            client_id: view.client_id.0,
            name: view.name,
            kind: match view.kind {
                ClientKind::Confidential => Kind::Confidential,
                ClientKind::Public => Kind::Public,
                ClientKind::Service => Kind::Service,
            },
            redirect_uris: view.redirect_uris,
            scopes: view.scopes.iter().map(|scope| scope.to_string()).collect(),
            secrets: view.secrets.iter().map(|secret| secret.0).collect(),
            disabled: view.disabled,
        }
    }
}

impl From<NewSecret> for Secret {
    fn from(new: NewSecret) -> Secret {
        Secret { secret_id: new.secret_id.0, secret: new.secret.expose_secret().into() }
    }
}

impl Example for NewClient {
    fn example() -> NewClient {
        NewClient {
            name: "Budget".into(),
            kind: Kind::Confidential,
            redirect_uris: vec!["https://budget.example/callback".into()],
            scopes: vec!["openid".into(), "payments:read".into()],
        }
    }
}

impl Example for Client {
    fn example() -> Client {
        Client {
            client_id: uuid!("0199f5a6-2a30-7c11-9d52-7e8f4b3c2d01"),
            name: "Budget".into(),
            kind: Kind::Confidential,
            redirect_uris: vec!["https://budget.example/callback".into()],
            scopes: vec!["openid".into(), "payments:read".into()],
            secrets: vec![uuid!("0199f5a6-2a30-7c11-9d52-7e8f4b3c2d02")],
            disabled: false,
        }
    }
}
