//! Purchases that hold something, and of whose end nobody told.

use aggregates::{
    CardId, PaymentId,
    card::Card,
    payment::{self, Payment, Release},
};
use providers::Failure;
use store::Loaded;

use super::{settle::settle_standing, work::GivenBack};
use crate::{Error, Origin, System};

/// Asks the issuer how the purchase stands, and settles what it says as if it had been told. A purchase that the issuer
/// does not know will never be captured: what it holds is given back on record. Does nothing where nothing is held, or
/// where something has happened of late: what is under way at the issuer may not show in its answer yet.
pub async fn look_up(system: &System, payment_id: PaymentId, origin: &Origin) -> Result<(), Error> {
    let payment = system.store.load_latest::<Payment>(payment_id).await?;
    let (Some(network), Some(card_id)) = (payment.network(), payment.card_id()) else {
        return Err(payment::Error::NotFound.into());
    };
    let quiet = payment.updated_at().and_then(|at| (crate::now() - at).to_std().ok()).unwrap_or_default();
    let holds = payment.held().is_some_and(|held| held.is_positive());
    if !holds || quiet < system.settings.network.look_up_after() {
        return Ok(());
    }
    let issuer = &system.providers.issuer;
    if issuer.name() != network.issuer {
        // Nobody else can say.
        return Err(Error::NotFound { what: "issuer" });
    }
    let ask = || issuer.authorization(&network.authorization);
    match system.providers.retry.run(system.settings.deadline(), ask).await {
        Ok(Some(report)) => {
            count("known");
            settle_standing(system, issuer.name(), (&report, payment.version), origin).await
        }
        Ok(None) => {
            count("unknown");
            give_up(system, &payment, card_id, origin).await
        }
        Err(failure) => Err(did_not_say(system, payment_id, &failure)),
    }
}

async fn give_up(system: &System, payment: &Loaded<Payment>, card_id: CardId, origin: &Origin) -> Result<(), Error> {
    let payment_id = PaymentId(payment.id);
    let card = system.store.load_latest::<Card>(card_id).await?;
    let reference = card.issuer_reference().ok_or(Error::NotFound { what: "card" })?;
    // To somebody with the key of another account nothing is known at all: whoever knows the card is the right one.
    let issuer = &system.providers.issuer;
    let known = system.providers.retry.run(system.settings.deadline(), || issuer.status(reference)).await;
    known.map_err(|failure| did_not_say(system, payment_id, &failure))?;
    tracing::warn!(%payment_id, "the issuer does not know a purchase that it had approved: its hold is given back");
    let authorization = payment.network().map_or("", |network| network.authorization.as_str());
    let back = GivenBack {
        payment_id,
        card_id,
        amount: None,
        reference: format!("{authorization}/unknown/{}", payment.version),
        cause: Release::Voided,
        unless_after: Some(payment.version),
    };
    let _turn = system.turns.take(card_id).await;
    back.record(system, origin).await
}

fn did_not_say(system: &System, payment_id: PaymentId, failure: &Failure) -> Error {
    count("failed");
    tracing::warn!(%payment_id, %failure, "the issuer did not say how a purchase stands");
    Error::Provider { vendor: system.providers.issuer.name() }
}

fn count(outcome: &'static str) {
    metrics::counter!("network_look_ups_total", "outcome" => outcome).increment(1);
}
