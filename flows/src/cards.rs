//! Cards: a verified person asks for one, the issuer makes it, the vault keeps its secrets.

use aggregates::{
    Actor, CardId, Currency, Money, UserId,
    card::{self, Card, CardType, Expiry, Window},
    kyc,
    user::{self, Standing, User},
};
use chrono::{DateTime, Utc};
use projections::ReadError;
use providers::{
    Failure,
    issuing::{IssueRequest, IssuedCard},
};
use secrecy::SecretString;
use store::{AppendError, Unit, vault::CardSecrets};
use zeroize::Zeroizing;

use crate::{ATTEMPTS, Error, Origin, Principal, Settings, System, Written, holders, identity, network, step_up};

/// Cards listed at most, newest first.
const LISTED: i64 = 200;

pub struct CardRequest {
    pub card_type: CardType,
    pub currency: Currency,
    /// What the card may spend in a calendar month (UTC); the default limit where none is named.
    pub monthly_limit: Option<Money>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct CardView {
    pub card_id: CardId,
    pub card_type: CardType,
    pub status: card::Status,
    pub last_four: Option<String>,
    pub expiry: Option<Expiry>,
    pub currency: Currency,
    pub monthly_limit: Money,
    pub used_this_month: Money,
    pub requested_at: DateTime<Utc>,
}

/// Asks for a card, with a step-up. It is active at once, or `requested` where the issuer did not answer and a worker goes on.
pub async fn request(
    system: &System,
    principal: Principal,
    step_up: Option<&SecretString>,
    request: CardRequest,
    origin: &Origin,
) -> Result<Written<CardView>, Error> {
    let monthly_limit = limit(&system.settings, &request)?;
    let (store, user_id) = (&system.store, principal.user_id);
    // Before the step-up, which would be used up for nothing; and again with the append.
    identity::permits_card(&system.settings, &*store.load_latest::<kyc::Kyc>(user_id).await?, monthly_limit)?;
    step_up::redeem(system, principal, &step_up::Operation::CardRequest, step_up, origin).await?;
    let card_id = CardId(store::new_id());
    let resource = || format!("/api/v1/cards/{card_id}");
    let card = store::Loaded::<Card>::new(card_id);
    let events = card.decide(card::Command::Request {
        user_id,
        card_type: request.card_type,
        monthly_limit,
        now: crate::now(),
    })?;
    let mut position = None;
    for _ in 0..ATTEMPTS {
        let person = store.load_latest::<User>(user_id).await?;
        if person.standing() != Standing::Open {
            return Err(user::Error::Closed.into());
        }
        let verification = store.load_latest::<kyc::Kyc>(user_id).await?;
        identity::permits_card(&system.settings, &verification, monthly_limit)?;
        // The empty additions hold account and verification in place: should they change meanwhile, the append conflicts.
        let unit = Unit::new(origin.context(Actor::Person(user_id))).stream(&card, events.clone());
        let unit = unit.stream(&verification, vec![]).stream(&person, vec![]);
        match store.append(unit).await {
            Ok(appended) => {
                position = Some(appended.position);
                break;
            }
            Err(AppendError::Conflict) => {}
            Err(error) => return Err(Error::from(error).about(resource)),
        }
    }
    let position = position.ok_or(Error::Conflict)?;
    let finished = finish(system, card_id, origin).await.map_err(|e| e.after_intent(resource))?;
    Ok(Written { position: finished.position.max(position), ..finished })
}

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
            system.providers.retry.run(system.settings.deadline(), || issuer.issue(card_id, &request)).await
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

/// The person's cards, newest first.
pub async fn list(system: &System, user_id: UserId, at_least: Option<i64>) -> Result<Vec<CardView>, Error> {
    match system.views.cards(user_id, at_least).await {
        Ok(cards) => Ok(cards.into_iter().map(from_document).collect()),
        Err(ReadError::Behind { wanted, .. }) => Err(Error::Behind { position: wanted }),
        Err(ReadError::NotReady | ReadError::Unavailable(_)) => {
            system.tables_at(at_least).await?;
            let rows = system.store.card_rows(user_id, LISTED).await?;
            rows.into_iter().map(from_row).collect()
        }
    }
}

/// A card of the person; somebody else's is as unknown as none.
pub async fn get(system: &System, user_id: UserId, card_id: CardId, at_least: Option<i64>) -> Result<CardView, Error> {
    let (owner, view) = match system.views.card(card_id, at_least).await {
        Ok(Some(card)) => (card.user_id, from_document(card)),
        Ok(None) => return Err(Error::NotFound { what: "card" }),
        Err(ReadError::Behind { wanted, .. }) => return Err(Error::Behind { position: wanted }),
        Err(ReadError::NotReady | ReadError::Unavailable(_)) => {
            system.tables_at(at_least).await?;
            let row = system.store.card_row(user_id, card_id).await?.ok_or(Error::NotFound { what: "card" })?;
            (row.user_id, from_row(row)?)
        }
    };
    if owner == user_id { Ok(view) } else { Err(Error::NotFound { what: "card" }) }
}

fn limit(settings: &Settings, request: &CardRequest) -> Result<Money, Error> {
    let highest = Settings::limit(settings.highest_monthly_limit, request.currency);
    let limit = request.monthly_limit.unwrap_or(Settings::limit(settings.default_monthly_limit, request.currency));
    if limit.currency != request.currency {
        return Err(Error::invalid("amount_limit", "is in another currency than the card"));
    }
    match limit.is_positive() && limit.minor_units <= highest.minor_units {
        true => Ok(limit),
        false => Err(Error::invalid("amount_limit", format!("is above zero and at most {highest}"))),
    }
}

fn view(card_id: CardId, card: &Card) -> Result<CardView, Error> {
    let found = || {
        let monthly_limit = card.monthly_limit()?;
        Some(CardView {
            card_id,
            card_type: card.card_type()?,
            status: card.status()?,
            last_four: card.last_four().map(str::to_owned),
            expiry: card.expiry(),
            currency: monthly_limit.currency,
            monthly_limit,
            used_this_month: card.used(Window::of(crate::now()))?,
            requested_at: card.requested_at()?,
        })
    };
    found().ok_or(Error::NotFound { what: "card" })
}

fn from_document(document: projections::Card) -> CardView {
    CardView {
        card_id: document.card_id,
        card_type: document.card_type,
        status: document.status,
        used_this_month: document.used_in(Window::of(crate::now())),
        last_four: document.last_four,
        expiry: document.expiry,
        currency: document.monthly_limit.currency,
        monthly_limit: document.monthly_limit,
        requested_at: document.created_at,
    }
}

fn from_row(row: store::tables::CardRow) -> Result<CardView, Error> {
    let currency = Currency::from_code(&row.currency).ok_or_else(|| Error::Internal("unknown currency".into()))?;
    let current = row.used_window == Some(Window::of(crate::now()).first_day());
    Ok(CardView {
        card_id: row.card_id,
        card_type: row.card_type,
        status: row.status,
        last_four: row.last_four,
        expiry: row.expiry,
        currency,
        monthly_limit: Money::new(row.monthly_limit, currency),
        used_this_month: Money::new(if current { row.used } else { 0 }, currency),
        requested_at: row.requested_at,
    })
}
