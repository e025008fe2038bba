//! People as the issuer knows them.

use aggregates::{UserId, user::User};
use providers::{Failure, issuing::Holder};
use store::PersonalData;

use crate::{Error, System};

/// The issuer's name for the person, who is made known to it with their first card. None where the issuer wants to know
/// nobody. The inner error says what the issuer did not do.
pub(crate) async fn reference(system: &System, user_id: UserId) -> Result<Result<Option<String>, Failure>, Error> {
    let issuer = &system.providers.issuer;
    if !issuer.knows_holders() {
        return Ok(Ok(None));
    }
    if let Some(reference) = system.store.issuer_holder(user_id, issuer.name()).await? {
        return Ok(Ok(Some(reference)));
    }
    let holder = holder(system, user_id).await?;
    let deadline = system.settings.deadline();
    let enrolled = system.providers.retry.run(deadline, || issuer.enrol(user_id, &holder)).await;
    // A crash before this is stored makes the person known again under the same key: it is the same name.
    if let Ok(Some(reference)) = &enrolled {
        system.store.put_issuer_holder(user_id, issuer.name(), reference).await?;
    }
    Ok(enrolled)
}

async fn holder(system: &System, user_id: UserId) -> Result<Holder, Error> {
    let store = &system.store;
    let person = store.load::<User>(user_id).await?;
    let (Some(first_name), Some(last_name)) = (person.first_name(), person.last_name()) else {
        return Err(Error::NotFound { what: "account" });
    };
    Ok(Holder {
        first_name: store.open(user_id, PersonalData::FirstName, first_name).await?.to_string(),
        last_name: store.open(user_id, PersonalData::LastName, last_name).await?.to_string(),
    })
}
