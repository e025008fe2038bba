//! What issuers call the people who hold cards of theirs, and the cards themselves.

use aggregates::{CardId, UserId};
use sqlx::Row;

use crate::{Error, Store};

impl Store {
    /// The card that is known by a claim, such as an issuer's name for it. Read from the claims, so never behind.
    pub async fn card_by_claim(&self, scope: &str, key: &[u8]) -> Result<Option<CardId>, Error> {
        Ok(self.claim_owner(scope, key).await?.map(|owner| CardId(owner.0)))
    }

    /// An issuer's name for a person, if the person was made known to it.
    pub async fn issuer_holder(&self, user: UserId, issuer: &str) -> Result<Option<String>, Error> {
        let sql = "SELECT reference FROM issuer_holders WHERE user_id = $1 AND issuer = $2";
        let row = self.row_of(user, sqlx::query(sql).bind(user.0).bind(issuer)).await?;
        row.map(|row| Ok(row.try_get(0)?)).transpose()
    }

    /// Keeps an issuer's name for a person. The first one stays.
    pub async fn put_issuer_holder(&self, user: UserId, issuer: &str, reference: &str) -> Result<(), Error> {
        let sql = "INSERT INTO issuer_holders (user_id, issuer, reference) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING";
        self.write_as(user, sqlx::query(sql).bind(user.0).bind(issuer).bind(reference)).await?;
        Ok(())
    }
}
