//! What auditors and analysts read. Reading is itself recorded, before anything is shown.

use aggregates::{Envelope, SessionId, UserId};
use store::authentications::{Action, Authentication, Filter, Outcome, Recorded};

use crate::{Error, Origin, System};

/// Who reads.
#[derive(Clone, Copy)]
pub struct Reader {
    pub user_id: UserId,
    pub session_id: SessionId,
}

/// Entries of the record of authentications, the newest first.
pub async fn authentications(
    system: &System,
    reader: Reader,
    filter: &Filter,
    limit: usize,
    origin: &Origin,
) -> Result<Vec<Recorded>, Error> {
    record(system, reader, "authentications", origin).await?;
    Ok(system.store.authentications(filter, i64::try_from(limit).unwrap_or(i64::MAX)).await?)
}

/// Events after a position, in order and without a hole. Personal data in them stays sealed.
pub async fn events(
    system: &System,
    reader: Reader,
    after: i64,
    limit: usize,
    origin: &Origin,
) -> Result<Vec<Envelope>, Error> {
    record(system, reader, "events", origin).await?;
    Ok(system.store.audited_events(after, i64::try_from(limit).unwrap_or(i64::MAX)).await?)
}

async fn record(system: &System, reader: Reader, what: &'static str, origin: &Origin) -> Result<(), Error> {
    let entry = Authentication {
        reason: Some(what),
        user_id: Some(reader.user_id),
        session_id: Some(reader.session_id),
        ..origin.authentication(Action::ReadAudit, Outcome::Success)
    };
    Ok(system.store.record_authentication(&entry).await?)
}
