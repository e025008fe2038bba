//! Asking the provider, and hearing from it.

use aggregates::{
    Actor, UserId, kyc,
    user::{Standing, User},
};
use providers::{
    Failure,
    kyc::{Check, Known, Mention, Picture, PictureFormat},
};
use store::{
    CheckNames, CheckReferences,
    documents::{Document, DocumentKey},
};

use super::{
    KycView, change,
    submission::{applicant, keeps_names},
    view,
};
use crate::{Error, Origin, System, Written};

/// Asks the provider about the person's open case, pending or in review, and records what it says. Does nothing
/// without one.
pub async fn finish(system: &System, user_id: UserId, origin: &Origin) -> Result<Written<KycView>, Error> {
    let identity = system.store.load_latest::<kyc::Kyc>(user_id).await?;
    // Of somebody who has left nothing is sent to anybody.
    let has_left = system.store.load_latest::<User>(user_id).await?.standing() != Standing::Open;
    let open = !has_left && !identity.status().is_final() && identity.status() != kyc::Status::NotStarted;
    let Some(case) = identity.case().filter(|_| open) else {
        return Ok(Written { value: view(&identity), position: 0 });
    };
    let (provider_reference, verdict) =
        match asked(system, user_id, case, identity.status() == kyc::Status::InReview).await {
            Ok(Some(Check { provider_reference, verdict: Some(verdict) })) => (provider_reference, verdict),
            Ok(_) => return Ok(Written { value: view(&identity), position: 0 }),
            // 401 and 403 are about us, 404 about an address; what else is refused would be refused again: people look.
            Err(Asked::Failed(Failure::Refused { status, code })) if ![401, 403, 404].contains(&status) => {
                tracing::warn!(status, code, case = %case.case_id, "the KYC provider refuses a case");
                (case.case_id.to_string(), kyc::Verdict::Review { reasons: vec!["refused_by_provider".into()] })
            }
            // The case stays pending and a worker asks again: a provider that is away is no verdict on the person.
            Err(Asked::Failed(failure)) => {
                tracing::warn!(%failure, case = %case.case_id, "the KYC provider did not answer");
                return Ok(Written { value: view(&identity), position: 0 });
            }
            Err(Asked::PictureGone) => {
                (case.case_id.to_string(), kyc::Verdict::Review { reasons: vec!["document_missing".into()] })
            }
            Err(Asked::Broken(error)) => return Err(error),
        };
    // Renamed at the very moment of handing in: what was verified is not who they are now.
    let verdict = match verdict {
        kyc::Verdict::Approved if !keeps_names(system, user_id, case).await? => {
            kyc::Verdict::Review { reasons: vec!["name_changed".into()] }
        }
        verdict => verdict,
    };
    let now = crate::now();
    let command = kyc::Command::RecordVerdict {
        case_id: case.case_id,
        provider: system.providers.kyc.name().to_owned(),
        provider_reference,
        verdict,
        four_eyes: system.settings.kyc.four_eyes,
        valid_until: system.settings.kyc.valid_until(now),
        now,
    };
    let Written { value, position } = change(system, user_id, &command, Actor::System("kyc"), origin).await?;
    Ok(Written { value: view(&value), position })
}

/// Looks at the check that a webhook of the provider speaks of, if it is that of the person's latest case: a late word
/// on an earlier one decides nothing.
pub(crate) async fn heard(system: &System, webhook: &[u8], origin: &Origin) -> Result<(), Error> {
    let (store, verifier) = (&system.store, &system.providers.kyc);
    let Mention { case, applicant, run } = verifier.mentioned(webhook);
    let names = CheckNames { run, applicant, case };
    // Nobody's: of another system with the same account, or of somebody who is gone.
    let Some((user_id, case_id)) = store.check_of(verifier.name(), &names).await? else { return Ok(()) };
    let identity = store.load_latest::<kyc::Kyc>(user_id).await?;
    let Some(case) = identity.case().filter(|case| case.case_id == case_id) else { return Ok(()) };
    if let Some(run) = names.run {
        learn(system, user_id, case, run).await?;
    }
    finish(system, user_id, origin).await.map(drop)
}

/// A run that was asked for, and of which the answer was lost: the webhook tells what it is called. What it was begun
/// for the provider is asked first.
async fn learn(system: &System, user_id: UserId, case: &kyc::Case, run: String) -> Result<(), Error> {
    let (store, verifier) = (&system.store, &system.providers.kyc);
    let known = store.check_references(user_id, case.case_id).await?.unwrap_or_default();
    if known.run.is_some() || known.run_asked_at.is_none() {
        return Ok(());
    }
    let references = CheckReferences { run: Some(run), ..known };
    match verifier.look_up(&names_of(case, &references)).await {
        Ok(Some(_)) => {
            store.note_check(user_id, case.case_id, verifier.name(), &references).await?;
        }
        Ok(None) => {}
        Err(Failure::Malformed | Failure::Refused { status: 404, .. }) => {
            tracing::warn!(case = %case.case_id, "a webhook speaks of a run that is not of its applicant's case");
        }
        // The delivery is acted on again.
        Err(Failure::Unreachable | Failure::Unknown | Failure::Refused { .. }) => {
            return Err(Error::Unavailable { what: "outcome", resource: None });
        }
    }
    Ok(())
}

fn names_of<'a>(case: &kyc::Case, references: &'a CheckReferences) -> Known<'a> {
    let (applicant, run) = (references.applicant.as_deref(), references.run.as_deref());
    Known { case: case.case_id, level: case.level, applicant, run }
}

/// Why there is no check.
enum Asked {
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
        references.applicant = retry.run(deadline, || verifier.register(case_id, &applicant)).await?;
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
        retry.run(deadline, || verifier.upload(case.case_id, name, &picture)).await?;
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
