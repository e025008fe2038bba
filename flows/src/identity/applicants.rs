//! Whom the provider knows by our doing, so that it can be made to forget them.

use aggregates::{KycCaseId, UserId};
use providers::kyc::Applicant;

use crate::{Error, System};

use super::provider::Asked;

/// Makes the applicant of a case known to the provider; its own name for them. Every name that is heard is put down,
/// also one that is not used in the end. Where a provider without idempotency keys has not answered, it may know an
/// applicant whose name nobody here does, and who is not deleted with their person: that is counted, and for operators.
pub(super) async fn register(
    system: &System,
    user_id: UserId,
    case_id: KycCaseId,
    applicant: &Applicant,
) -> Result<Option<String>, Asked> {
    let (verifier, deadline) = (&system.providers.kyc, system.settings.deadline());
    let registered = match verifier.is_idempotent() {
        true => system.providers.retry.run(deadline, || verifier.register(case_id, applicant)).await,
        false => system.providers.retry.run_until_sent(deadline, || verifier.register(case_id, applicant)).await,
    };
    if let Err(failure) = &registered
        && failure.may_have_happened()
        && !verifier.is_idempotent()
    {
        metrics::counter!("kyc_registrations_unknown_total", "vendor" => verifier.name()).increment(1);
        tracing::warn!(%failure, case = %case_id, "the KYC provider may know an applicant by a name that was not heard");
    }
    let name = registered?;
    if let Some(name) = &name {
        system.store.note_applicant(user_id, verifier.name(), name).await?;
    }
    Ok(name)
}

/// Has the provider delete an erased person. False: somebody is left, at a provider that is not the configured one.
///
/// # Errors
///
/// [`Error::Provider`] where the configured one has not deleted somebody; the others were still asked for.
pub async fn forget(system: &System, user_id: UserId) -> Result<bool, Error> {
    let (store, verifier) = (&system.store, &system.providers.kyc);
    let (mut is_complete, mut failed) = (true, None);
    for (provider, applicant) in store.applicants(user_id).await? {
        if provider != verifier.name() {
            is_complete = false;
            continue;
        }
        let (retry, deadline) = (system.providers.retry, system.settings.deadline());
        match retry.run(deadline, || verifier.forget(&applicant)).await {
            Ok(()) => store.forget_applicant(user_id, &provider, &applicant).await?,
            Err(failure) => failed = Some(failure),
        }
    }
    match failed {
        Some(failure) => {
            tracing::warn!(%failure, %user_id, "the KYC provider has not deleted an applicant yet");
            Err(Error::Provider { vendor: verifier.name() })
        }
        None => Ok(is_complete),
    }
}
