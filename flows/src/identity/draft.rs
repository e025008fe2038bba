//! Putting a case together.

use aggregates::{Actor, KycCaseId, Sealed, UserId, kyc};
use store::{PersonalData, documents::DocumentKey};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::{Submission, change, finish, own, submission};
use crate::{Error, Origin, System, Written};

const LONGEST_LINE: usize = 100;

/// Where an applicant lives.
#[derive(serde::Serialize, serde::Deserialize, Zeroize, ZeroizeOnDrop)]
pub struct Address {
    /// Street and number.
    pub street: String,
    pub town: String,
    pub postcode: String,
    /// Of the USA and the like.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// ISO 3166-1 alpha-2.
    pub country: String,
}

impl Address {
    fn check(&self) -> Result<(), Error> {
        let state = self.state.as_deref().unwrap_or("-");
        for (field, line) in
            [("street", &*self.street), ("town", &self.town), ("postcode", &self.postcode), ("state", state)]
        {
            let length = line.trim().chars().count();
            // The latter are what verification providers refuse.
            if !(1..=LONGEST_LINE).contains(&length) || line.chars().any(|c| c.is_control() || "!$%^*=<>".contains(c)) {
                return Err(Error::invalid(field, "has 1 to 100 characters, and none of !$%^*=<>"));
            }
        }
        submission::check_country("country", &self.country)
    }

    pub(super) async fn open(system: &System, user_id: UserId, sealed: &Sealed) -> Result<Address, Error> {
        let plaintext = system.store.open(user_id, PersonalData::Address, sealed).await?;
        serde_json::from_str(&plaintext).map_err(|e| Error::Internal(Box::new(e)))
    }
}

impl From<Address> for providers::kyc::Address {
    fn from(mut address: Address) -> Self {
        use std::mem::take;
        providers::kyc::Address {
            street: take(&mut address.street),
            town: take(&mut address.town),
            postcode: take(&mut address.postcode),
            state: address.state.take(),
            country: take(&mut address.country),
        }
    }
}

/// Begins a case, in place of one that is still being put together; its pictures go.
pub async fn open_draft(
    system: &System,
    user_id: UserId,
    level: kyc::Level,
    origin: &Origin,
) -> Result<Written<kyc::Kyc>, Error> {
    let (case_id, settings) = (KycCaseId(store::new_id()), &system.settings.kyc);
    let (attempts, most_changes) = (settings.attempts, settings.draft_changes);
    let command = kyc::Command::OpenDraft { case_id, level, attempts, most_changes, now: crate::now() };
    let before = own(system, user_id).await?;
    let opened = change(system, user_id, &command, Actor::Person(user_id), origin).await?;
    if let Some(draft) = before.draft() {
        for picture in &draft.pictures {
            let key = DocumentKey { user_id, case_id: draft.case_id, document_id: picture.document_id };
            system.store.delete_document(key).await?;
        }
    }
    Ok(opened)
}

/// Says who hands in what.
pub async fn give_details(
    system: &System,
    user_id: UserId,
    case_id: KycCaseId,
    submission: Submission,
    origin: &Origin,
) -> Result<Written<kyc::Kyc>, Error> {
    let details = submission::sealed(system, user_id, submission).await?;
    let most_changes = system.settings.kyc.draft_changes;
    let command = kyc::Command::GiveDetails { case_id, details, most_changes, now: crate::now() };
    change(system, user_id, &command, Actor::Person(user_id), origin).await
}

pub async fn give_address(
    system: &System,
    user_id: UserId,
    case_id: KycCaseId,
    address: Address,
    origin: &Origin,
) -> Result<Written<kyc::Kyc>, Error> {
    address.check()?;
    let plaintext = Zeroizing::new(serde_json::to_string(&address).map_err(|e| Error::Internal(Box::new(e)))?);
    let address = system.store.seal(user_id, PersonalData::Address, &plaintext).await?;
    let most_changes = system.settings.kyc.draft_changes;
    let command = kyc::Command::GiveAddress { case_id, address, most_changes, now: crate::now() };
    change(system, user_id, &command, Actor::Person(user_id), origin).await
}

/// Hands a complete case in and asks the provider. What it says may follow, by webhook or to a worker.
pub async fn submit_draft(
    system: &System,
    user_id: UserId,
    case_id: KycCaseId,
    origin: &Origin,
) -> Result<Written<kyc::Kyc>, Error> {
    let command = kyc::Command::SubmitDraft { case_id, now: crate::now() };
    let resource = || "/api/v2/kyc".to_owned();
    let submitted = change(system, user_id, &command, Actor::Person(user_id), origin).await;
    let position = submitted.map_err(|e| e.about(resource))?.position;
    let finished = finish(system, user_id, origin).await.map_err(|e| e.after_intent(resource))?;
    let identity = own(system, user_id).await.map_err(|e| e.after_intent(resource))?;
    Ok(Written { value: identity, position: finished.position.max(position) })
}
