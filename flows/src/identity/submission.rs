//! Handing in a case, in one go or as it was put together.

use aggregates::{Actor, KycCaseId, UserId, kyc};
use chrono::{Datelike, NaiveDate};
use providers::kyc::Applicant;
use store::PersonalData;
use zeroize::{Zeroize, Zeroizing};

use super::{Address, KycView, change, finish};
use crate::{Error, Origin, System, Written};

/// What the person hands in; the names are those of the account.
pub struct Submission {
    pub document_type: kyc::DocumentType,
    pub document_number: String,
    pub date_of_birth: NaiveDate,
    /// ISO 3166-1 alpha-2.
    pub country: String,
}

/// The sealed part of a case, as it lies in the event.
#[derive(serde::Serialize, serde::Deserialize, Zeroize)]
pub(super) struct SealedApplicant {
    /// As the account had them when the case was put together. Earlier cases have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_name: Option<String>,
    pub document_number: String,
    #[zeroize(skip)]
    pub date_of_birth: NaiveDate,
}

/// Opens a case of level `basic` and asks the provider. The answer is final, in review, or still pending; then a
/// webhook or a worker goes on.
pub async fn submit(
    system: &System,
    user_id: UserId,
    submission: Submission,
    origin: &Origin,
) -> Result<Written<KycView>, Error> {
    let kyc::Details { applicant, document_type, country } = sealed(system, user_id, submission).await?;
    let command = kyc::Command::Submit {
        case_id: KycCaseId(store::new_id()),
        applicant,
        document_type,
        country,
        attempts: system.settings.kyc.attempts,
        now: crate::now(),
    };
    let resource = || "/api/v1/kyc/status".to_owned();
    let appended = change(system, user_id, &command, Actor::Person(user_id), origin).await;
    let position = appended.map_err(|e| e.about(resource))?.position;
    let finished = finish(system, user_id, origin).await.map_err(|e| e.after_intent(resource))?;
    Ok(Written { position: finished.position.max(position), ..finished })
}

/// Checks what somebody hands in, and seals it.
pub(super) async fn sealed(system: &System, user_id: UserId, submission: Submission) -> Result<kyc::Details, Error> {
    check(&submission)?;
    let Submission { document_type, document_number, date_of_birth, country } = submission;
    let mut names = account_names(system, user_id).await?;
    let applicant = Zeroizing::new(SealedApplicant {
        first_name: Some(std::mem::take(&mut names.0)),
        last_name: Some(std::mem::take(&mut names.1)),
        document_number: document_number.trim().to_owned(),
        date_of_birth,
    });
    let plaintext = Zeroizing::new(serde_json::to_string(&*applicant).map_err(|e| Error::Internal(Box::new(e)))?);
    let applicant = system.store.seal(user_id, PersonalData::Applicant, &plaintext).await?;
    Ok(kyc::Details { applicant, document_type, country })
}

/// A case's applicant in the clear.
pub(super) async fn applicant(system: &System, user_id: UserId, case: &kyc::Case) -> Result<Applicant, Error> {
    let mut sealed = open(system, user_id, case).await?;
    let mut names = match (sealed.first_name.take(), sealed.last_name.take()) {
        (Some(first), Some(last)) => Zeroizing::new((first, last)),
        (Some(_) | None, _) => account_names(system, user_id).await?,
    };
    let address = match &case.address {
        Some(address) => Some(Address::open(system, user_id, address).await?.into()),
        None => None,
    };
    Ok(Applicant {
        first_name: std::mem::take(&mut names.0),
        last_name: std::mem::take(&mut names.1),
        date_of_birth: sealed.date_of_birth,
        level: case.level,
        document_type: case.document_type,
        document_number: sealed.document_number.clone(),
        country: case.country.clone(),
        address,
    })
}

/// Whether the person still goes by the names that the case was handed in with.
pub(super) async fn keeps_names(system: &System, user_id: UserId, case: &kyc::Case) -> Result<bool, Error> {
    let sealed = open(system, user_id, case).await?;
    let now = account_names(system, user_id).await?;
    let same = |then: &Option<String>, now: &String| then.as_ref().is_none_or(|then| then == now);
    Ok(same(&sealed.first_name, &now.0) && same(&sealed.last_name, &now.1))
}

async fn open(system: &System, user_id: UserId, case: &kyc::Case) -> Result<Zeroizing<SealedApplicant>, Error> {
    let plaintext = system.store.open(user_id, PersonalData::Applicant, &case.applicant).await?;
    Ok(Zeroizing::new(serde_json::from_str(&plaintext).map_err(|e| Error::Internal(Box::new(e)))?))
}

async fn account_names(system: &System, user_id: UserId) -> Result<Zeroizing<(String, String)>, Error> {
    let store = &system.store;
    let person = store.load_latest::<aggregates::user::User>(user_id).await?;
    let (Some(first_name), Some(last_name)) = (person.first_name(), person.last_name()) else {
        return Err(Error::NotFound { what: "account" });
    };
    let first = store.open(user_id, PersonalData::FirstName, first_name).await?.to_string();
    let last = store.open(user_id, PersonalData::LastName, last_name).await?.to_string();
    Ok(Zeroizing::new((first, last)))
}

fn check(submission: &Submission) -> Result<(), Error> {
    let number = submission.document_number.trim();
    if !(4..=64).contains(&number.len()) || !number.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
        return Err(Error::invalid("document_number", "has 4 to 64 letters, digits or dashes"));
    }
    check_country("country", &submission.country)?;
    let today = crate::now().date_naive();
    match today.years_since(submission.date_of_birth) {
        Some(age) if age >= 18 && submission.date_of_birth.year() >= 1900 => Ok(()),
        Some(_) | None => Err(Error::invalid("date_of_birth", "must be that of an adult")),
    }
}

pub(super) fn check_country(field: &'static str, country: &str) -> Result<(), Error> {
    let known: Result<aggregates::card::Country, _> = country.parse();
    known.map(drop).map_err(|_| Error::invalid(field, "is a code of two upper-case letters (ISO 3166-1 alpha-2)"))
}
