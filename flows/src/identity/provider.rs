//! Asking the provider.

use aggregates::{
    Actor, UserId, kyc,
    user::{Standing, User},
};
use providers::{
    Failure,
    kyc::{Check, Known, Picture, PictureFormat},
};
use store::{
    CheckReferences,
    documents::{Document, DocumentKey},
};

use super::{
    KycView, applicants, change,
    submission::{applicant, keeps_names},
    view,
};
use crate::{Error, Origin, System, Written};

/// Asks the provider about the person's open case, pending or in review, and records what it says; what it leaves
/// undecided for too long is for people. Does nothing without an open case.
pub async fn finish(system: &System, user_id: UserId, origin: &Origin) -> Result<Written<KycView>, Error> {
    let identity = system.store.load_latest::<kyc::Kyc>(user_id).await?;
    let standing = system.store.load_latest::<User>(user_id).await?.standing();
    // Beside a hit of a watch list a case that is not decided waits until operators have cleared the hit.
    let is_open = match identity.case_status() {
        kyc::Status::Pending => identity.status() == kyc::Status::Pending,
        kyc::Status::InReview => true,
        kyc::Status::NotStarted | kyc::Status::Approved | kyc::Status::Rejected | kyc::Status::Expired => false,
    };
    // Nobody can say any more who an erased person was.
    let Some(case) = identity.case().filter(|_| is_open && standing != Standing::Erased) else {
        return Ok(Written { value: view(&identity), position: 0 });
    };
    let is_in_review = identity.case_status() == kyc::Status::InReview;
    let word = match standing {
        Standing::Open => word(system, user_id, case, is_in_review).await,
        // Of somebody who has left nothing is sent to anybody.
        Standing::Closed | Standing::Erased => Ok(None),
    };
    let (provider, now) = (system.providers.kyc.name().to_owned(), crate::now());
    let (case_id, settings) = (case.case_id, &system.settings.kyc);
    let command = match word {
        Ok(Some((provider_reference, verdict))) => {
            let (four_eyes, valid_until) = (settings.four_eyes, settings.valid_until(now));
            kyc::Command::RecordVerdict { case_id, provider, provider_reference, verdict, four_eyes, valid_until, now }
        }
        Ok(None) | Err(_) if identity.is_overdue(settings.patience(), now) => {
            let error = word.err().map(tracing::field::display);
            tracing::warn!(case = %case_id, error, "a case was not decided in time and goes to people");
            let patience = settings.patience();
            kyc::Command::Overdue { case_id, provider, provider_reference: case_id.to_string(), patience, now }
        }
        Ok(None) => return Ok(Written { value: view(&identity), position: 0 }),
        Err(error) => return Err(error),
    };
    let Written { value, position } = change(system, user_id, &command, Actor::System("kyc"), origin).await?;
    Ok(Written { value: view(&value), position })
}

/// What the provider makes of the case, with its own name for the check; none as long as it has not decided.
async fn word(
    system: &System,
    user_id: UserId,
    case: &kyc::Case,
    is_in_review: bool,
) -> Result<Option<(String, kyc::Verdict)>, Error> {
    let to_people = |reason: &str| {
        let verdict = kyc::Verdict::Review { reasons: vec![reason.to_owned()] };
        Ok(Some((case.case_id.to_string(), verdict)))
    };
    let checked = async {
        let Some(check) = asked(system, user_id, case, is_in_review).await? else { return Ok(None) };
        let Some(verdict) = check.verdict else { return Ok(None) };
        Ok(Some((check.provider_reference, confirmed(system, user_id, case, verdict).await?)))
    };
    match checked.await {
        Ok(word) => Ok(word),
        // 401 and 403 are about us, 404 about an address; what else is refused would be refused again: people look.
        Err(Asked::Failed(Failure::Refused { status, code })) if ![401, 403, 404].contains(&status) => {
            tracing::warn!(status, code, case = %case.case_id, "the KYC provider refuses a case");
            to_people("refused_by_provider")
        }
        // The case stays pending and a worker asks again: a provider that is away is no verdict on the person.
        Err(Asked::Failed(failure)) => {
            tracing::warn!(%failure, case = %case.case_id, "the KYC provider did not answer");
            Ok(None)
        }
        Err(Asked::PictureGone) => to_people("document_missing"),
        Err(Asked::Broken(error)) => Err(error),
    }
}

