//! OAuth clients: registered by administrators, with secrets that are shown once.

mod redirect;

use aggregates::{
    Actor, ClientId, CredentialId, Permission, SessionId,
    client::{self, Client, ClientKind, Command, Event},
};
use secrecy::SecretString;
use store::{AppendError, Loaded, Unit};

use crate::{ATTEMPTS, Error, Origin, System, Written, sessions};

pub(crate) use redirect::{is_registered, offers_itself_to_one};

const LONGEST_NAME: usize = 100;

/// Who registers as a client.
pub struct NewClient {
    pub name: String,
    pub kind: ClientKind,
    pub redirect_uris: Vec<String>,
    /// What it may ask for at most.
    pub scopes: Vec<Permission>,
}

/// A client as an administrator sees it.
#[derive(Clone, Debug)]
pub struct ClientView {
    pub client_id: ClientId,
    pub name: String,
    pub kind: ClientKind,
    pub redirect_uris: Vec<String>,
    pub scopes: Vec<Permission>,
    pub secrets: Vec<CredentialId>,
    pub disabled: bool,
}

/// A secret, which is shown once.
pub struct NewSecret {
    pub secret_id: CredentialId,
    pub secret: SecretString,
}

/// Clients, the newest first, and where the next page begins.
pub struct Clients {
    pub items: Vec<ClientView>,
    pub next: Option<i64>,
}

/// Registers a client; one that can keep a secret gets its first.
pub async fn register(
    system: &System,
    actor: Actor,
    new: NewClient,
    origin: &Origin,
) -> Result<Written<(ClientView, Option<NewSecret>)>, Error> {
    let NewClient { name, kind, redirect_uris, mut scopes } = checked(new)?;
    scopes.sort_unstable();
    scopes.dedup();
    let (client_id, now) = (ClientId(store::new_id()), crate::now());
    let store = &system.store;
    let stream = Loaded::<Client>::new(client_id);
    let mut client = Client::default();
    let mut events = client.decide(Command::Register { name, kind, redirect_uris, scopes, now })?;
    events.iter().for_each(|event| client.apply(event));
    // Row and secret first: without the event nobody finds them, with it they have to be there.
    store.list_client(client_id).await?;
    let mut secret = None;
    if kind != ClientKind::Public {
        let secret_id = CredentialId(store::new_id());
        let issued = client.decide(Command::IssueSecret { secret_id, now })?;
        issued.iter().for_each(|event| client.apply(event));
        events.extend(issued);
        secret = Some(NewSecret { secret_id, secret: store.create_client_secret(client_id, secret_id).await? });
    }
    let appended = store.append(Unit::new(origin.context(actor)).stream(&stream, events)).await?;
    Ok(Written { value: (view(client_id, &client)?, secret), position: appended.position })
}

