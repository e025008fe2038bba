//! Knowing the customer: a person hands in their data and pictures, a provider verifies them, and operators decide what
//! the provider leaves to people.

mod applicants;
mod documents;
mod draft;
mod gate;
mod heard;
mod picture;
mod provider;
mod review;
mod settings;
mod submission;

use aggregates::{Actor, KycCaseId, UserId, kyc, user};
use chrono::{DateTime, Utc};
use store::{AppendError, Loaded, Unit};

use crate::{ATTEMPTS, Error, Origin, System, Written};

pub use applicants::forget;
pub use documents::add_document;
pub use draft::{Address, give_address, give_details, open_draft, submit_draft};
pub(crate) use gate::permits_card;
pub(crate) use heard::heard;
pub(crate) use picture::AT_ONCE as PICTURES_AT_ONCE;
pub use provider::finish;
pub use review::{ApplicantView, NoteView, Review, assign, decide, note, review, view_document, work_list};
pub use settings::Settings;
pub use submission::{Submission, submit};

/// Where a person stands.
#[derive(Clone, Debug, PartialEq)]
pub struct KycView {
    pub status: kyc::Status,
    pub provider: Option<String>,
    pub decided_at: Option<DateTime<Utc>>,
    /// Why the latest case was rejected. Why one is looked at is not told: the person could be warned.
    pub reasons: Vec<String>,
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

/// All that the person has handed in and been told, and what is being put together.
pub async fn own(system: &System, user_id: UserId) -> Result<kyc::Kyc, Error> {
    Ok(kyc::Kyc::clone(&*system.store.load_latest::<kyc::Kyc>(user_id).await?))
}

/// Before the person's names change: refused while a case goes by them, and an approval of them is over.
pub(crate) async fn leave_names(system: &System, user_id: UserId, origin: &Origin) -> Result<(), Error> {
    let command = kyc::Command::LeaveNames { now: crate::now() };
    change(system, user_id, &command, Actor::Person(user_id), origin).await.map(drop)
}

/// Records that the person's approval is over, or tells them that it will be soon. Does nothing otherwise.
pub async fn mind_approval(system: &System, user_id: UserId, origin: &Origin) -> Result<(), Error> {
    let now = crate::now();
    let identity = system.store.load_latest::<kyc::Kyc>(user_id).await?;
    let command = match identity.is_expired(now) {
        true => kyc::Command::Expire { now },
        false => kyc::Command::AnnounceExpiry { notice: system.settings.kyc.notice(), now },
    };
    change(system, user_id, &command, Actor::System("kyc"), origin).await.map(drop)
}

/// Decides on the person's verification as it is, appends, and decides anew where somebody else was faster.
async fn change(
    system: &System,
    user_id: UserId,
    command: &kyc::Command,
    actor: Actor,
    origin: &Origin,
) -> Result<Written<kyc::Kyc>, Error> {
    let store = &system.store;
    for _ in 0..ATTEMPTS {
        let identity = store.load_latest::<kyc::Kyc>(user_id).await?;
        let events = identity.decide(command.clone())?;
        let mut next = kyc::Kyc::clone(&identity);
        if events.is_empty() {
            return Ok(Written { value: next, position: 0 });
        }
        events.iter().for_each(|event| next.apply(event));
        match store.append(Unit::new(origin.context(actor)).stream(&identity, events)).await {
            Ok(appended) => return Ok(Written { value: next, position: appended.position }),
            Err(AppendError::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Error::Conflict)
}

fn view(identity: &kyc::Kyc) -> KycView {
    let (case, status) = (identity.case(), identity.status());
    let reasons = case.filter(|_| status == kyc::Status::Rejected).map(|case| case.reasons.clone());
    KycView {
        status,
        provider: case.and_then(|case| case.provider.clone()),
        // Not beside a hit that operators look at: the person is in review.
        decided_at: case.filter(|_| status.is_final()).and_then(|case| case.decided_at),
        reasons: reasons.unwrap_or_default(),
    }
}

/// The draft of this case, if it is the person's.
fn draft_of(identity: &Loaded<kyc::Kyc>, case_id: KycCaseId) -> Result<&kyc::Draft, Error> {
    identity.draft().filter(|draft| draft.case_id == case_id).ok_or_else(|| kyc::Error::NoSuchCase.into())
}
