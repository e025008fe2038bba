//! Hearing from the provider. What a webhook says is only a reason to ask.

use aggregates::{
    Actor, KycCaseId, UserId,
    kyc::{self, Verdict, WATCH_LIST},
    user::{Standing, User},
};
use providers::{
    Failure,
    kyc::{Check, Known, Mention, Watched},
};
use store::{CheckNames, CheckReferences};

use super::{change, finish, provider::names_of};
use crate::{Error, Origin, System};

/// Looks at the check that a webhook of the provider speaks of, if it is that of the person's latest case, or of the
/// approval: a late word on another one decides nothing. Of a case that is decided only a watch list's hit counts.
pub(crate) async fn heard(system: &System, webhook: &[u8], origin: &Origin) -> Result<(), Error> {
    let (store, verifier) = (&system.store, &system.providers.kyc);
    let Mention { case, applicant, run, monitor } = verifier.mentioned(webhook);
    if let Some(monitor) = monitor {
        return watched(system, monitor, origin).await;
    }
    let names = CheckNames { run, applicant, case };
    // Nobody's: of another system with the same account, or of somebody who is gone.
    let Some((user_id, case_id)) = store.check_of(verifier.name(), &names).await? else { return Ok(()) };
    let identity = store.load_latest::<kyc::Kyc>(user_id).await?;
    match identity.case().filter(|case| case.case_id == case_id) {
        Some(case) if !identity.case_status().is_final() => {
            if let Some(run) = names.run {
                learn(system, user_id, case, run).await?;
            }
            finish(system, user_id, origin).await.map(drop)
        }
        case => {
            let level = case.map(|case| case.level).or(identity.approval_of(case_id).map(|approval| approval.level));
            let Some(level) = level else { return Ok(()) };
            look_again(system, user_id, (case_id, level), names.run, origin).await
        }
    }
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
    if answered(system, &names_of(case, &references)).await?.is_some() {
        store.note_check(user_id, case.case_id, verifier.name(), &references).await?;
    }
    Ok(())
}

/// The check that a webhook speaks of, if there is one and it is of this case. Where the provider does not answer, the
/// delivery is acted on again.
async fn answered(system: &System, known: &Known<'_>) -> Result<Option<Check>, Error> {
    match system.providers.kyc.look_up(known).await {
        Ok(Some(Check { verdict: Some(Verdict::Unusable { reason }), .. })) => {
            tracing::warn!(case = %known.case, reason, "a webhook speaks of a run that is not of its applicant's case");
            Ok(None)
        }
        Ok(check) => Ok(check),
        Err(Failure::Malformed | Failure::Refused { status: 410, .. }) => {
            tracing::warn!(case = %known.case, "a webhook speaks of a run that cannot be looked at");
            Ok(None)
        }
        Err(failure @ (Failure::Unreachable | Failure::Unknown | Failure::Refused { .. })) => {
            tracing::warn!(%failure, case = %known.case, "the KYC provider did not answer about a run of a webhook");
            Err(unavailable())
        }
    }
}

/// Something has changed about a check of a case that is decided: a hit on a watch list is for people.
async fn look_again(
    system: &System,
    user_id: UserId,
    (case, level): (KycCaseId, kyc::Level),
    run: Option<String>,
    origin: &Origin,
) -> Result<(), Error> {
    let references = system.store.check_references(user_id, case).await?.unwrap_or_default();
    let run = run.or(references.run);
    let known = Known { case, level, applicant: references.applicant.as_deref(), run: run.as_deref() };
    let Some(Check { provider_reference, verdict }) = answered(system, &known).await? else { return Ok(()) };
    match verdict {
        Some(Verdict::Review { reasons } | Verdict::Rejected { reasons })
            if reasons.iter().any(|reason| reason == WATCH_LIST) =>
        {
            hit(system, user_id, vec![provider_reference], origin).await
        }
        Some(Verdict::Approved | Verdict::Rejected { .. } | Verdict::Review { .. } | Verdict::Unusable { .. })
        | None => Ok(()),
    }
}

/// A watch list says something else of somebody who is watched.
async fn watched(system: &System, monitor: String, origin: &Origin) -> Result<(), Error> {
    let (store, verifier) = (&system.store, &system.providers.kyc);
    let watched = match verifier.watched(&monitor).await {
        Ok(watched) => watched.filter(|watched| !watched.hits.is_empty()),
        Err(failure) => {
            tracing::warn!(%failure, "the KYC provider did not say whom a watch list names");
            return Err(unavailable());
        }
    };
    let Some(watched) = watched else { return Ok(()) };
    let Watched { applicant, hits } = watched;
    let names = CheckNames { applicant: Some(applicant), ..CheckNames::default() };
    let Some((user_id, _)) = store.check_of(verifier.name(), &names).await? else { return Ok(()) };
    hit(system, user_id, hits, origin).await
}

/// Has operators look, unless they have cleared all of these hits.
async fn hit(system: &System, user_id: UserId, provider_references: Vec<String>, origin: &Origin) -> Result<(), Error> {
    if system.store.load_latest::<User>(user_id).await?.standing() == Standing::Erased {
        return Ok(());
    }
    let provider = system.providers.kyc.name().to_owned();
    let command = kyc::Command::RecordHit { provider, provider_references, now: crate::now() };
    change(system, user_id, &command, Actor::System("kyc"), origin).await.map(drop)
}

fn unavailable() -> Error {
    Error::Unavailable { what: "outcome", resource: None }
}
