use aggregates::{
    Actor, UserId,
    user::{Command, Event, User},
};
use providers::social::Vouched;
use store::{AppendError, Loaded, PersonalData, Unit, identities::CLAIM};

use super::Return;
use crate::{
    Error, Origin, System,
    accounts::{name, normalised_email},
};

/// The account that an identity opens: the one it is linked to, or a new one where the provider vouches for an address
/// that no account has.
pub(super) async fn of(
    system: &System,
    provider: &str,
    vouched: &Vouched,
    back: &Return,
    origin: &Origin,
) -> Result<UserId, Error> {
    let store = &system.store;
    let identity = store.external_id(&vouched.issuer, &vouched.subject);
    if let Some(user_id) = store.identity_owner(&identity).await? {
        store.used_identity(user_id, &identity).await?;
        return Ok(user_id);
    }
    let email = vouched.email.as_deref().filter(|_| vouched.email_verified).ok_or(Error::EmailNotVouched)?;
    let email = normalised_email(email).map_err(|_| Error::EmailNotVouched)?;
    let email_index = store.email_index(&email);
    if store.account_by_email(&email_index).await?.is_some() {
        return Err(Error::LinkRequired);
    }
    let first_name = chosen("first_name", &vouched.given_name, &back.first_name)?;
    let last_name = chosen("last_name", &vouched.family_name, &back.last_name)?;

    // Secrets first: without the event they are never found, with it they have to be there.
    let user_id = UserId(store::new_id());
    store.create_person_key(user_id).await?;
    let register = Command::Register {
        email: store.seal(user_id, PersonalData::Email, &email).await?,
        email_index: email_index.clone(),
        first_name: store.seal(user_id, PersonalData::FirstName, &first_name).await?,
        last_name: store.seal(user_id, PersonalData::LastName, &last_name).await?,
        now: crate::now(),
    };
    let (identity_id, provider_name) = (identity.at(user_id), provider.to_owned());
    let link = Command::LinkIdentity { identity_id, provider: provider_name, now: crate::now() };
    let events = all([register, Command::VerifyEmail { now: crate::now() }, link])?;
    let noted_at = store.note_identity(user_id, &identity, provider).await?;
    let unit = Unit::new(origin.context(Actor::Person(user_id))).stream(&Loaded::<User>::new(user_id), events);
    let unit = unit.claim("email", email_index.0.as_bytes(), user_id.0).claim(CLAIM, identity.key(), user_id.0);
    match store.append(unit).await {
        Ok(_) => Ok(user_id),
        Err(AppendError::Taken) => {
            // Somebody was faster: perhaps the same person, twice.
            store.discard_secrets(user_id).await?;
            store.forget_identity(user_id, identity_id, noted_at).await?;
            let owner = store.identity_owner(&identity).await?;
            owner.ok_or(Error::LinkRequired)
        }
        Err(error) => Err(error.into()),
    }
}

/// What a new person's commands come to, one after the other.
fn all(commands: impl IntoIterator<Item = Command>) -> Result<Vec<Event>, Error> {
    let (mut person, mut events) = (User::default(), Vec::new());
    for command in commands {
        let next = person.decide(command)?;
        next.iter().for_each(|event| person.apply(event));
        events.extend(next);
    }
    Ok(events)
}

/// The provider's word before the app's.
fn chosen(field: &'static str, vouched: &Option<String>, told: &Option<String>) -> Result<String, Error> {
    let vouched = vouched.as_deref().and_then(|text| name(field, text).ok());
    match vouched {
        Some(vouched) => Ok(vouched),
        None => name(field, told.as_deref().unwrap_or_default()),
    }
}
