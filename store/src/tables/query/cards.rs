use aggregates::{CardId, UserId, card};
use chrono::{DateTime, NaiveDate, Utc};
use sqlx::{FromRow, Row, postgres::PgRow};

use super::{Span, all, first, parsed};
use crate::{Error, Store};

/// Amounts in minor units of `currency`.
#[derive(Clone, Debug, PartialEq)]
pub struct CardRow {
    pub card_id: CardId,
    pub user_id: UserId,
    pub card_type: card::CardType,
    pub status: card::Status,
    pub currency: String,
    pub monthly_limit: i64,
    pub used: i64,
    /// The first day of the month that `used` counts.
    pub used_window: Option<NaiveDate>,
    pub last_four: Option<String>,
    pub expiry: Option<card::Expiry>,
    /// `standard`, `single_use` or `merchant_locked`.
    pub purpose: String,
    pub predecessor: Option<CardId>,
    pub successor: Option<CardId>,
    pub requested_at: DateTime<Utc>,
}

/// A step of a card from one state to another.
#[derive(Clone, Debug, PartialEq)]
pub struct TransitionRow {
    pub position: i64,
    /// The event's name.
    pub transition: String,
    /// What the card was then.
    pub status: card::Status,
    pub authority: card::Authority,
    pub reason: Option<card::Reason>,
    pub actor: String,
    pub at: DateTime<Utc>,
}

impl Store {
    /// A card, if it is the person's.
    pub async fn card_row(&self, user: UserId, card: CardId) -> Result<Option<CardRow>, Error> {
        let query = sqlx::query("SELECT * FROM read.cards WHERE card_id = $1 AND user_id = $2");
        first(self.row_of(user, query.bind(card.0).bind(user.0)).await?)
    }

    /// The person's cards, newest first.
    pub async fn card_rows(&self, user: UserId, limit: i64) -> Result<Vec<CardRow>, Error> {
        let sql = "SELECT * FROM read.cards WHERE user_id = $1 ORDER BY position DESC LIMIT $2";
        all(self.rows_of(user, sqlx::query(sql).bind(user.0).bind(limit)).await?)
    }

    /// The newest steps of a card of the person, the oldest of them first.
    pub async fn card_transitions(&self, user: UserId, card: CardId, limit: i64) -> Result<Vec<TransitionRow>, Error> {
        let sql = "SELECT * FROM (SELECT * FROM read.card_transitions WHERE card_id = $1 AND user_id = $2
                                   ORDER BY position DESC LIMIT $3) newest ORDER BY position";
        all(self.rows_of(user, sqlx::query(sql).bind(card.0).bind(user.0).bind(limit)).await?)
    }

    /// The ids of all of the person's cards that are not at their end, or of all; the oldest first.
    pub async fn card_ids(&self, user: UserId, live_only: bool, limit: i64) -> Result<Vec<CardId>, Error> {
        let sql = "SELECT card_id FROM read.cards
                    WHERE user_id = $1 AND (NOT $2 OR status NOT IN ('terminated', 'expired', 'issue_failed'))
                    ORDER BY position LIMIT $3";
        let rows = self.rows_of(user, sqlx::query(sql).bind(user.0).bind(live_only).bind(limit)).await?;
        rows.iter().map(|row| Ok(CardId(row.try_get(0)?))).collect()
    }

    /// Cards requested in `span` that the issuer has neither made nor refused.
    pub async fn open_cards(&self, span: Span, limit: i64) -> Result<Vec<(CardId, DateTime<Utc>)>, Error> {
        let sql = "SELECT card_id, requested_at FROM read.cards
                    WHERE status = 'requested' AND requested_at > $1 AND requested_at < $2
                    ORDER BY requested_at LIMIT $3";
        self.still_open(sql, span, limit).await
    }

    /// Cards that changed in `span`, of which their issuer does not know.
    pub async fn untold_cards(&self, span: Span, limit: i64) -> Result<Vec<(CardId, DateTime<Utc>)>, Error> {
        let sql = "SELECT card_id, changed_at FROM read.cards
                    WHERE untold AND changed_at > $1 AND changed_at < $2 ORDER BY changed_at LIMIT $3";
        self.still_open(sql, span, limit).await
    }

    /// Cards that have expired, or do so within `soon` days after `span` and their owners do not know; with the time.
    pub async fn expiring_cards(
        &self,
        span: Span,
        soon: u16,
        limit: i64,
    ) -> Result<Vec<(CardId, DateTime<Utc>)>, Error> {
        let sql = format!(
            "SELECT card_id, expires_on::timestamptz FROM read.cards
              WHERE status IN ('active', 'inactive', 'frozen') AND expires_on::timestamptz > $1
                AND (expires_on <= $2::date OR (expires_on <= $2::date + {soon} AND NOT expiry_announced))
              ORDER BY expires_on LIMIT $3"
        );
        self.still_open(&sql, span, limit).await
    }
}

impl FromRow<'_, PgRow> for CardRow {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        let expiry: Option<String> = row.try_get("expiry")?;
        let card = |column| row.try_get::<Option<uuid::Uuid>, _>(column).map(|id| id.map(CardId));
        Ok(CardRow {
            card_id: CardId(row.try_get("card_id")?),
            user_id: UserId(row.try_get("user_id")?),
            card_type: parsed(row, "card_type")?,
            status: parsed(row, "status")?,
            currency: row.try_get("currency")?,
            monthly_limit: row.try_get("monthly_limit")?,
            used: row.try_get("used")?,
            used_window: row.try_get("used_window")?,
            last_four: row.try_get("last_four")?,
            expiry: expiry.and_then(|text| text.parse().ok()),
            purpose: row.try_get("purpose")?,
            predecessor: card("predecessor")?,
            successor: card("successor")?,
            requested_at: row.try_get("requested_at")?,
        })
    }
}

impl FromRow<'_, PgRow> for TransitionRow {
    fn from_row(row: &PgRow) -> Result<Self, sqlx::Error> {
        let reason: Option<String> = row.try_get("reason")?;
        Ok(TransitionRow {
            position: row.try_get("position")?,
            transition: row.try_get("transition")?,
            status: parsed(row, "status")?,
            authority: parsed(row, "authority")?,
            reason: reason.and_then(|text| card::Reason::parse(&text)),
            actor: row.try_get("actor")?,
            at: row.try_get("at")?,
        })
    }
}
