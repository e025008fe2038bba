//! Knowing the customer: a person hands in their data, a provider verifies it.

use aggregates::{Actor, KycCaseId, UserId, kyc, user};
use chrono::{DateTime, Datelike, NaiveDate, Utc};
use providers::kyc::{Applicant, Check};
use store::{AppendError, CheckReferences, PersonalData, Unit};
use zeroize::{Zeroize, Zeroizing};

use crate::{ATTEMPTS, Error, Origin, System, Written};

/// What the person hands in; the names are those of the account.
pub struct Submission {
    pub document_type: kyc::DocumentType,
    pub document_number: String,
    pub date_of_birth: NaiveDate,
    /// ISO 3166-1 alpha-2.
    pub country: String,
}

/// Where a person stands.
#[derive(Clone, Debug, PartialEq)]
pub struct KycView {
    pub status: kyc::Status,
    pub provider: Option<String>,
    pub decided_at: Option<DateTime<Utc>>,
    pub reasons: Vec<String>,
}

/// The sealed part of a case, as it lies in the event.
#[derive(serde::Serialize, serde::Deserialize, Zeroize)]
struct SealedApplicant {
    document_number: String,
    #[zeroize(skip)]
    date_of_birth: NaiveDate,
}

/// Opens a case and asks the provider. The answer is final, in review, or still pending; then a worker goes on.
pub async fn submit(
    system: &System,
    user_id: UserId,
    submission: Submission,
    origin: &Origin,
) -> Result<Written<KycView>, Error> {
    check(&submission)?;
    let store = &system.store;
    let applicant = Zeroizing::new(SealedApplicant {
        document_number: submission.document_number.trim().to_owned(),
        date_of_birth: submission.date_of_birth,
    });
    let plaintext = Zeroizing::new(serde_json::to_string(&*applicant).map_err(|e| Error::Internal(Box::new(e)))?);
    let command = kyc::Command::Submit {
        case_id: KycCaseId(store::new_id()),
        applicant: store.seal(user_id, PersonalData::Applicant, &plaintext).await?,
        document_type: submission.document_type,
        country: submission.country,
        now: crate::now(),
    };
    let resource = || "/api/v1/kyc/status".to_owned();
    let appended = append(system, user_id, &command, Actor::Person(user_id), origin).await;
    let position = appended.map_err(|e| e.about(resource))?;
    let finished = finish(system, user_id, origin).await.map_err(|e| e.after_intent(resource))?;
    Ok(Written { position: finished.position.max(position), ..finished })
}

/// Where the person stands, from the log: other flows build on it.
pub async fn status(system: &System, user_id: UserId) -> Result<KycView, Error> {
    Ok(view(&*system.store.load_latest::<kyc::Kyc>(user_id).await?))
}

/// Where somebody stands, for whoever may ask about other people.
pub async fn status_of(system: &System, user_id: UserId) -> Result<KycView, Error> {
    let person = system.store.load_latest::<user::User>(user_id).await?;
    if !person.is_registered() {
        return Err(Error::NotFound { what: "account" });
    }
    status(system, user_id).await
}

/// Asks the provider about the person's open case, pending or in review, and records what it says. Does nothing
/// without one.
pub async fn finish(system: &System, user_id: UserId, origin: &Origin) -> Result<Written<KycView>, Error> {
    let identity = system.store.load_latest::<kyc::Kyc>(user_id).await?;
    let Some(case) =
        identity.case().filter(|_| !identity.status().is_final() && identity.status() != kyc::Status::NotStarted)
    else {
        return Ok(Written { value: view(&identity), position: 0 });
    };
    let applicant = applicant(system, user_id, case).await?;
    let verifier = &system.providers.kyc;
    system.store.note_check(user_id, case.case_id, verifier.name(), &CheckReferences::default()).await?;
    let asked = system.providers.retry.run(system.settings.deadline(), || verifier.submit(case.case_id, &applicant));
    let position = match asked.await {
        Ok(Check { provider_reference, verdict: Some(verdict) }) => {
            let command = kyc::Command::RecordVerdict {
                case_id: case.case_id,
                provider: verifier.name().to_owned(),
                provider_reference,
                verdict,
                now: crate::now(),
            };
            append(system, user_id, &command, Actor::System("kyc"), origin).await?
        }
        Ok(Check { verdict: None, .. }) => 0,
        // The case stays pending and a worker asks again: a provider that is away is no verdict on the person.
        Err(failure) => {
            tracing::warn!(%failure, case = %case.case_id, "the KYC provider did not answer");
            0
        }
    };
    Ok(Written { value: view(&*system.store.load::<kyc::Kyc>(user_id).await?), position })
}

