//! Payments: their rows, and what happens to them.

use std::collections::BTreeMap;

use aggregates::{
    CardId, Currency, PaymentId, UserId,
    payment::{Event, Tally},
};
use chrono::{DateTime, Utc};
use sqlx::Row;
use uuid::Uuid;

use super::{
    changes::Changes,
    write::{Tx, execute},
};

pub(super) struct NewPayment {
    pub user_id: UserId,
    pub card_id: CardId,
    pub amount: i64,
    pub currency: Currency,
    pub merchant: String,
    pub merchant_category: String,
    pub risk_score: f64,
    pub network: Option<serde_json::Value>,
    pub at: DateTime<Utc>,
    pub position: i64,
}

/// What a batch does to one payment. The sums need the row as it was, so the events wait until it is known.
#[derive(Default)]
pub(super) struct Outcome {
    events: Vec<Event>,
    pub decline: Option<serde_json::Value>,
    pub gateway: Option<String>,
    pub reference: Option<String>,
    /// None where the batch only began the payment.
    pub at: Option<DateTime<Utc>>,
}

impl NewPayment {
    pub fn of(event: &Event, position: i64) -> Option<NewPayment> {
        let Event::Initiated { user_id, card_id, amount, merchant, merchant_category, screening, network, at, .. } =
            event
        else {
            return None;
        };
        Some(NewPayment {
            user_id: *user_id,
            card_id: *card_id,
            amount: amount.minor_units,
            currency: amount.currency,
            merchant: merchant.clone(),
            merchant_category: merchant_category.clone(),
            risk_score: screening.risk_score,
            network: network.as_ref().and_then(|network| serde_json::to_value(network).ok()),
            at: *at,
            position,
        })
    }
}

impl Outcome {
    pub fn add(&mut self, event: Event) {
        match &event {
            Event::Initiated { .. } | Event::Resumed { .. } => {}
            Event::Captured { gateway, gateway_reference, at, .. } => {
                self.gateway = Some(gateway.clone());
                self.reference = Some(gateway_reference.clone());
                self.at = Some(*at);
            }
            Event::Declined { reason, at } => {
                self.decline = serde_json::to_value(reason).ok();
                self.at = Some(*at);
            }
            Event::Authorized { at, .. }
            | Event::Incremented { at, .. }
            | Event::IncrementDeclined { at, .. }
            | Event::Reversed { at, .. }
            | Event::Expired { at, .. }
            | Event::Refunded { at, .. } => self.at = Some(*at),
        }
        self.events.push(event);
    }

    fn after(&self, mut tally: Tally) -> Tally {
        self.events.iter().for_each(|event| tally.step(event));
        tally
    }
}

impl Changes {
    pub(super) async fn write_payments(&self, transaction: &mut Tx<'_>, schema: &str) -> Result<(), sqlx::Error> {
        if !self.payments.is_empty() {
            self.write_new_payments(transaction, schema).await?;
        }
        let late: BTreeMap<PaymentId, &Outcome> = self
            .outcomes
            .iter()
            .filter(|(id, o)| !self.payments.contains_key(id) && o.at.is_some())
            .map(|(id, o)| (*id, o))
            .collect();
        if !late.is_empty() {
            write_late(&late, transaction, schema).await?;
        }
        Ok(())
    }

