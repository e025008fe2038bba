//! Finishes what a request left open: a crash between two appends, or a third party that did not answer.
//!
//! What is open is found in the relational read tables, or in a table of its own. They may be behind, which does no
//! harm: each flow looks at the aggregate itself before it does anything. Passwords whose event is missing are found
//! beside them.

mod cards;
mod holds;

use std::{
    collections::HashMap,
    fmt::Display,
    hash::Hash,
    time::{Duration, Instant},
};

use aggregates::{PaymentId, UserId};
use chrono::{DateTime, Utc};
use flows::{Error, Origin, System};
use futures::{StreamExt, stream};
use store::tables::Span;
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::Failure;

pub(crate) use cards::{Cards, Expiries, Tellings};
pub(crate) use holds::Holds;

/// Between two looks at what is open.
const PAUSE: Duration = Duration::from_secs(1);

/// Flows looked at in one round. More wait for the next one, which goes on behind them.
const ROUND: i64 = 200;

/// Flows of one kind worked on at the same time.
const AT_ONCE: usize = 8;

/// A flow that stays open is tried again after a second, then after twice as long each time, up to this, unless its kind
/// says otherwise.
const LONGEST_BACKOFF: Duration = Duration::from_secs(60);

/// Flows whose backoff is remembered. Those beyond are tried in every round.
const REMEMBERED: usize = 100_000;

/// A kind of flow that can stay open.
pub(crate) trait Flow: Send + 'static {
    const NAME: &'static str;
    const LONGEST_BACKOFF: Duration = LONGEST_BACKOFF;
    /// Whether something is wrong where it is open: then how long it is, is measured.
    const IS_OVERDUE: bool = true;
    type Id: Copy + Eq + Hash + Display + Send + Sync;

    /// How old it must be for a worker to take it up.
    fn age(system: &System) -> Duration;

    /// Before it is taken up the second time.
    fn first_pause(_: &System) -> Duration {
        PAUSE
    }

    fn find(system: &System, span: Span) -> impl Future<Output = Result<Vec<Found<Self::Id>>, store::Error>> + Send;

    fn finish(system: &System, id: Self::Id) -> impl Future<Output = Result<(), Error>> + Send;
}

/// An open flow and when it began.
type Found<Id> = (Id, DateTime<Utc>);

pub(crate) struct Payments;

impl Flow for Payments {
    const NAME: &'static str = "payment";
    type Id = PaymentId;

    fn age(system: &System) -> Duration {
        system.settings.abandoned_after()
    }

    async fn find(system: &System, span: Span) -> Result<Vec<Found<PaymentId>>, store::Error> {
        system.store.open_payments(span, ROUND).await
    }

    async fn finish(system: &System, id: PaymentId) -> Result<(), Error> {
        flows::payments::finish(system, id, &Origin::of_worker()).await.map(drop)
    }
}

pub(crate) struct Cases;

impl Flow for Cases {
    const NAME: &'static str = "kyc";
    type Id = UserId;

    /// A provider works on a case for a while: this is asking again, not taking over.
    fn age(_: &System) -> Duration {
        Duration::from_secs(2)
    }

    async fn find(system: &System, span: Span) -> Result<Vec<Found<UserId>>, store::Error> {
        system.store.open_cases(span, ROUND).await
    }

    async fn finish(system: &System, id: UserId) -> Result<(), Error> {
        flows::identity::finish(system, id, &Origin::of_worker()).await.map(drop)
    }
}

pub(crate) struct Endings;

impl Flow for Endings {
    const NAME: &'static str = "ending";
    type Id = UserId;

    /// Old enough for whatever else was under way at that moment to have come to its end.
    fn age(system: &System) -> Duration {
        system.settings.abandoned_after()
    }

    async fn find(system: &System, span: Span) -> Result<Vec<Found<UserId>>, store::Error> {
        system.store.endings(span, ROUND).await
    }

    async fn finish(system: &System, id: UserId) -> Result<(), Error> {
        flows::accounts::finish(system, id, &Origin::of_worker()).await
    }
}

/// Erased people whom the provider of verification still knows.
pub(crate) struct Applicants;

impl Flow for Applicants {
    const NAME: &'static str = "applicant";
    /// A provider that does not know how to delete somebody, or is told so with a wrong key, will not for a while.
    const LONGEST_BACKOFF: Duration = Duration::from_secs(6 * 3_600);
    type Id = UserId;

    fn age(system: &System) -> Duration {
        system.settings.abandoned_after()
    }

    async fn find(system: &System, span: Span) -> Result<Vec<Found<UserId>>, store::Error> {
        system.store.applicants_to_forget(system.providers.kyc.name(), span, ROUND).await
    }

    async fn finish(system: &System, id: UserId) -> Result<(), Error> {
        flows::identity::forget(system, id).await.map(drop)
    }
}

pub(crate) struct Passwords;

impl Flow for Passwords {
    const NAME: &'static str = "password";
    type Id = UserId;

    fn age(system: &System) -> Duration {
        system.settings.abandoned_after()
    }

