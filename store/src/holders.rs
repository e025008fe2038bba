//! What issuers call the people who hold cards of theirs, and the cards themselves.

use aggregates::{CardId, UserId};
use chrono::{DateTime, Utc};
use sqlx::Row;

use crate::{Error, Store};

/// A person as an issuer knows them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The issuer's name for them; none as long as it has not answered.
    pub reference: Option<String>,
    /// Since when it is asked under the idempotency key of now.
    pub asked_at: DateTime<Utc>,
}

impl Store {
    /// The card that is known by a claim, such as an issuer's name for it. Read from the claims, so never behind.
    pub async fn card_by_claim(&self, scope: &str, key: &[u8]) -> Result<Option<CardId>, Error> {
        Ok(self.claim_owner(scope, key).await?.map(|owner| CardId(owner.0)))
    }

    /// What is known of a person at an issuer; none where it was never asked to know them.
    pub async fn issuer_holder(&self, user: UserId, issuer: &str) -> Result<Option<Holder>, Error> {
        let sql = "SELECT reference, asked_at FROM issuer_holders WHERE user_id = $1 AND issuer = $2";
        let row = self.row_of(user, sqlx::query(sql).bind(user.0).bind(issuer)).await?;
        row.map(|row| Ok(Holder { reference: row.try_get(0)?, asked_at: row.try_get(1)? })).transpose()
    }

    /// Keeps that an issuer is asked from `asked_at` on to make a person known; does nothing once it has.
    pub async fn ask_issuer_holder(&self, user: UserId, issuer: &str, asked_at: DateTime<Utc>) -> Result<(), Error> {
        let sql = "INSERT INTO issuer_holders (user_id, issuer, asked_at) VALUES ($1, $2, $3)
                   ON CONFLICT (user_id, issuer) DO UPDATE SET asked_at = excluded.asked_at
                   WHERE issuer_holders.reference IS NULL";
        self.write_as(user, sqlx::query(sql).bind(user.0).bind(issuer).bind(asked_at)).await?;
        Ok(())
    }

    /// Keeps an issuer's name for a person that it was asked to make known. The first one stays.
    pub async fn put_issuer_holder(&self, user: UserId, issuer: &str, reference: &str) -> Result<(), Error> {
        let sql = "UPDATE issuer_holders SET reference = $3 WHERE user_id = $1 AND issuer = $2 AND reference IS NULL";
        self.write_as(user, sqlx::query(sql).bind(user.0).bind(issuer).bind(reference)).await?;
        Ok(())
    }

    /// Forgets that an issuer was asked, where it has refused.
    pub async fn forget_issuer_holder(&self, user: UserId, issuer: &str) -> Result<(), Error> {
        let sql = "DELETE FROM issuer_holders WHERE user_id = $1 AND issuer = $2 AND reference IS NULL";
        self.write_as(user, sqlx::query(sql).bind(user.0).bind(issuer)).await?;
        Ok(())
    }
}
