//! Reads: for misses of the Redis views, and for the workers that look for what is unfinished.

mod cards;

use aggregates::{CardId, KycCaseId, PaymentId, Sealed, UserId, kyc, payment};
use chrono::{DateTime, Utc};
use serde::de::DeserializeOwned;
use sqlx::{FromRow, Row, postgres::PgRow};
use uuid::Uuid;

use crate::{Error, Store};

pub use cards::{CardRow, TransitionRow};

#[derive(Clone, Debug)]
pub struct UserRow {
    pub user_id: UserId,
    pub email: Sealed,
    pub first_name: Sealed,
    pub last_name: Sealed,
    pub created_at: DateTime<Utc>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct KycRow {
    pub case_id: KycCaseId,
    pub status: kyc::Status,
    pub provider: Option<String>,
    pub decided_at: Option<DateTime<Utc>>,
    pub reasons: Vec<String>,
}

/// A case that waits for operators.
#[derive(Clone, Debug, PartialEq)]
pub struct WaitingCase {
    pub case_id: KycCaseId,
    pub user_id: UserId,
    pub level: kyc::Level,
    /// ISO 3166-1 alpha-2.
    pub country: String,
    pub reasons: Vec<String>,
    pub assigned_to: Option<UserId>,
    pub submitted_at: DateTime<Utc>,
    /// The place in the list.
    pub position: i64,
}

#[derive(Clone, Debug, PartialEq)]
pub struct TransactionRow {
    pub transaction_id: PaymentId,
    pub user_id: UserId,
    pub card_id: CardId,
    pub amount: i64,
    pub currency: String,
    pub merchant: String,
    pub merchant_category: String,
    pub status: payment::Status,
    pub decline: Option<payment::Decline>,
    pub gateway_reference: Option<String>,
    pub network: Option<payment::Network>,
    pub tally: payment::Tally,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    pub position: i64,
}

/// A stretch of time, without its ends.
#[derive(Clone, Copy, Debug)]
pub struct Span {
    pub after: DateTime<Utc>,
    pub before: DateTime<Utc>,
}

impl Store {
    /// The account that an e-mail address (as blind index) belongs to. Read from the claims, so never behind.
    pub async fn account_by_email(&self, index: &aggregates::BlindIndex) -> Result<Option<UserId>, Error> {
        self.claim_owner("email", index.0.as_bytes()).await
    }

    pub async fn user_row(&self, user: UserId) -> Result<Option<UserRow>, Error> {
        let query = sqlx::query("SELECT * FROM read.users WHERE user_id = $1");
        first(self.row_of(user, query.bind(user.0)).await?)
    }

    /// The person's latest case.
    pub async fn kyc_row(&self, user: UserId) -> Result<Option<KycRow>, Error> {
        let sql = "SELECT * FROM read.kyc_verifications WHERE user_id = $1 ORDER BY position DESC LIMIT 1";
        first(self.row_of(user, sqlx::query(sql).bind(user.0)).await?)
    }

    /// A transaction, if it is the person's.
    pub async fn transaction_row(&self, user: UserId, payment: PaymentId) -> Result<Option<TransactionRow>, Error> {
        let query = sqlx::query("SELECT * FROM read.transactions WHERE transaction_id = $1 AND user_id = $2");
        first(self.row_of(user, query.bind(payment.0).bind(user.0)).await?)
    }

    /// The person's transactions before a position, newest first.
    pub async fn transaction_rows(
        &self,
        user: UserId,
        before: Option<i64>,
        limit: i64,
    ) -> Result<Vec<TransactionRow>, Error> {
        let sql = "SELECT * FROM read.transactions WHERE user_id = $1 AND position < $2
                    ORDER BY position DESC LIMIT $3";
        let query = sqlx::query(sql).bind(user.0).bind(before.unwrap_or(i64::MAX)).bind(limit);
        all(self.rows_of(user, query).await?)
    }