/// An approval counts where it is of this person, as they were handed over and as they are now.
async fn confirmed(
    system: &System,
    user_id: UserId,
    case: &kyc::Case,
    verdict: kyc::Verdict,
) -> Result<kyc::Verdict, Asked> {
    if verdict != kyc::Verdict::Approved {
        return Ok(verdict);
    }
    // Renamed at the very moment of handing in: what was verified is not who they are now.
    if !keeps_names(system, user_id, case).await? {
        return Ok(kyc::Verdict::Review { reasons: vec!["name_changed".into()] });
    }
    let references = system.store.check_references(user_id, case.case_id).await?.unwrap_or_default();
    let applicant = applicant(system, user_id, case).await?;
    let (verifier, known) = (&system.providers.kyc, names_of(case, &references));
    let (retry, deadline) = (system.providers.retry, system.settings.deadline());
    let mismatch = retry.run(deadline, || verifier.mismatch(&known, &applicant)).await?;
    Ok(mismatch.map_or(verdict, kyc::Verdict::from))
}

pub(super) fn names_of<'a>(case: &kyc::Case, references: &'a CheckReferences) -> Known<'a> {
    let (applicant, run) = (references.applicant.as_deref(), references.run.as_deref());
    Known { case: case.case_id, level: case.level, applicant, run }
}

/// Why there is no check.
pub(super) enum Asked {
    Failed(Failure),
    /// Its time was over before the case was handed in.
    PictureGone,
    Broken(Error),
}

impl From<Failure> for Asked {
    fn from(failure: Failure) -> Asked {
        Asked::Failed(failure)
    }
}

impl<E: Into<Error>> From<E> for Asked {
    fn from(error: E) -> Asked {
        Asked::Broken(error.into())
    }
}

/// The provider's check of the case: looked at, or asked for where there is none. None: it may have begun, and is
/// waited for.
async fn asked(system: &System, user_id: UserId, case: &kyc::Case, is_in_review: bool) -> Result<Option<Check>, Asked> {
    let (store, verifier, case_id) = (&system.store, &system.providers.kyc, case.case_id);
    let (retry, deadline) = (system.providers.retry, system.settings.deadline());
    let known = store.check_references(user_id, case_id).await?;
    let is_new = known.is_none();
    let mut references = known.unwrap_or_default();
    if !is_new {
        let names = names_of(case, &references);
        if let Some(check) = retry.run(deadline, || verifier.look_up(&names)).await? {
            return Ok(Some(check));
        }
    }
    // With people already: they decide on what was handed in, and nothing is sent again.
    if is_in_review {
        return Ok(None);
    }
    if is_new {
        // Before the provider hears of the case: its webhook may be faster than its answer.
        references = store.note_check(user_id, case_id, verifier.name(), &references).await?;
    }
    let applicant = applicant(system, user_id, case).await?;
    if references.applicant.is_none() {
        references.applicant = applicants::register(system, user_id, case_id, &applicant).await?;
        // Somebody else may have registered the applicant meanwhile: theirs is the one, and this one is left alone.
        references = store.note_check(user_id, case_id, verifier.name(), &references).await?;
    }
    let name = references.applicant.as_deref();
    if verifier.is_idempotent() {
        hand_over(system, user_id, case, name).await?;
        return Ok(Some(retry.run(deadline, || verifier.submit(case_id, name, &applicant)).await?));
    }
    // Before the pictures are sent, too: one at a time does that.
    if !store.claim_run(user_id, case_id, system.settings.kyc.run_patience()).await? {
        return Ok(None);
    }
    if let Err(error) = hand_over(system, user_id, case, name).await {
        store.run_was_not_begun(user_id, case_id).await?;
        return Err(error);
    }
    match verifier.submit(case_id, name, &applicant).await {
        Ok(check) => {
            references.run = Some(check.provider_reference.clone());
            store.note_check(user_id, case_id, verifier.name(), &references).await?;
            Ok(Some(check))
        }
        Err(failure) => {
            if !failure.may_have_happened() {
                store.run_was_not_begun(user_id, case_id).await?;
            }
            Err(failure.into())
        }
    }
}

/// Hands the pictures of the case over.
async fn hand_over(system: &System, user_id: UserId, case: &kyc::Case, name: Option<&str>) -> Result<(), Asked> {
    let (verifier, retry, deadline) = (&system.providers.kyc, system.providers.retry, system.settings.deadline());
    for picture in &case.pictures {
        let picture = picture_of(system, user_id, case, picture).await?;
        let upload = || verifier.upload(case.case_id, name, &picture);
        match verifier.is_idempotent() {
            true => retry.run(deadline, upload).await?,
            false => retry.run_until_sent(deadline, upload).await?,
        }
    }
    Ok(())
}

async fn picture_of(
    system: &System,
    user_id: UserId,
    case: &kyc::Case,
    picture: &kyc::Picture,
) -> Result<Picture, Asked> {
    let key = DocumentKey { user_id, case_id: case.case_id, document_id: picture.document_id };
    let found = system.store.document(key).await?;
    let Document { kind, format, content } = found.ok_or(Asked::PictureGone)?;
    let format = if format == PictureFormat::Png.extension() { PictureFormat::Png } else { PictureFormat::Jpeg };
    Ok(Picture { kind, document_type: case.document_type, country: case.country.clone(), format, content })
}
