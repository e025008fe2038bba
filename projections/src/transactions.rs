//! Payments as their payer sees them: one document each, and an index of each person's, newest first.

use aggregates::{
    CardId, Envelope, Money, PaymentId, UserId,
    envelope::AnyEvent,
    payment::{Decline, Event, Network, Status, Tally},
};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::{
    ReadError, Views,
    fold::Needs,
    keys::Key,
    workspace::{Document, FoldError, Workspace},
};

/// How many of a person's payments are kept here, the newest. Older ones, list and document, come from the
/// relational tables, which keep all.
pub const TRANSACTIONS_KEPT: usize = 1_000;

const INDEX: &str = "payments";

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Transaction {
    pub payment_id: PaymentId,
    pub user_id: UserId,
    pub card_id: CardId,
    pub amount: Money,
    pub merchant: String,
    pub merchant_category: String,
    pub status: Status,
    /// Why it was declined, if it was.
    pub decline: Option<Decline>,
    /// What screening said, 0 to 1.
    pub risk_score: f64,
    pub gateway: Option<String>,
    pub gateway_reference: Option<String>,
    /// What the card network told of it, where it brought the purchase.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub network: Option<Network>,
    /// What became of the money.
    pub tally: Tally,
    pub created_at: DateTime<Utc>,
    /// When it last changed, after it began.
    pub completed_at: Option<DateTime<Utc>>,
    /// The position of the event that began the payment: lists are in this order, and continue before it.
    pub position: i64,
}

impl Document for Transaction {
    const ROOM: &'static str = "payment";
}

/// Part of a person's payments, newest first.
#[derive(Clone, Debug, PartialEq)]
pub struct TransactionPage {
    pub transactions: Vec<Transaction>,
    /// Whether the page ends because older payments are not kept here. Then read this page from the relational
    /// tables.
    pub truncated: bool,
}

impl Views {
    /// None also for a payment that is older than the payer's newest [`TRANSACTIONS_KEPT`].
    pub async fn transaction(
        &self,
        payment: PaymentId,
        at_least: Option<i64>,
    ) -> Result<Option<Transaction>, ReadError> {
        self.document(payment, at_least).await
    }

    /// The newest `limit` payments that began before the position `before`; of all, if none is given.
    pub async fn transactions(
        &self,
        user: UserId,
        before: Option<i64>,
        limit: usize,
        at_least: Option<i64>,
    ) -> Result<TransactionPage, ReadError> {
        let limit = limit.min(TRANSACTIONS_KEPT);
        let index = self.index(Key::new(INDEX, user), before, limit, at_least).await?;
        let transactions: Vec<Transaction> = self.documents(&index.members).await?;
        // A document that went between the two questions made room for a newer one.
        let evicted = transactions.len() < index.members.len();
        let truncated = evicted || index.members.len() < limit && index.size >= TRANSACTIONS_KEPT;
        Ok(TransactionPage { transactions, truncated })
    }
}

pub(crate) fn needs(needs: &mut Needs, envelope: &Envelope, event: &AnyEvent) {
    match event {
        AnyEvent::Payment(Event::Initiated { user_id, .. }) => {
            needs.create(Transaction::key(envelope.aggregate_id));
            needs.push_index(Key::new(INDEX, *user_id), TRANSACTIONS_KEPT);
        }
        AnyEvent::Payment(Event::Resumed { .. }) => {}
        AnyEvent::Payment(
            Event::Authorized { .. }
            | Event::Incremented { .. }
            | Event::IncrementDeclined { .. }
            | Event::Captured { .. }
            | Event::Declined { .. }
            | Event::Reversed { .. }
            | Event::Expired { .. }
            | Event::Refunded { .. },
        ) => {
            needs.load(Transaction::key(envelope.aggregate_id));
        }
        AnyEvent::User(_) | AnyEvent::Kyc(_) | AnyEvent::Card(_) | AnyEvent::Client(_) | AnyEvent::Notification(_) => {}
    }
}

pub(crate) fn fold(workspace: &mut Workspace, envelope: &Envelope, event: &AnyEvent) -> Result<(), FoldError> {
    let AnyEvent::Payment(event) = event else { return Ok(()) };
    let payment_id = PaymentId(envelope.aggregate_id);
    match event {
        Event::Initiated {
            user_id,
            card_id,
            amount,
            merchant,
            merchant_category,
            screening,
            at,
            device_id: _,
            hold: _,
            slot: _,
            request_digest: _,
            network,
        } => {
            let mut tally = Tally::default();
            tally.step(event);
            let transaction = Transaction {
                payment_id,
                user_id: *user_id,
                card_id: *card_id,
                amount: *amount,
                merchant: merchant.clone(),
                merchant_category: merchant_category.clone(),
                status: Status::Pending,
                decline: None,
                risk_score: screening.risk_score,
                gateway: None,
                gateway_reference: None,
                network: network.clone(),
                tally,
                created_at: *at,
                completed_at: None,
                position: envelope.position,
            };
            workspace.put(payment_id, transaction);
            let index = Key::new(INDEX, *user_id);
            if let Some(oldest) = workspace.push_index(index, envelope.position, payment_id.0)? {
                workspace.remove::<Transaction>(oldest);
            }
        }
        Event::Resumed { .. } => {}
        // In a stream without holes, only a payment that made room has no document: its outcome is no longer shown.
        Event::Authorized { at, .. }
        | Event::Incremented { at, .. }
        | Event::IncrementDeclined { at, .. }
        | Event::Captured { at, .. }
        | Event::Declined { at, .. }
        | Event::Reversed { at, .. }
        | Event::Expired { at, .. }
        | Event::Refunded { at, .. } => {
            if let Some(transaction) = workspace.edit::<Transaction>(payment_id)? {
                transaction.learn(event, *at);
            }
        }
    }
    Ok(())
}

impl Transaction {
    fn learn(&mut self, event: &Event, at: DateTime<Utc>) {
        self.tally.step(event);
        self.status = self.tally.status();
        self.completed_at = Some(at);
        match event {
            Event::Captured { gateway, gateway_reference, .. } => {
                self.gateway = Some(gateway.clone());
                self.gateway_reference = Some(gateway_reference.clone());
            }
            Event::Declined { reason, .. } => self.decline = Some(reason.clone()),
            Event::Initiated { .. }
            | Event::Resumed { .. }
            | Event::Authorized { .. }
            | Event::Incremented { .. }
            | Event::IncrementDeclined { .. }
            | Event::Reversed { .. }
            | Event::Expired { .. }
            | Event::Refunded { .. } => {}
        }
    }

    /// Minor units of the payment, as an amount.
    pub fn money(&self, minor_units: i64) -> Money {
        Money::new(minor_units, self.amount.currency)
    }
}