    /// The person's payments that have no outcome, the oldest first.
    pub async fn pending_payments(&self, user: UserId, limit: i64) -> Result<Vec<PaymentId>, Error> {
        let sql = "SELECT transaction_id FROM read.transactions
                    WHERE user_id = $1 AND status = 'pending' ORDER BY position LIMIT $2";
        let rows = self.rows_of(user, sqlx::query(sql).bind(user.0).bind(limit)).await?;
        rows.iter().map(|row| Ok(PaymentId(row.try_get(0)?))).collect()
    }

    /// Payments begun in `span` that have no outcome, oldest first, with the time they began.
    pub async fn open_payments(&self, span: Span, limit: i64) -> Result<Vec<(PaymentId, DateTime<Utc>)>, Error> {
        let sql = "SELECT transaction_id, created_at FROM read.transactions
                    WHERE status = 'pending' AND created_at > $1 AND created_at < $2 ORDER BY created_at LIMIT $3";
        self.still_open(sql, span, limit).await
    }

    /// Purchases of the card network that hold something, and last changed in `span`, with that time.
    pub async fn open_holds(&self, span: Span, limit: i64) -> Result<Vec<(PaymentId, DateTime<Utc>)>, Error> {
        let sql = "SELECT transaction_id, updated_at FROM read.transactions
                    WHERE network IS NOT NULL AND (tally ->> 'authorized')::bigint
                            > (tally ->> 'captured')::bigint + (tally ->> 'released')::bigint
                      AND updated_at > $1 AND updated_at < $2 ORDER BY updated_at LIMIT $3";
        self.still_open(sql, span, limit).await
    }

    /// People, erased ones apart, whose case was submitted in `span` and still waits for the provider, or for the
    /// people who review it there. What is pending beside a watch list's hit waits for operators alone.
    pub async fn open_cases(&self, span: Span, limit: i64) -> Result<Vec<(UserId, DateTime<Utc>)>, Error> {
        // Nobody can say any more who an erased person was.
        let sql = "SELECT user_id, submitted_at FROM read.kyc_verifications k
                    WHERE (status = 'in_review' OR (status = 'pending' AND NOT has_open_hit))
                      AND submitted_at > $1 AND submitted_at < $2
                      AND NOT EXISTS (SELECT FROM read.users u WHERE u.user_id = k.user_id AND u.erased_at IS NOT NULL)
                    ORDER BY submitted_at LIMIT $3";
        self.still_open(sql, span, limit).await
    }

    /// Cases that an operator may decide, the longest waiting first: those behind a position; of everybody else, or only
    /// those that the operator has taken.
    pub async fn work_list(
        &self,
        operator: UserId,
        after: i64,
        is_only_own: bool,
        limit: i64,
    ) -> Result<Vec<WaitingCase>, Error> {
        let query = sqlx::query("SELECT * FROM kyc_work_list($1, $2, $3, $4)").bind(operator.0).bind(after);
        all(query.bind(is_only_own).bind(limit).fetch_all(self.pool()).await?)
    }

    /// People whose approval ended in `span`, or does so within `soon` days after it and they do not know; by its end.
    pub async fn ending_approvals(
        &self,
        span: Span,
        soon: u32,
        limit: i64,
    ) -> Result<Vec<(UserId, DateTime<Utc>)>, Error> {
        // An approval that a later one took the place of ends silently, and so does one that operators have ended.
        // One that rests is not announced.
        let sql = format!(
            "SELECT k.user_id, k.valid_until FROM read.kyc_verifications k
              WHERE k.status = 'approved' AND NOT k.approval_ended AND k.valid_until > $1
                AND (k.valid_until < $2
                     OR (k.valid_until < $2 + interval '{soon} days' AND NOT k.expiry_announced
                         AND NOT EXISTS (SELECT FROM read.users u
                                          WHERE u.user_id = k.user_id AND u.erased_at IS NOT NULL)
                         AND NOT EXISTS (SELECT FROM read.kyc_verifications hit
                                          WHERE hit.user_id = k.user_id AND hit.has_open_hit)))
                AND NOT EXISTS (SELECT FROM read.kyc_verifications later
                                 WHERE later.user_id = k.user_id AND later.position > k.position
                                   AND later.status IN ('approved', 'expired'))
              ORDER BY k.valid_until LIMIT $3"
        );
        self.still_open(&sql, span, limit).await
    }

