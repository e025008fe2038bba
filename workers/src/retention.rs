//! Throws away what has no use any more.

use std::time::Duration;

use chrono::{TimeDelta, Utc};
use flows::System;
use tokio_util::sync::CancellationToken;

use crate::Failure;

const PAUSE: Duration = Duration::from_secs(3_600);

/// Ended sessions are kept for questions about the recent past; that they were open stays in the log.
const SESSIONS_KEPT: TimeDelta = TimeDelta::days(30);

/// A registration that has not come about after a day never will; and one that left something a week before that was
/// cleaned up since.
const ORPHANS_FROM: TimeDelta = TimeDelta::days(8);
const ORPHANS_TO: TimeDelta = TimeDelta::days(1);

pub(crate) async fn run(system: System, shutdown: CancellationToken) -> Result<(), Failure> {
    while !shutdown.is_cancelled() {
        shutdown.run_until_cancelled(tidy(&system)).await;
        shutdown.run_until_cancelled(tokio::time::sleep(PAUSE)).await;
    }
    Ok(())
}

/// One round. What fails is tried again in the next one.
async fn tidy(system: &System) {
    let (store, settings, now) = (&system.store, &system.settings, Utc::now());
    note("ended sessions", store.delete_sessions_ended_before(now - SESSIONS_KEPT).await);
    note("expired refresh tokens", store.delete_expired_refresh_tokens().await);
    note("expired tokens", store.delete_expired_one_time().await);
    note("failed logins", store.delete_failures_before(now - settings.lockout.forget_after()).await);
    match store.find_resurrected().await {
        Ok(0) => {}
        Ok(found) => tracing::warn!(found, "keys of erased people are back and will be destroyed again"),
        Err(error) => tracing::warn!(%error, "keys of erased people could not be looked for"),
    }
    match store.applicants_elsewhere(system.providers.kyc.name()).await {
        Ok(0) => {}
        Ok(applicants) => {
            tracing::warn!(applicants, "erased people are known to KYC providers that are not configured");
        }
        Err(error) => tracing::warn!(%error, "erased people at other KYC providers could not be looked for"),
    }
    let days = |days: u32| TimeDelta::days(days.into());
    let (decided, begun) = (settings.kyc.documents_kept_days, settings.kyc.drafts_kept_days);
    note("pictures of documents", store.forget_documents(now - days(decided), now - days(begun)).await);
    let webhooks_kept = TimeDelta::days(settings.webhooks_kept_days.into());
    note("contents of webhooks", store.forget_webhooks(now - webhooks_kept).await);
    let kept = TimeDelta::days(settings.authentications_kept_days.into());
    note("entries of authentications", store.forget_authentications(now - kept).await);
    let kept = TimeDelta::days(settings.card_secrets_kept_days.into());
    note("secrets of cards that have ended", store.destroy_secrets_of_cards_ended_before(now - kept).await);
    let orphans = now - ORPHANS_FROM..now - ORPHANS_TO;
    note("secrets of registrations that failed", store.discard_orphaned_secrets(orphans).await);
}

fn note(what: &'static str, deleted: Result<u64, store::Error>) {
    match deleted {
        Ok(0) => {}
        Ok(deleted) => tracing::info!(deleted, what, "deleted"),
        Err(error) => tracing::warn!(%error, what, "could not be deleted"),
    }
}
