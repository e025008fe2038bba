//! What operators see and do.

use aggregates::{Actor, CredentialId, KycCaseId, UserId, kyc};
use chrono::{DateTime, NaiveDate, Utc};
use store::{
    PersonalData,
    documents::{Document, DocumentKey},
    tables::WaitingCase,
};
use zeroize::Zeroizing;

use super::{change, submission::applicant};
use crate::{Error, Origin, System, Written};

const LONGEST_NOTE: usize = 2_000;
const MOST_REASONS: usize = 16;

/// A case as an operator sees it. Personal data.
pub struct Review {
    pub user_id: UserId,
    pub status: kyc::Status,
    pub case: kyc::Case,
    /// Where a watch list names the person: what told of it, in the provider's own names.
    pub hits: Vec<String>,
    pub applicant: ApplicantView,
    pub notes: Vec<NoteView>,
}

pub struct ApplicantView {
    pub first_name: String,
    pub last_name: String,
    pub date_of_birth: NaiveDate,
    pub document_number: String,
    /// In one line.
    pub address: Option<String>,
}

pub struct NoteView {
    pub operator: UserId,
    pub text: String,
    pub at: DateTime<Utc>,
}

/// The cases of other people that wait for an operator, the longest waiting first: those behind `after`; all, or those
/// that the operator has taken.
pub async fn work_list(
    system: &System,
    operator: UserId,
    after: Option<i64>,
    is_only_own: bool,
    limit: usize,
) -> Result<Vec<WaitingCase>, Error> {
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    Ok(system.store.work_list(operator, after.unwrap_or(0), is_only_own, limit).await?)
}

/// Shows a case in review to an operator, with the applicant's personal data. That they were looked at is in the log
/// before they are shown.
pub async fn review(
    system: &System,
    operator: UserId,
    case_id: KycCaseId,
    origin: &Origin,
) -> Result<Written<Review>, Error> {
    let user_id = owner(system, case_id).await?;
    let Written { value: (), position } =
        step(system, (user_id, operator), case_id, kyc::ReviewStep::Read, origin).await?;
    let identity = system.store.load_latest::<kyc::Kyc>(user_id).await?;
    let case = identity.case().filter(|case| case.case_id == case_id).ok_or(kyc::Error::NoSuchCase)?;
    let applicant = applicant(system, user_id, case).await?;
    let address = applicant.address.as_ref().map(|address| {
        let state = address.state.as_deref().unwrap_or_default();
        let town = format!("{} {} {state}", address.postcode, address.town);
        format!("{}, {}, {}", address.street, town.trim_end(), address.country)
    });
    let mut notes = Vec::with_capacity(case.notes.len());
    for note in &case.notes {
        let text = system.store.open(user_id, PersonalData::ReviewNote, &note.text).await?.to_string();
        notes.push(NoteView { operator: note.operator, text, at: note.at });
    }
    let applicant = ApplicantView {
        first_name: applicant.first_name.clone(),
        last_name: applicant.last_name.clone(),
        date_of_birth: applicant.date_of_birth,
        document_number: applicant.document_number.clone(),
        address,
    };
    let mut case = case.clone();
    let hits = identity.listing().map(|listing| listing.references.clone()).unwrap_or_default();
    if !hits.is_empty() && !case.reasons.iter().any(|reason| reason == kyc::WATCH_LIST) {
        case.reasons.insert(0, kyc::WATCH_LIST.to_owned());
    }
    let review = Review { user_id, status: identity.status(), case, hits, applicant, notes };
    Ok(Written { value: review, position })
}

/// Takes a review, from whoever has it.
pub async fn assign(
    system: &System,
    operator: UserId,
    case_id: KycCaseId,
    origin: &Origin,
) -> Result<Written<()>, Error> {
    let person = owner(system, case_id).await?;
    step(system, (person, operator), case_id, kyc::ReviewStep::Assign, origin).await
}

/// Writes something down about a case, for other operators. The person does not get to read it.
pub async fn note(
    system: &System,
    operator: UserId,
    case_id: KycCaseId,
    text: &str,
    origin: &Origin,
) -> Result<Written<()>, Error> {
    let text = text.trim();
    if text.is_empty() || text.chars().count() > LONGEST_NOTE {
        return Err(Error::invalid("text", "has 1 to 2000 characters"));
    }
    let person = owner(system, case_id).await?;
    let text = system.store.seal(person, PersonalData::ReviewNote, text).await?;
    step(system, (person, operator), case_id, kyc::ReviewStep::Note { text }, origin).await
}

/// Decides a case in review, or a watch list's hit, or proposes to where it takes two.
pub async fn decide(
    system: &System,
    operator: UserId,
    case_id: KycCaseId,
    decision: kyc::Decision,
    origin: &Origin,
) -> Result<Written<()>, Error> {
    if let kyc::Decision::Reject { reasons } = &decision {
        let plain =
            |code: &String| (1..=64).contains(&code.len()) && code.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
        if reasons.is_empty() || reasons.len() > MOST_REASONS || !reasons.iter().all(plain) {
            return Err(Error::invalid("reasons", "are 1 to 16 codes of lower-case letters and underscores"));
        }
    }
    let settings = &system.settings.kyc;
    let (four_eyes, valid_until) = (settings.four_eyes, settings.valid_until(crate::now()));
    let person = owner(system, case_id).await?;
    let step_ = kyc::ReviewStep::Decide { decision, four_eyes, valid_until };
    step(system, (person, operator), case_id, step_, origin).await
}

/// Shows a picture to an operator. That it was looked at is in the log before it is shown.
pub async fn view_document(
    system: &System,
    operator: UserId,
    case_id: KycCaseId,
    document_id: CredentialId,
    origin: &Origin,
) -> Result<(String, Zeroizing<Vec<u8>>), Error> {
    let person = owner(system, case_id).await?;
    step(system, (person, operator), case_id, kyc::ReviewStep::View { document_id }, origin).await?;
    let key = DocumentKey { user_id: person, case_id, document_id };
    // Its time may be over, or its person gone.
    let Document { format, content, kind: _ } = system.store.document(key).await?.ok_or(kyc::Error::NoSuchDocument)?;
    Ok((format, content))
}

async fn step(
    system: &System,
    (person, operator): (UserId, UserId),
    case_id: KycCaseId,
    step: kyc::ReviewStep,
    origin: &Origin,
) -> Result<Written<()>, Error> {
    let command = kyc::Command::Review { case_id, person, operator, step, now: crate::now() };
    let written = change(system, person, &command, Actor::Person(operator), origin).await?;
    let position = if written.position == 0 { system.store.head().await? } else { written.position };
    Ok(Written { value: (), position })
}

async fn owner(system: &System, case_id: KycCaseId) -> Result<UserId, Error> {
    system.store.case_owner(case_id).await?.ok_or_else(|| kyc::Error::NoSuchCase.into())
}
