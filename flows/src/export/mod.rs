//! Everything that the system holds about a person, as one document for that person (GDPR Art. 15 and 20).
//!
//! Secrets are not part of it: no password, key, token or card number, nor their hashes. What a part leaves out because
//! it is longer than anybody's usual data is named in `truncated`.

mod events;
mod security;

use aggregates::{Kind, KycCaseId, PaymentId, UserId, kyc};
use chrono::{DateTime, Utc};
use serde::Serialize;
use serde_json::{Map, Value};
use store::PersonalData;

use crate::{
    Error, System,
    accounts::{Profile, profile_from_log},
    notifications::{self, About},
    payments,
};

/// Transactions in an export at most, the newest; lists by page have all.
const TRANSACTIONS: usize = 2_000;
/// Cards in an export at most, the oldest.
const CARDS: i64 = 1_000;
/// Events in an export at most, the newest.
const EVENTS: i64 = 10_000;
const PAGE: usize = 100;

/// The document. It has everything in the clear, so it is neither logged nor kept.
#[derive(Serialize)]
pub struct Export {
    exported_at: DateTime<Utc>,
    /// The log's last position when the export began: what is older is in it.
    position: i64,
    profile: Map<String, Value>,
    security: security::Security,
    kyc_cases: Vec<Case>,
    cards: Vec<Value>,
    transactions: Vec<Value>,
    /// None where they cannot be read just now.
    notifications: Option<Vec<Value>>,
    /// The events of the person's account, verification, cards and payments, as CloudEvents; beside each what is
    /// sealed in it.
    events: Vec<events::Opened>,
    /// Parts that hold the newest only, with how many.
    truncated: Map<String, Value>,
}

#[derive(Serialize)]
struct Case {
    case_id: KycCaseId,
    submitted_at: DateTime<Utc>,
    document_type: kyc::DocumentType,
    country: String,
    applicant: Option<Value>,
}

/// Gathers the document. Waits until the read models show all that is in the log.
pub async fn export(system: &System, user_id: UserId) -> Result<Export, Error> {
    let store = &system.store;
    let position = store.head().await?;
    system.tables_at(Some(position)).await?;
    let mut truncated = Map::new();

    let (transactions, payments) = transactions(system, user_id, &mut truncated).await?;
    let card_ids = store.card_ids(user_id, false, CARDS).await?;
    note_if_full(&mut truncated, "cards", card_ids.len(), CARDS);
    let mut cards = Vec::with_capacity(card_ids.len());
    for card_id in &card_ids {
        cards.push(card(crate::cards::get(system, user_id, *card_id, None).await?));
    }
    let of_cards = card_ids.iter().map(|card| (Kind::Card, card.0));
    let of_payments = payments.iter().map(|payment| (Kind::Payment, payment.0));
    let streams = [(Kind::User, user_id.0), (Kind::Kyc, user_id.0)].into_iter().chain(of_cards).chain(of_payments);
    let events = store.events_of(&streams.collect::<Vec<_>>(), EVENTS).await?;
    note_if_full(&mut truncated, "events", events.len(), EVENTS);
    let mut kyc_cases = Vec::new();
    for event in &events {
        kyc_cases.extend(case(system, user_id, event).await?);
    }
    Ok(Export {
        exported_at: crate::now(),
        position,
        profile: profile(profile_from_log(system, user_id).await?)?,
        security: security::gather(system, user_id).await?,
        kyc_cases,
        cards,
        transactions,
        notifications: told(system, user_id).await?,
        events: events::opened(system, user_id, events).await?,
        truncated,
    })
}

fn note_if_full(truncated: &mut Map<String, Value>, part: &str, found: usize, limit: i64) {
    if i64::try_from(found).is_ok_and(|found| found >= limit) {
        truncated.insert(part.to_owned(), limit.into());
    }
}

fn profile(profile: Profile) -> Result<Map<String, Value>, Error> {
    let Profile { account, email_verified, standing, roles, preferences, created_at } = profile;
    let value = serde_json::json!({
        "user_id": account.user_id,
        "email": account.email,
        "email_verified": email_verified,
        "first_name": account.first_name,
        "last_name": account.last_name,
        "kyc_status": account.kyc_status,
        "standing": standing,
        "roles": roles,
        "preferences": preferences,
        "created_at": created_at,
    });
    match value {
        Value::Object(profile) => Ok(profile),
        _ => Err(Error::Internal("a profile is an object".into())),
    }
}

/// Masked, as everywhere.
fn card(card: crate::cards::CardView) -> Value {
    serde_json::json!({
        "card_id": card.card_id,
        "card_type": card.card_type,
        "status": card.status,
        "last_four": card.last_four,
        "expiry": card.expiry.map(|expiry| expiry.to_string()),
        "monthly_limit": card.monthly_limit,
        "used_this_month": card.used_this_month,
        "requested_at": card.requested_at,
    })
}

async fn transactions(
    system: &System,
    user_id: UserId,
    truncated: &mut Map<String, Value>,
) -> Result<(Vec<Value>, Vec<PaymentId>), Error> {
    let (mut found, mut ids, mut before) = (Vec::new(), Vec::new(), None);
    while found.len() < TRANSACTIONS {
        let page = payments::list(system, user_id, before, PAGE, None).await?;
        for payment in page.items {
            ids.push(payment.payment_id);
            found.push(serde_json::json!({
                "transaction_id": payment.payment_id,
                "card_id": payment.card_id,
                "status": payment.status,
                "amount": payment.amount,
                "merchant": payment.merchant,
                "merchant_category": payment.merchant_category,
                "decline": payment.decline,
                "gateway_reference": payment.gateway_reference,
                "created_at": payment.created_at,
                "updated_at": payment.updated_at,
            }));
        }
        before = page.next;
        if before.is_none() {
            return Ok((found, ids));
        }
    }
    truncated.insert("transactions".into(), found.len().into());
    Ok((found, ids))
}

async fn told(system: &System, user_id: UserId) -> Result<Option<Vec<Value>>, Error> {
    let told = match notifications::inbox(system, user_id, projections::INBOX_KEPT, None).await {
        Ok(told) => told,
        Err(Error::Unavailable { .. } | Error::Behind { .. }) => return Ok(None),
        Err(error) => return Err(error),
    };
    let each = told.into_iter().map(|told| {
        let data = match told.data {
            About::Subject(subject) => serde_json::to_value(subject).unwrap_or_default(),
            About::Given(data) => Value::Object(data),
        };
        serde_json::json!({
            "notification_id": told.id,
            "type": told.topic,
            "title": told.title,
            "message": told.message,
            "data": data,
            "created_at": told.created_at,
            "read": told.is_read,
        })
    });
    Ok(Some(each.collect()))
}

/// The case that the event opened, if it did.
async fn case(system: &System, user_id: UserId, event: &aggregates::Envelope) -> Result<Option<Case>, Error> {
    let decoded = event.decode().map_err(|e| Error::Internal(e.into()))?;
    let aggregates::envelope::AnyEvent::Kyc(kyc::Event::Submitted {
        case_id,
        applicant,
        document_type,
        country,
        at,
        ..
    }) = decoded
    else {
        return Ok(None);
    };
    let applicant = system.store.open(user_id, PersonalData::Applicant, &applicant).await?;
    let applicant = serde_json::from_str(&applicant).ok();
    Ok(Some(Case { case_id, submitted_at: at, document_type, country, applicant }))
}
