//! Cards that the issuer has to make or to be told of, and those that expire.

use std::time::Duration;

use aggregates::CardId;
use flows::{Error, Origin, System};
use store::tables::Span;

use super::{Flow, Found, ROUND};

/// Cards that the issuer has not made yet.
pub(crate) struct Cards;

impl Flow for Cards {
    const NAME: &'static str = "card";
    type Id = CardId;

    fn age(system: &System) -> Duration {
        system.settings.abandoned_after()
    }

    async fn find(system: &System, span: Span) -> Result<Vec<Found<CardId>>, store::Error> {
        system.store.open_cards(span, ROUND).await
    }

    async fn finish(system: &System, id: CardId) -> Result<(), Error> {
        flows::cards::finish(system, id, &Origin::of_worker()).await.map(drop)
    }
}

/// Cards of whose state the issuer does not know.
pub(crate) struct Tellings;

impl Flow for Tellings {
    const NAME: &'static str = "card_status";
    type Id = CardId;

    /// At once: whoever froze a card wants the issuer to know.
    fn age(_: &System) -> Duration {
        Duration::ZERO
    }

    async fn find(system: &System, span: Span) -> Result<Vec<Found<CardId>>, store::Error> {
        system.store.untold_cards(span, ROUND).await
    }

    async fn finish(system: &System, id: CardId) -> Result<(), Error> {
        flows::cards::tell_issuer(system, id, &Origin::of_worker()).await
    }
}

/// Cards that have expired, or will soon.
pub(crate) struct Expiries;

impl Flow for Expiries {
    const NAME: &'static str = "card_expiry";
    type Id = CardId;

    fn age(_: &System) -> Duration {
        Duration::ZERO
    }

    async fn find(system: &System, span: Span) -> Result<Vec<Found<CardId>>, store::Error> {
        system.store.expiring_cards(span, system.settings.card_expiry_notice_days, ROUND).await
    }

    async fn finish(system: &System, id: CardId) -> Result<(), Error> {
        flows::cards::mind_expiry(system, id, &Origin::of_worker()).await
    }
}
