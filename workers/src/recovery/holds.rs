use std::time::Duration;

use aggregates::PaymentId;
use flows::{Error, Origin, System};
use store::tables::Span;

use super::{Flow, Found, ROUND};

/// Purchases of the card network that hold something, and of which nothing was heard for long.
pub(crate) struct Holds;

impl Flow for Holds {
    const NAME: &'static str = "hold";
    /// A merchant may rightly wait for weeks.
    const LONGEST_BACKOFF: Duration = Duration::from_secs(6 * 3_600);
    const IS_OVERDUE: bool = false;
    type Id = PaymentId;

    fn age(system: &System) -> Duration {
        system.settings.network.look_up_after()
    }

    /// As long as it was quiet before: most are still as they were.
    fn first_pause(system: &System) -> Duration {
        Self::age(system).min(Self::LONGEST_BACKOFF)
    }

    async fn find(system: &System, span: Span) -> Result<Vec<Found<PaymentId>>, store::Error> {
        system.store.open_holds(span, ROUND).await
    }

    async fn finish(system: &System, id: PaymentId) -> Result<(), Error> {
        flows::network::look_up(system, id, &Origin::of_worker()).await
    }
}
