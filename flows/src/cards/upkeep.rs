//! What workers do for cards: the issuer is told what they are, and those that expire are seen to.

use aggregates::{
    Actor, CardId,
    card::{Card, Command, IssuerStatus},
};
use chrono::TimeDelta;
use store::{AppendError, Unit};
use uuid::Uuid;

use crate::{ATTEMPTS, Error, Origin, System};

/// Tells the issuer what a card is, and records its answer. Does nothing where it knows.
pub async fn tell_issuer(system: &System, card_id: CardId, origin: &Origin) -> Result<(), Error> {
    let card = system.store.load_latest::<Card>(card_id).await?;
    let (Some(wanted), Some(reference)) = (card.to_tell_issuer(), card.issuer_reference()) else { return Ok(()) };
    let issuer = &system.providers.issuer;
    // Of each state that a card comes to the issuer is told under one key.
    let key = Uuid::new_v5(&card_id.0, format!("{wanted} {}", card.transitions()).as_bytes());
    let deadline = system.settings.deadline();
    let told =
        system.providers.retry.run(deadline, || issuer.set_status(reference, wanted, card.ended_for(), key)).await;
    match told {
        Ok(status) => record(system, card_id, (wanted, status), origin).await,
        Err(failure) => {
            tracing::warn!(%failure, %card_id, "the issuer was not told of a card's state yet");
            Err(Error::Provider { vendor: issuer.name() })
        }
    }
}

/// The issuer says that it has changed a card. What it says may be old by now, so it is asked how the card is; what it
/// decided by itself freezes, unfreezes or ends the card here, too.
pub(crate) async fn hear_issuer(
    system: &System,
    card_id: CardId,
    reference: &str,
    origin: &Origin,
) -> Result<(), Error> {
    let card = system.store.load_latest::<Card>(card_id).await?;
    if card.issuer_reference() != Some(reference) {
        return Err(Error::NotFound { what: "card" });
    }
    if card.to_tell_issuer().is_some() {
        // It will hear what the card is here, and answer what it makes of that.
        return tell_issuer(system, card_id, origin).await;
    }
    let issuer = &system.providers.issuer;
    let status = system.providers.retry.run(system.settings.deadline(), || issuer.status(reference)).await;
    let status = status.map_err(|failure| {
        tracing::warn!(%failure, %card_id, "the issuer did not say how a card is");
        Error::Provider { vendor: issuer.name() }
    })?;
    let command = Command::RecordIssuerStatus { status, now: crate::now() };
    change(system, card_id, Actor::System("issuing"), origin, |_| command.clone()).await
}

/// That the issuer did what it was told is an acknowledgement; anything else is its own decision.
async fn record(
    system: &System,
    card_id: CardId,
    (wanted, status): (IssuerStatus, IssuerStatus),
    origin: &Origin,
) -> Result<(), Error> {
    let command = match status == wanted {
        true => Command::RecordIssuerTold { status, now: crate::now() },
        false => Command::RecordIssuerStatus { status, now: crate::now() },
    };
    change(system, card_id, Actor::System("issuing"), origin, |_| command.clone()).await
}

/// Ends a card whose last month is over, or tells its owner that it will be soon. Does nothing for others.
pub async fn mind_expiry(system: &System, card_id: CardId, origin: &Origin) -> Result<(), Error> {
    let (now, notice) = (crate::now(), TimeDelta::days(system.settings.card_expiry_notice_days.into()));
    change(system, card_id, Actor::System("expiry"), origin, |card| {
        match card.expiry().is_some_and(|expiry| expiry.has_passed(now)) {
            true => Command::Expire { now },
            false => Command::AnnounceExpiry { notice, now },
        }
    })
    .await
}

async fn change(
    system: &System,
    card_id: CardId,
    actor: Actor,
    origin: &Origin,
    command: impl Fn(&Card) -> Command,
) -> Result<(), Error> {
    let _turn = system.turns.take(card_id).await;
    for _ in 0..ATTEMPTS {
        let card = system.store.load_latest::<Card>(card_id).await?;
        let events = card.decide(command(&card))?;
        if events.is_empty() {
            return Ok(());
        }
        match system.store.append(Unit::new(origin.context(actor)).stream(&card, events)).await {
            Ok(_) => return Ok(()),
            Err(AppendError::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Error::Conflict)
}
