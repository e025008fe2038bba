//! People as the issuer knows them.

use std::time::Duration;

use aggregates::{UserId, user::User};
use providers::{
    Failure,
    issuing::{self, Interval},
};
use store::{PersonalData, holders::Holder};
use tokio::time::timeout;

use crate::{Error, System};

/// How long a look through what an issuer has made may take: it may be many pages.
const LOOK_WITHIN: Duration = Duration::from_secs(300);

/// The issuer's name for the person, who is made known to it with their first card. None where the issuer wants to know
/// nobody. The inner error says what the issuer did not do.
pub(crate) async fn reference(system: &System, user_id: UserId) -> Result<Result<Option<String>, Failure>, Error> {
    let issuer = &system.providers.issuer;
    if !issuer.knows_holders() {
        return Ok(Ok(None));
    }
    let (store, name) = (&system.store, issuer.name());
    let known = store.issuer_holder(user_id, name).await?;
    let asked_at = match known {
        Some(Holder { reference: Some(reference), .. }) => return Ok(Ok(Some(reference))),
        Some(Holder { reference: None, asked_at }) => Some(asked_at),
        None => None,
    };
    let old = asked_at.filter(|asked_at| !system.settings.issuer_remembers(*asked_at));
    if let Some(from) = old {
        // After that nothing was sent without a look before it, which began another such time.
        let made = Interval { from, until: from + system.settings.issue_again_within() };
        match find(issuer.find_holder(user_id, made)).await {
            Ok(None) => {}
            Ok(Some(reference)) => {
                store.put_issuer_holder(user_id, name, &reference).await?;
                return Ok(Ok(Some(reference)));
            }
            Err(failure) => return Ok(Err(failure)),
        }
    }
    if asked_at.is_none() || old.is_some() {
        store.ask_issuer_holder(user_id, name, crate::now()).await?;
    }
    let holder = holder(system, user_id).await?;
    let deadline = system.settings.deadline();
    let enrolled = system.providers.retry.run(deadline, || issuer.enrol(user_id, &holder)).await;
    // A crash before this is stored makes the person known again under the same key: it is the same name.
    match &enrolled {
        Ok(Some(reference)) => store.put_issuer_holder(user_id, name, reference).await?,
        // Nothing was made, so nothing will have to be looked for.
        Err(failure) if !failure.may_have_happened() => store.forget_issuer_holder(user_id, name).await?,
        Ok(None) | Err(_) => {}
    }
    Ok(enrolled)
}

/// Looks for what an issuer may have made. Whatever goes wrong, it may have: a refusal is about the look alone.
pub(crate) async fn find<T>(look: impl Future<Output = Result<Option<T>, Failure>>) -> Result<Option<T>, Failure> {
    match timeout(LOOK_WITHIN, look).await {
        Ok(Ok(found)) => Ok(found),
        Ok(Err(failure)) => {
            tracing::warn!(%failure, "it is not known what the issuer made");
            Err(Failure::Unknown)
        }
        Err(_) => Err(Failure::Unknown),
    }
}

async fn holder(system: &System, user_id: UserId) -> Result<issuing::Holder, Error> {
    let store = &system.store;
    let person = store.load::<User>(user_id).await?;
    let (Some(first_name), Some(last_name)) = (person.first_name(), person.last_name()) else {
        return Err(Error::NotFound { what: "account" });
    };
    Ok(issuing::Holder {
        first_name: store.open(user_id, PersonalData::FirstName, first_name).await?.to_string(),
        last_name: store.open(user_id, PersonalData::LastName, last_name).await?.to_string(),
    })
}
