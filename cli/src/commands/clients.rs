use aggregates::{Actor, Permission, client::ClientKind};
use flows::{Origin, clients};
use secrecy::ExposeSecret;

use crate::{Config, Failure, Kind, NewClient, compose};

/// Registers a client, and prints its id and its first secret. The secret is not to be had again.
pub(crate) async fn register(config: &Config, new: NewClient) -> Result<(), Failure> {
    let system = compose::system(config, config.load_keys()?)?;
    let scopes = new
        .scope
        .iter()
        .map(|scope| Permission::parse(scope).ok_or_else(|| Failure::Other(format!("there is no scope `{scope}`"))));
    let client = clients::NewClient {
        name: new.name,
        kind: match new.kind {
            Kind::Service => ClientKind::Service,
            Kind::Confidential => ClientKind::Confidential,
            Kind::Public => ClientKind::Public,
        },
        redirect_uris: new.redirect_uri,
        scopes: scopes.collect::<Result<_, _>>()?,
    };
    let registered = clients::register(&system, Actor::System("cli"), client, &Origin::of_worker()).await;
    let (client, secret) = registered.map_err(|error| Failure::Other(error.to_string()))?.value;
    println!("client_id={}", client.client_id);
    if let Some(secret) = secret {
        println!("client_secret={}", secret.secret.expose_secret());
    }
    Ok(())
}
