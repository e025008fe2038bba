//! From a requested card to the issuer's answer.

use aggregates::{
    Actor, CardId, UserId,
    card::{self, Card},
    user::{Standing, User},
};
use chrono::{DateTime, Utc};
use providers::{
    Failure,
    issuing::{Interval, IssueRequest, IssuedCard},
};
use store::{AppendError, Unit, vault::CardSecrets};
use zeroize::Zeroizing;

use super::{CardView, view};
use crate::{ATTEMPTS, Error, Origin, System, Written, holders, network};

/// Asks the issuer for a requested card and records what it says. Does nothing once that is known.
pub async fn finish(system: &System, card_id: CardId, origin: &Origin) -> Result<Written<CardView>, Error> {
    let store = &system.store;
    let card = store.load_latest::<Card>(card_id).await?;
    let (Some(card::Status::Requested), Some(user_id), Some(card_type), Some(monthly_limit)) =
        (card.status(), card.owner(), card.card_type(), card.monthly_limit())
    else {
        return Ok(Written { value: view(card_id, &card)?, position: 0 });
    };
    let issuer = &system.providers.issuer;
    if store.load_latest::<User>(user_id).await?.standing() != Standing::Open {
        // Whatever the issuer has made: nobody is there who could use it.
        let (issuer, reason) = (issuer.name().to_owned(), "account_closed".to_owned());
        let command = card::Command::RecordIssueFailed { issuer, reason, now: crate::now() };
        return record(system, card_id, command, origin).await;
    }
    let asked = match holders::reference(system, user_id).await? {
        Ok(holder_reference) => {
            let request = IssueRequest { user_id, card_type, monthly_limit, holder_reference };
            ask(system, card_id, &request, card.requested_at()).await
        }
        Err(failure) => Err(failure),
    };
    let name = issuer.name().to_owned();
    let command = match asked {
        Ok(issued) => match keep(system, user_id, card_id, &issued).await {
            Ok(()) => card::Command::RecordIssued {
                issuer: name,
                issuer_reference: issued.issuer_reference.clone(),
                last_four: issued.number.last_four().to_owned(),
                expiry: issued.expiry,
                now: crate::now(),
            },
            Err(store::Error::DuplicateCardNumber) => {
                let reason = "duplicate_number".to_owned();
                card::Command::RecordIssueFailed { issuer: name, reason, now: crate::now() }
            }
            Err(error) => return Err(error.into()),
        },
        // 401 and 403 are about us, not about the card.
        Err(Failure::Refused { status, code }) if status != 401 && status != 403 => {
            card::Command::RecordIssueFailed { issuer: name, reason: code, now: crate::now() }
        }
        Err(failure) => {
            tracing::warn!(%failure, %card_id, "the issuer did not make the card yet");
            return Ok(Written { value: view(card_id, &card)?, position: 0 });
        }
    };
    record(system, card_id, command, origin).await
}

/// An issuer forgets idempotency keys: a request that is older is only repeated where nothing was made of it.
async fn ask(
    system: &System,
    card_id: CardId,
    request: &IssueRequest,
    requested_at: Option<DateTime<Utc>>,
) -> Result<IssuedCard, Failure> {
    let issuer = &system.providers.issuer;
    if let Some(from) = requested_at.filter(|requested_at| !system.settings.issuer_remembers(*requested_at)) {
        let made = Interval { from, until: crate::now() };
        if let Some(found) = holders::find(issuer.find_card(card_id, request, made)).await? {
            return Ok(found);
        }
    }
    system.providers.retry.run(system.settings.deadline(), || issuer.issue(card_id, request)).await
}

async fn keep(system: &System, user_id: UserId, card_id: CardId, issued: &IssuedCard) -> Result<(), store::Error> {
    let secrets = CardSecrets {
        number: Zeroizing::new(issued.number.expose().to_owned()),
        cvv: Zeroizing::new(issued.cvv.expose().to_owned()),
        expiry: issued.expiry,
    };
    system.store.put_card(user_id, card_id, &secrets).await
}

async fn record(
    system: &System,
    card_id: CardId,
    command: card::Command,
    origin: &Origin,
) -> Result<Written<CardView>, Error> {
    for _ in 0..ATTEMPTS {
        let card = system.store.load::<Card>(card_id).await?;
        let events = match card.decide(command.clone()) {
            // Another process recorded the same answer.
            Err(card::Error::IssueDecided) => vec![],
            decided => decided?,
        };
        if events.is_empty() {
            return Ok(Written { value: view(card_id, &card)?, position: 0 });
        }
        let mut unit = Unit::new(origin.context(Actor::System("issuing"))).stream(&card, events);
        if let card::Command::RecordIssued { issuer, issuer_reference, .. } = &command {
            // The issuer names cards in its own way when it tells of purchases.
            let key = network::card_claim(issuer, issuer_reference);
            unit = unit.claim(network::CARD_CLAIM, &key, card_id.0);
        }
        match system.store.append(unit).await {
            Ok(appended) => {
                let card = system.store.load::<Card>(card_id).await?;
                return Ok(Written { value: view(card_id, &card)?, position: appended.position });
            }
            Err(AppendError::Conflict) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Error::Conflict)
}