    async fn find(system: &System, span: Span) -> Result<Vec<Found<UserId>>, store::Error> {
        let open = system.store.unrecorded_passwords(span.after, span.before, ROUND).await?;
        Ok(open.into_iter().map(|replaced| (replaced.user_id, replaced.changed_at)).collect())
    }

    async fn finish(system: &System, id: UserId) -> Result<(), Error> {
        flows::passwords::record(system, id, &Origin::of_worker()).await
    }
}

pub(crate) struct Approvals;

impl Flow for Approvals {
    const NAME: &'static str = "approval";
    type Id = UserId;

    /// Over is over, and soon is soon.
    fn age(_: &System) -> Duration {
        Duration::ZERO
    }

    async fn find(system: &System, span: Span) -> Result<Vec<Found<UserId>>, store::Error> {
        system.store.ending_approvals(span, system.settings.kyc.expires_soon_days, ROUND).await
    }

    async fn finish(system: &System, id: UserId) -> Result<(), Error> {
        flows::identity::mind_approval(system, id, &Origin::of_worker()).await
    }
}

pub(crate) struct Webhooks;

impl Flow for Webhooks {
    const NAME: &'static str = "webhook";
    type Id = Uuid;

    fn age(system: &System) -> Duration {
        system.settings.abandoned_after()
    }

    async fn find(system: &System, span: Span) -> Result<Vec<Found<Uuid>>, store::Error> {
        system.store.open_webhooks(span, ROUND).await
    }

    async fn finish(system: &System, id: Uuid) -> Result<(), Error> {
        flows::webhooks::finish(system, id, &Origin::of_worker()).await
    }
}

/// Finishes the open flows of one kind until shut down. What the shutdown cuts off is open still, and found again by
/// the next leader.
pub(crate) async fn run<F: Flow>(system: System, shutdown: CancellationToken) -> Result<(), Failure> {
    shutdown.run_until_cancelled(lead::<F>(&system)).await;
    Ok(())
}

async fn lead<F: Flow>(system: &System) {
    let mut rounds = Rounds::<F>::new();
    loop {
        let mut leadership = system.store.lead(&format!("recovery {}", F::NAME)).await;
        while leadership.confirm().await {
            match F::find(system, rounds.span(F::age(system))).await {
                Ok(open) => rounds.round(system, open).await,
                Err(error) => tracing::warn!(flow = F::NAME, %error, "open flows could not be looked up"),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// Round after round over the open flows of one kind.
struct Rounds<F: Flow> {
    /// Where the last round ended, so that flows that stay open do not hide the ones behind.
    after: DateTime<Utc>,
    backoff: HashMap<F::Id, Backoff>,
}

#[derive(Clone, Copy)]
struct Backoff {
    next: Instant,
    delay: Duration,
}

impl<F: Flow> Rounds<F> {
    fn new() -> Rounds<F> {
        Rounds { after: DateTime::default(), backoff: HashMap::new() }
    }

    fn span(&self, age: Duration) -> Span {
        Span { after: self.after, before: Utc::now() - age }
    }

    async fn round(&mut self, system: &System, open: Vec<Found<F::Id>>) {
        let first = self.after == DateTime::<Utc>::default();
        if first && F::IS_OVERDUE {
            let oldest = open.first().map_or(0.0, |(_, at)| (Utc::now() - *at).as_seconds_f64());
            metrics::gauge!("flows_open_oldest_seconds", "flow" => F::NAME).set(oldest);
        }
        let full = i64::try_from(open.len()).is_ok_and(|found| found == ROUND);
        self.after = open.last().filter(|_| full).map(|(_, at)| *at).unwrap_or_default();
        if first && !full {
            // This round saw all that is open: whoever is not among them has ended.
            self.backoff.retain(|id, _| open.iter().any(|(open, _)| open == id));
        }
        let now = Instant::now();
        let due: Vec<F::Id> = open.into_iter().map(|(id, _)| id).filter(|id| self.is_due(*id, now)).collect();
        let pause = F::first_pause(system);
        due.iter().for_each(|id| self.note(*id, now, pause));
        let finished = stream::iter(due).for_each_concurrent(AT_ONCE, |id| async move {
            match F::finish(system, id).await {
                Ok(()) => metrics::counter!("flows_taken_up_total", "flow" => F::NAME).increment(1),
                Err(error) => tracing::warn!(flow = F::NAME, %id, %error, "an open flow could not be finished yet"),
            }
        });
        finished.await;
    }

    fn is_due(&self, id: F::Id, now: Instant) -> bool {
        self.backoff.get(&id).is_none_or(|backoff| backoff.next <= now)
    }

    fn note(&mut self, id: F::Id, now: Instant, first: Duration) {
        let delay = self.backoff.get(&id).map_or(first, |backoff| (backoff.delay * 2).min(F::LONGEST_BACKOFF));
        if self.backoff.len() < REMEMBERED || self.backoff.contains_key(&id) {
            self.backoff.insert(id, Backoff { next: now + delay, delay });
        }
    }
}
