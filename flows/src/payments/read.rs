use aggregates::{
    CardId, Currency, Money, PaymentId, UserId,
    payment::{Decline, Network, Payment, Status, Tally},
};
use chrono::{DateTime, Utc};
use projections::{ReadError, Transaction};
use store::tables::TransactionRow;

use crate::{Error, System};

/// Payments on a page at most.
const LONGEST_PAGE: usize = 100;

/// A payment as its payer sees it.
#[derive(Clone, Debug, PartialEq)]
pub struct PaymentView {
    pub payment_id: PaymentId,
    pub card_id: CardId,
    pub status: Status,
    pub amount: Money,
    pub merchant: String,
    pub merchant_category: String,
    pub decline: Option<Decline>,
    pub gateway_reference: Option<String>,
    /// What the card network told of it, where it brought the purchase.
    pub network: Option<Network>,
    pub tally: Tally,
    pub created_at: DateTime<Utc>,
    /// When its outcome was recorded, or it began.
    pub updated_at: DateTime<Utc>,
}

/// A part of a list, newest first; `next` asks for what is older.
#[derive(Clone, Debug)]
pub struct Page<T> {
    pub items: Vec<T>,
    pub next: Option<i64>,
}

impl PaymentView {
    pub(super) fn of(payment_id: PaymentId, payment: &Payment) -> Result<PaymentView, Error> {
        let found = || {
            Some(PaymentView {
                payment_id,
                card_id: payment.card_id()?,
                status: payment.status()?,
                amount: payment.amount()?,
                merchant: payment.merchant()?.to_owned(),
                merchant_category: payment.merchant_category()?.to_owned(),
                decline: payment.decline().cloned(),
                gateway_reference: payment.gateway_reference().map(str::to_owned),
                network: payment.network().cloned(),
                tally: payment.tally()?,
                created_at: payment.initiated_at()?,
                updated_at: payment.updated_at()?,
            })
        };
        found().ok_or(Error::NotFound { what: "transaction" })
    }
}

/// A payment of the person; somebody else's is as unknown as none.
pub async fn get(
    system: &System,
    user_id: UserId,
    payment_id: PaymentId,
    at_least: Option<i64>,
) -> Result<PaymentView, Error> {
    let found = match system.views.transaction(payment_id, at_least).await {
        Ok(Some(document)) => Some((document.user_id, from_document(document))),
        Err(ReadError::Behind { wanted, .. }) => return Err(Error::Behind { position: wanted }),
        // Redis keeps the newest payments of a person; all are in the tables.
        Ok(None) | Err(ReadError::NotReady | ReadError::Unavailable(_)) => {
            system.tables_at(at_least).await?;
            let row = system.store.transaction_row(user_id, payment_id).await?;
            row.map(|row| Ok::<_, Error>((row.user_id, from_row(row)?))).transpose()?
        }
    };
    match found {
        Some((owner, view)) if owner == user_id => Ok(view),
        Some(_) | None => Err(Error::NotFound { what: "transaction" }),
    }
}

/// The person's payments before a position, newest first.
pub async fn list(
    system: &System,
    user_id: UserId,
    before: Option<i64>,
    limit: usize,
    at_least: Option<i64>,
) -> Result<Page<PaymentView>, Error> {
    let limit = limit.clamp(1, LONGEST_PAGE);
    let (mut items, complete) = match system.views.transactions(user_id, before, limit, at_least).await {
        Ok(page) => {
            let items = page.transactions.into_iter().map(|document| (document.position, from_document(document)));
            (items.collect::<Vec<_>>(), !page.truncated)
        }
        Err(ReadError::Behind { wanted, .. }) => return Err(Error::Behind { position: wanted }),
        Err(ReadError::NotReady | ReadError::Unavailable(_)) => (vec![], false),
    };
    if items.len() < limit && !complete {
        system.tables_at(at_least).await?;
        let older_than = items.last().map(|(position, _)| *position).or(before);
        let missing = i64::try_from(limit - items.len()).unwrap_or(i64::MAX);
        for row in system.store.transaction_rows(user_id, older_than, missing).await? {
            items.push((row.position, from_row(row)?));
        }
    }
    let next = items.last().map(|(position, _)| *position).filter(|_| items.len() == limit);
    Ok(Page { items: items.into_iter().map(|(_, view)| view).collect(), next })
}

fn from_document(document: Transaction) -> PaymentView {
    PaymentView {
        payment_id: document.payment_id,
        card_id: document.card_id,
        status: document.status,
        amount: document.amount,
        merchant: document.merchant,
        merchant_category: document.merchant_category,
        decline: document.decline,
        gateway_reference: document.gateway_reference,
        network: document.network,
        tally: document.tally,
        created_at: document.created_at,
        updated_at: document.completed_at.unwrap_or(document.created_at),
    }
}

fn from_row(row: TransactionRow) -> Result<PaymentView, Error> {
    let currency = Currency::from_code(&row.currency).ok_or_else(|| Error::Internal("unknown currency".into()))?;
    Ok(PaymentView {
        payment_id: row.transaction_id,
        card_id: row.card_id,
        status: row.status,
        amount: Money::new(row.amount, currency),
        merchant: row.merchant,
        merchant_category: row.merchant_category,
        decline: row.decline,
        gateway_reference: row.gateway_reference,
        network: row.network,
        tally: row.tally,
        created_at: row.created_at,
        updated_at: row.updated_at,
    })
}