/// Looks at the check that a webhook of the provider speaks of.
pub(crate) async fn heard(system: &System, webhook: &[u8], origin: &Origin) -> Result<(), Error> {
    let verifier = &system.providers.kyc;
    let Some(reference) = verifier.mentioned(webhook) else { return Ok(()) };
    // Nobody's: of another system with the same account, or of somebody who tried and is gone.
    let Some(user_id) = system.store.check_owner(verifier.name(), &reference).await? else { return Ok(()) };
    finish(system, user_id, origin).await.map(drop)
}

async fn append(
    system: &System,
    user_id: UserId,
    command: &kyc::Command,
    actor: Actor,
    origin: &Origin,
) -> Result<i64, Error> {
    let store = &system.store;
    for _ in 0..ATTEMPTS {
        let identity = store.load_latest::<kyc::Kyc>(user_id).await?;
        let events = identity.decide(command.clone())?;
        if events.is_empty() {
            return Ok(0);
        }
        match store.append(Unit::new(origin.context(actor)).stream(&identity, events)).await {
            Ok(appended) => return Ok(appended.position),
            Err(AppendError::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Error::Conflict)
}

async fn applicant(system: &System, user_id: UserId, case: &kyc::Case) -> Result<Applicant, Error> {
    let store = &system.store;
    let person = store.load::<user::User>(user_id).await?;
    let (Some(first_name), Some(last_name)) = (person.first_name(), person.last_name()) else {
        return Err(Error::NotFound { what: "account" });
    };
    let plaintext = store.open(user_id, PersonalData::Applicant, &case.applicant).await?;
    let sealed: Zeroizing<SealedApplicant> =
        Zeroizing::new(serde_json::from_str(&plaintext).map_err(|e| Error::Internal(Box::new(e)))?);
    Ok(Applicant {
        first_name: store.open(user_id, PersonalData::FirstName, first_name).await?.to_string(),
        last_name: store.open(user_id, PersonalData::LastName, last_name).await?.to_string(),
        date_of_birth: sealed.date_of_birth,
        document_type: case.document_type,
        document_number: sealed.document_number.clone(),
        country: case.country.clone(),
    })
}

fn view(identity: &kyc::Kyc) -> KycView {
    let case = identity.case();
    KycView {
        status: identity.status(),
        provider: case.and_then(|case| case.provider.clone()),
        decided_at: case.and_then(|case| case.decided_at),
        reasons: case.map(|case| case.reasons.clone()).unwrap_or_default(),
    }
}

fn check(submission: &Submission) -> Result<(), Error> {
    let number = submission.document_number.trim();
    if !(4..=64).contains(&number.len()) || !number.chars().all(|c| c.is_ascii_alphanumeric() || c == '-') {
        return Err(Error::invalid("document_number", "has 4 to 64 letters, digits or dashes"));
    }
    if submission.country.len() != 2 || !submission.country.bytes().all(|b| b.is_ascii_uppercase()) {
        return Err(Error::invalid("country", "is a code of two upper-case letters (ISO 3166-1 alpha-2)"));
    }
    let today = crate::now().date_naive();
    match today.years_since(submission.date_of_birth) {
        Some(age) if age >= 18 && submission.date_of_birth.year() >= 1900 => Ok(()),
        Some(_) | None => Err(Error::invalid("date_of_birth", "must be that of an adult")),
    }
}
