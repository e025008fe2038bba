//! Waiting, within bounds, for what the system does by itself.

use std::time::Duration;

use sqlx::Row;
use tokio::time::{Instant, sleep};

use super::{Findings, Kind, Stage};
use crate::{faults::stage::ABANDONED_AFTER, processes::Failure};

/// After a worker may take an open flow over: how long it has to finish it.
const FINISHING: Duration = Duration::from_secs(60);

/// How long read models and bus may take to reach the log's end.
const BEHIND: Duration = Duration::from_secs(60);

const BETWEEN_LOOKS: Duration = Duration::from_millis(200);

/// What was begun and has no outcome.
const UNFINISHED: &str = "
    SELECT b.kind, b.aggregate_id FROM events b
     WHERE (b.kind, b.name) IN (('payment', 'initiated'), ('card', 'requested'), ('kyc', 'submitted'))
       AND NOT EXISTS (SELECT 1 FROM events o
                        WHERE o.aggregate_id = b.aggregate_id AND o.kind = b.kind AND o.sequence > b.sequence
                          AND o.name IN ('captured', 'declined', 'issued', 'issue_failed', 'approved', 'rejected',
                                         'review_started'))";

pub(super) async fn open_flows(stage: &Stage, findings: &mut Findings) -> Result<(), Failure> {
    let deadline = Instant::now() + ABANDONED_AFTER + FINISHING;
    loop {
        let open = sqlx::query(UNFINISHED).fetch_all(&stage.pool).await?;
        if open.is_empty() {
            return Ok(());
        }
        if Instant::now() >= deadline {
            for row in open {
                let (kind, id): (String, uuid::Uuid) = (row.try_get(0)?, row.try_get(1)?);
                findings.add(Kind::StuckFlows, format!("{kind} {id} has no outcome"));
            }
            return Ok(());
        }
        sleep(BETWEEN_LOOKS).await;
    }
}

/// The log's end, which all read models have reached, or else are reported.
pub(super) async fn read_models(stage: &Stage, findings: &mut Findings) -> Result<i64, Failure> {
    let head = stage.store.head().await?;
    let deadline = Instant::now() + BEHIND;
    loop {
        let views = stage.views.checkpoint().await.unwrap_or(0);
        let tables = stage.store.read_tables().position().await?;
        let bus = super::bus::last_position(stage).await.unwrap_or(0);
        if views >= head && tables >= head && bus >= head {
            return Ok(head);
        }
        if Instant::now() >= deadline {
            let behind = format!("the log is at {head}, views at {views}, tables at {tables}, the bus at {bus}");
            findings.add(if bus < head { Kind::BusDifferences } else { Kind::ViewDifferences }, behind);
            return Ok(head);
        }
        sleep(BETWEEN_LOOKS).await;
    }
}