    async fn still_open<T: From<Uuid>>(
        &self,
        sql: &str,
        span: Span,
        limit: i64,
    ) -> Result<Vec<(T, DateTime<Utc>)>, Error> {
        let rows = sqlx::query(sql).bind(span.after).bind(span.before).bind(limit).fetch_all(self.pool()).await?;
        let open = |row: &PgRow| Ok((T::from(row.try_get::<Uuid, _>(0)?), row.try_get(1)?));
        rows.iter().map(open).collect()
    }
}

fn first<T: for<'r> FromRow<'r, PgRow>>(row: Option<PgRow>) -> Result<Option<T>, Error> {
    Ok(row.as_ref().map(T::from_row).transpose()?)
}

fn all<T: for<'r> FromRow<'r, PgRow>>(rows: Vec<PgRow>) -> Result<Vec<T>, Error> {
    Ok(rows.iter().map(T::from_row).collect::<Result<_, _>>()?)
}

/// A text column that holds an enum's name, or another type with a textual serde form.
fn parsed<T: DeserializeOwned>(row: &PgRow, column: &str) -> Result<T, sqlx::Error> {
    let text: String = row.try_get(column)?;
    serde_json::from_value(serde_json::Value::String(text))
        .map_err(|e| sqlx::Error::ColumnDecode { index: column.into(), source: Box::new(e) })
}

impl FromRow<'_, PgRow> for UserRow {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        let sealed = |column| row.try_get(column).map(Sealed::from_ciphertext);
        Ok(UserRow {
            user_id: UserId(row.try_get("user_id")?),
            email: sealed("email")?,
            first_name: sealed("first_name")?,
            last_name: sealed("last_name")?,
            created_at: row.try_get("created_at")?,
        })
    }
}

impl FromRow<'_, PgRow> for KycRow {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(KycRow {
            case_id: KycCaseId(row.try_get("case_id")?),
            status: parsed(row, "status")?,
            provider: row.try_get("provider")?,
            decided_at: row.try_get("decided_at")?,
            reasons: row.try_get("reasons")?,
        })
    }
}

impl FromRow<'_, PgRow> for WaitingCase {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        Ok(WaitingCase {
            case_id: KycCaseId(row.try_get("case_id")?),
            user_id: UserId(row.try_get("user_id")?),
            level: parsed(row, "level")?,
            country: row.try_get("country")?,
            reasons: row.try_get("reasons")?,
            assigned_to: row.try_get::<Option<Uuid>, _>("assigned_to")?.map(UserId),
            submitted_at: row.try_get("submitted_at")?,
            position: row.try_get("position")?,
        })
    }
}

impl FromRow<'_, PgRow> for TransactionRow {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        let decline: Option<sqlx::types::Json<payment::Decline>> = row.try_get("decline")?;
        let network: Option<sqlx::types::Json<payment::Network>> = row.try_get("network")?;
        let tally: sqlx::types::Json<payment::Tally> = row.try_get("tally")?;
        Ok(TransactionRow {
            transaction_id: PaymentId(row.try_get("transaction_id")?),
            user_id: UserId(row.try_get("user_id")?),
            card_id: CardId(row.try_get("card_id")?),
            amount: row.try_get("amount")?,
            currency: row.try_get("currency")?,
            merchant: row.try_get("merchant")?,
            merchant_category: row.try_get("merchant_category")?,
            status: parsed(row, "status")?,
            decline: decline.map(|json| json.0),
            gateway_reference: row.try_get("gateway_reference")?,
            network: network.map(|json| json.0),
            tally: tally.0,
            created_at: row.try_get("created_at")?,
            updated_at: row.try_get("updated_at")?,
            position: row.try_get("position")?,
        })
    }
}
