//! Whom the provider knows by our doing, so that it can be made to forget them.

use aggregates::{KycCaseId, UserId};
use providers::{Failure, kyc::Applicant};

use crate::{Error, System};

use super::provider::Asked;

/// Makes the applicant of a case known to the provider; its own name for them. Every name is put down, also one that
/// is not used in the end.
pub(super) async fn register(
    system: &System,
    user_id: UserId,
    case_id: KycCaseId,
    applicant: &Applicant,
) -> Result<Option<String>, Asked> {
    let (verifier, deadline) = (&system.providers.kyc, system.settings.deadline());
    let name = system.providers.retry.run(deadline, || verifier.register(case_id, applicant)).await?;
    if let Some(name) = &name {
        system.store.note_applicant(user_id, verifier.name(), name).await?;
    }
    Ok(name)
}

/// Has the provider delete an erased person. False: somebody is left, at a provider that is not the configured one.
pub(crate) async fn forget(system: &System, user_id: UserId) -> Result<bool, Error> {
    let (store, verifier) = (&system.store, &system.providers.kyc);
    let mut is_complete = true;
    for (provider, applicant) in store.applicants(user_id).await? {
        if provider != verifier.name() {
            tracing::warn!(provider, %user_id, "an erased person is known to a provider that is not configured");
            is_complete = false;
            continue;
        }
        let (retry, deadline) = (system.providers.retry, system.settings.deadline());
        retry.run(deadline, || verifier.forget(&applicant)).await.map_err(|failure: Failure| {
            tracing::warn!(%failure, %user_id, "the KYC provider has not deleted an applicant yet");
            Error::Provider { vendor: verifier.name() }
        })?;
        store.forget_applicant(user_id, &provider, &applicant).await?;
    }
    Ok(is_complete)
}
