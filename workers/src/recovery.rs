//! Finishes what a request left open: a crash between two appends, or a third party that did not answer.
//!
//! What is open is found in the relational read tables. They may be behind, which does no harm: each flow looks at
//! the aggregate itself before it does anything.

use std::time::Duration;

use chrono::{DateTime, Utc};
use flows::{Origin, System};
use futures::{StreamExt, stream};
use store::tables::Span;
use tokio_util::sync::CancellationToken;

use crate::Failure;

/// Between two looks at what is open.
const PAUSE: Duration = Duration::from_secs(1);

/// Flows looked at in one round. More wait for the next one, which goes on behind them.
const ROUND: i64 = 200;

/// Flows worked on at the same time.
const AT_ONCE: usize = 8;

/// A provider works on cases for a while; a worker asks again this long after the submission.
const CASE_AGE: Duration = Duration::from_secs(2);

/// Where the last round ended, for each kind of flow, so that flows that stay open do not hide the ones behind.
#[derive(Default)]
struct Cursor(DateTime<Utc>);

impl Cursor {
    fn span(&self, age: Duration) -> Span {
        Span { after: self.0, before: Utc::now() - age }
    }

    fn is_at_the_beginning(&self) -> bool {
        self.0 == DateTime::<Utc>::default()
    }

    fn advance<T>(&mut self, found: &[(T, DateTime<Utc>)]) {
        let full = i64::try_from(found.len()).is_ok_and(|found| found == ROUND);
        self.0 = found.last().filter(|_| full).map(|(_, at)| *at).unwrap_or_default();
    }
}

pub(crate) async fn run(system: System, shutdown: CancellationToken) -> Result<(), Failure> {
    let (mut payments, mut cards, mut cases) = (Cursor::default(), Cursor::default(), Cursor::default());
    while !shutdown.is_cancelled() {
        let mut leadership = tokio::select! {
            leadership = system.store.lead("recovery") => leadership,
            () = shutdown.cancelled() => return Ok(()),
        };
        while leadership.confirm().await && !shutdown.is_cancelled() {
            report("payment", finish_payments(&system, &mut payments).await);
            report("card", finish_cards(&system, &mut cards).await);
            report("kyc", finish_cases(&system, &mut cases).await);
            tokio::select! {
                () = tokio::time::sleep(PAUSE) => {}
                () = shutdown.cancelled() => return Ok(()),
            }
        }
    }
    Ok(())
}

async fn finish_payments(system: &System, cursor: &mut Cursor) -> Result<(), store::Error> {
    let span = cursor.span(system.settings.abandoned_after());
    let open = system.store.open_payments(span, ROUND).await?;
    if cursor.is_at_the_beginning() {
        let oldest = open.first().map_or(0.0, |(_, at)| (Utc::now() - *at).as_seconds_f64());
        metrics::gauge!("payments_open_oldest_seconds").set(oldest);
    }
    cursor.advance(&open);
    let finished = stream::iter(open).for_each_concurrent(AT_ONCE, |(id, _)| async move {
        note("payment", id, flows::payments::finish(system, id, &Origin::of_worker()).await.map(drop));
    });
    finished.await;
    Ok(())
}

async fn finish_cards(system: &System, cursor: &mut Cursor) -> Result<(), store::Error> {
    let open = system.store.open_cards(cursor.span(system.settings.abandoned_after()), ROUND).await?;
    cursor.advance(&open);
    let finished = stream::iter(open).for_each_concurrent(AT_ONCE, |(id, _)| async move {
        note("card", id, flows::cards::finish(system, id, &Origin::of_worker()).await.map(drop));
    });
    finished.await;
    Ok(())
}

async fn finish_cases(system: &System, cursor: &mut Cursor) -> Result<(), store::Error> {
    let open = system.store.open_cases(cursor.span(CASE_AGE), ROUND).await?;
    cursor.advance(&open);
    let finished = stream::iter(open).for_each_concurrent(AT_ONCE, |(id, _)| async move {
        note("kyc", id, flows::identity::finish(system, id, &Origin::of_worker()).await.map(drop));
    });
    finished.await;
    Ok(())
}

fn note(flow: &'static str, id: impl std::fmt::Display, outcome: Result<(), flows::Error>) {
    match outcome {
        Ok(()) => metrics::counter!("flows_resumed_total", "flow" => flow).increment(1),
        Err(error) => tracing::warn!(flow, %id, %error, "an open flow could not be finished yet"),
    }
}

fn report(flow: &'static str, outcome: Result<(), store::Error>) {
    if let Err(error) = outcome {
        tracing::warn!(flow, %error, "open flows could not be looked up");
    }
}