    async fn write_new_payments(&self, transaction: &mut Tx<'_>, schema: &str) -> Result<(), sqlx::Error> {
        let sql = format!(
            "INSERT INTO {schema}.transactions
                    (transaction_id, user_id, card_id, amount, currency, merchant, merchant_category, risk_score,
                     created_at, position, status, decline, gateway, gateway_reference, updated_at, network, tally)
             SELECT * FROM unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::bigint[], $5::text[], $6::text[],
                                  $7::text[], $8::float8[], $9::timestamptz[], $10::bigint[], $11::text[],
                                  $12::jsonb[], $13::text[], $14::text[], $15::timestamptz[], $16::jsonb[],
                                  $17::jsonb[])"
        );
        let rows = &self.payments;
        let none = Outcome::default();
        let outcomes: Vec<&Outcome> = rows.keys().map(|id| self.outcomes.get(id).unwrap_or(&none)).collect();
        let tallies: Vec<Tally> = outcomes.iter().map(|outcome| outcome.after(Tally::default())).collect();
        let query = sqlx::query(&sql)
            .bind(rows.keys().map(|id| id.0).collect::<Vec<_>>())
            .bind(rows.values().map(|p| p.user_id.0).collect::<Vec<_>>())
            .bind(rows.values().map(|p| p.card_id.0).collect::<Vec<_>>())
            .bind(rows.values().map(|p| p.amount).collect::<Vec<_>>())
            .bind(rows.values().map(|p| p.currency.code()).collect::<Vec<_>>())
            .bind(rows.values().map(|p| p.merchant.as_str()).collect::<Vec<_>>())
            .bind(rows.values().map(|p| p.merchant_category.as_str()).collect::<Vec<_>>())
            .bind(rows.values().map(|p| p.risk_score).collect::<Vec<_>>())
            .bind(rows.values().map(|p| p.at).collect::<Vec<_>>())
            .bind(rows.values().map(|p| p.position).collect::<Vec<_>>())
            .bind(tallies.iter().map(|tally| tally.status().as_str()).collect::<Vec<_>>())
            .bind(outcomes.iter().map(|o| o.decline.clone()).collect::<Vec<_>>())
            .bind(outcomes.iter().map(|o| o.gateway.as_deref()).collect::<Vec<_>>())
            .bind(outcomes.iter().map(|o| o.reference.as_deref()).collect::<Vec<_>>())
            .bind(rows.values().zip(&outcomes).map(|(p, o)| o.at.unwrap_or(p.at)).collect::<Vec<_>>())
            .bind(rows.values().map(|p| p.network.clone()).collect::<Vec<_>>())
            .bind(tallies.iter().map(json).collect::<Vec<_>>());
        execute(query, transaction).await
    }
}

/// Outcomes of payments that earlier batches began.
async fn write_late(
    late: &BTreeMap<PaymentId, &Outcome>,
    transaction: &mut Tx<'_>,
    schema: &str,
) -> Result<(), sqlx::Error> {
    let ids: Vec<Uuid> = late.keys().map(|id| id.0).collect();
    let before = tallies(&ids, transaction, schema).await?;
    let after = |(id, outcome): (&PaymentId, &&Outcome)| outcome.after(before.get(&id.0).copied().unwrap_or_default());
    let tallies: Vec<Tally> = late.iter().map(after).collect();
    let sql = format!(
        "UPDATE {schema}.transactions t
            SET status = o.status, decline = coalesce(o.decline, t.decline), gateway = coalesce(o.gateway, t.gateway),
                gateway_reference = coalesce(o.reference, t.gateway_reference), updated_at = o.at, tally = o.tally
           FROM unnest($1::uuid[], $2::text[], $3::jsonb[], $4::text[], $5::text[], $6::timestamptz[], $7::jsonb[])
                AS o (id, status, decline, gateway, reference, at, tally)
          WHERE t.transaction_id = o.id"
    );
    let query = sqlx::query(&sql)
        .bind(ids)
        .bind(tallies.iter().map(|tally| tally.status().as_str()).collect::<Vec<_>>())
        .bind(late.values().map(|o| o.decline.clone()).collect::<Vec<_>>())
        .bind(late.values().map(|o| o.gateway.as_deref()).collect::<Vec<_>>())
        .bind(late.values().map(|o| o.reference.as_deref()).collect::<Vec<_>>())
        .bind(late.values().map(|o| o.at).collect::<Vec<_>>())
        .bind(tallies.iter().map(json).collect::<Vec<_>>());
    execute(query, transaction).await
}

async fn tallies(ids: &[Uuid], transaction: &mut Tx<'_>, schema: &str) -> Result<BTreeMap<Uuid, Tally>, sqlx::Error> {
    let sql = format!("SELECT transaction_id, tally FROM {schema}.transactions WHERE transaction_id = ANY($1)");
    let rows = sqlx::query(&sql).bind(ids).fetch_all(&mut **transaction).await?;
    let of_row = |row: &sqlx::postgres::PgRow| {
        let tally: sqlx::types::Json<Tally> = row.try_get(1)?;
        Ok((row.try_get(0)?, tally.0))
    };
    rows.iter().map(of_row).collect()
}

fn json(tally: &Tally) -> serde_json::Value {
    serde_json::to_value(tally).unwrap_or_default()
}