/// Clients that were registered before the one with the number `before`.
pub async fn list(system: &System, before: Option<i64>, limit: usize) -> Result<Clients, Error> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let numbered = system.store.clients(before, limit).await?;
    let full = i64::try_from(numbered.len()).unwrap_or(i64::MAX) >= limit;
    let next = numbered.last().filter(|_| full).map(|(number, _)| *number);
    let mut items = Vec::with_capacity(numbered.len());
    for (_, client_id) in numbered {
        match get(system, client_id).await {
            Ok(client) => items.push(client),
            // Its registration did not come about.
            Err(Error::Client(client::Error::NotRegistered)) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(Clients { items, next })
}

pub async fn get(system: &System, client_id: ClientId) -> Result<ClientView, Error> {
    view(client_id, &*system.store.load_latest::<Client>(client_id).await?)
}

/// Gives a client one more secret, so that it can change over to it.
pub async fn issue_secret(
    system: &System,
    actor: Actor,
    client_id: ClientId,
    origin: &Origin,
) -> Result<Written<NewSecret>, Error> {
    let secret_id = CredentialId(store::new_id());
    let command = || Command::IssueSecret { secret_id, now: crate::now() };
    // Decided before the secret is made, so that whoever may not have one leaves nothing behind.
    system.store.load_latest::<Client>(client_id).await?.decide(command())?;
    let secret = system.store.create_client_secret(client_id, secret_id).await?;
    match change(system, actor, client_id, origin, |client| client.decide(command())).await {
        Ok(Written { position, .. }) => Ok(Written { value: NewSecret { secret_id, secret }, position }),
        Err(error) => {
            system.store.revoke_client_secret(client_id, secret_id).await?;
            Err(error)
        }
    }
}

/// Takes a secret back. Tokens that were got with it stay good until they expire or the client is disabled.
pub async fn revoke_secret(
    system: &System,
    actor: Actor,
    client_id: ClientId,
    secret_id: CredentialId,
    origin: &Origin,
) -> Result<Written<()>, Error> {
    let command = || Command::RevokeSecret { secret_id, now: crate::now() };
    // Only a secret that is known to the log is touched, and the table before the log: it is what counts.
    system.store.load_latest::<Client>(client_id).await?.decide(command())?;
    system.store.revoke_client_secret(client_id, secret_id).await?;
    change(system, actor, client_id, origin, |client| client.decide(command())).await
}

/// Stops a client for good. All its sessions end; those that did.
pub async fn disable(
    system: &System,
    actor: Actor,
    client_id: ClientId,
    origin: &Origin,
) -> Result<Written<Vec<SessionId>>, Error> {
    let disable = |client: &Client| client.decide(Command::Disable { now: crate::now() });
    system.store.load_latest::<Client>(client_id).await?.decide(Command::Disable { now: crate::now() })?;
    let end = || sessions::ended(system, move |store| async move { store.revoke_sessions_by(client_id).await });
    end().await?;
    let Written { position, .. } = change(system, actor, client_id, origin, disable).await?;
    // Once more: a session that was being opened meanwhile is found here, or meets the event.
    Ok(Written { value: end().await?, position })
}

async fn change(
    system: &System,
    actor: Actor,
    client_id: ClientId,
    origin: &Origin,
    decide: impl Fn(&Client) -> Result<Vec<Event>, client::Error>,
) -> Result<Written<()>, Error> {
    let store = &system.store;
    for _ in 0..ATTEMPTS {
        let client = store.load_latest::<Client>(client_id).await?;
        let events = decide(&client)?;
        if events.is_empty() {
            return Ok(Written { value: (), position: store.head().await? });
        }
        match store.append(Unit::new(origin.context(actor)).stream(&client, events)).await {
            Ok(appended) => return Ok(Written { value: (), position: appended.position }),
            Err(AppendError::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Error::Conflict)
}

fn view(client_id: ClientId, client: &Client) -> Result<ClientView, Error> {
    let registration = client.registration().ok_or(client::Error::NotRegistered)?;
    Ok(ClientView {
        client_id,
        name: registration.name.clone(),
        kind: registration.kind,
        redirect_uris: registration.redirect_uris.clone(),
        scopes: registration.scopes.clone(),
        secrets: client.secrets().to_vec(),
        disabled: client.is_disabled(),
    })
}

/// What the aggregate does not look at: the texts.
fn checked(new: NewClient) -> Result<NewClient, Error> {
    let name = new.name.trim().to_owned();
    if !(1..=LONGEST_NAME).contains(&name.chars().count()) || name.contains(char::is_control) {
        return Err(Error::invalid("name", format!("has 1 to {LONGEST_NAME} characters and no control characters")));
    }
    if new.scopes.is_empty() {
        return Err(Error::invalid("scopes", "has at least one"));
    }
    if new.redirect_uris.len() > client::MAX_REDIRECT_URIS {
        return Err(Error::invalid("redirect_uris", format!("has at most {}", client::MAX_REDIRECT_URIS)));
    }
    for uri in &new.redirect_uris {
        redirect::check(uri).map_err(|reason| Error::invalid("redirect_uris", reason))?;
    }
    Ok(NewClient { name, ..new })
}
