//! The card vault: numbers and CVVs under a data key for each card, bound to card and field.
//!
//! Only ciphertext is kept in memory between uses, and for 10 s; the plaintext lives as long as the one call that needs
//! it.

use std::{sync::Arc, time::Instant};

use aggregates::{CardId, UserId, card::Expiry};
use chrono::{DateTime, Utc};
use sqlx::Row;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{
    CACHED_FOR, Error, Store,
    seal::{DataKey, WrappedKey},
};

/// A card's secrets in the clear. Neither prints nor serialises; wiped when dropped.
pub struct CardSecrets {
    pub number: Zeroizing<String>,
    pub cvv: Zeroizing<String>,
    pub expiry: Expiry,
}

struct SealedCard {
    user_id: UserId,
    key: WrappedKey,
    number: Vec<u8>,
    cvv: Vec<u8>,
    expiry: Expiry,
    read_at: Instant,
}

pub(crate) struct Vault {
    cache: quick_cache::sync::Cache<Uuid, Arc<SealedCard>>,
}

impl Vault {
    pub fn new(capacity: usize) -> Vault {
        Vault { cache: quick_cache::sync::Cache::new(capacity) }
    }

    /// What was read less than 10 s before `now`.
    fn remembered(&self, card: CardId, now: Instant) -> Option<Arc<SealedCard>> {
        self.cache.get(&card.0).filter(|sealed| now.duration_since(sealed.read_at) < CACHED_FOR)
    }

    /// Somebody who has read the row before it went may put it back just after this; 10 s after the reading it is old
    /// all the same, as in every other process. Who must not see it uses [`Store::card_secrets_now`].
    pub fn forget(&self, card: CardId) {
        self.cache.remove(&card.0);
    }
}

impl Store {
    /// Puts the secrets of a person's card into the vault. A repeat for the same card keeps what is there; a number
    /// that another card has is [`Error::DuplicateCardNumber`].
    pub async fn put_card(&self, user: UserId, card: CardId, secrets: &CardSecrets) -> Result<(), Error> {
        let key = DataKey::generate();
        let wrapped = self.wrap(&key, &owner(card)).await?;
        let query = sqlx::query(
            "INSERT INTO card_vault (card_id, user_id, kek_id, wrapped_key, number, cvv, expiry, fingerprint)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (card_id) DO NOTHING",
        )
        .bind(card.0)
        .bind(user.0)
        .bind(&wrapped.kek_id)
        .bind(&wrapped.bytes)
        .bind(key.seal(secrets.number.as_bytes(), &bound(card, "number")))
        .bind(key.seal(secrets.cvv.as_bytes(), &bound(card, "cvv")))
        .bind(secrets.expiry.to_string())
        .bind(self.inner.keys.keyed_hash("card-number", &secrets.number).to_vec());
        match self.write_as(user, query).await {
            Ok(_) => Ok(()),
            // Two that put the same card at the same moment may meet at the number, past the check of the card.
            Err(Error::Database(sqlx::Error::Database(e))) if e.is_unique_violation() => {
                match self.sealed_card(user, card).await? {
                    Some(_) => Ok(()),
                    None => Err(Error::DuplicateCardNumber),
                }
            }
            Err(error) => Err(error),
        }
    }

    /// The secrets of a person's card, none if the vault has no such card of theirs.
    pub async fn card_secrets(&self, user: UserId, card: CardId) -> Result<Option<CardSecrets>, Error> {
        let sealed = self.sealed_card(user, card).await?;
        sealed.map(|sealed| self.open_card(card, &sealed)).transpose()
    }

    /// The same as they are now, past what this process remembers, which it forgets.
    pub async fn card_secrets_now(&self, user: UserId, card: CardId) -> Result<Option<CardSecrets>, Error> {
        self.inner.vault.forget(card);
        // Not by way of the cache: somebody who read before the destruction may put it back at any moment.
        let sealed = self.read_sealed(user, card).await?;
        sealed.map(|sealed| self.open_card(card, &sealed)).transpose()
    }

    fn open_card(&self, card: CardId, sealed: &SealedCard) -> Result<CardSecrets, Error> {
        let key = self.inner.keys.unwrap(&sealed.key, &owner(card))?;
        let open = |bytes: &[u8], field| {
            let plaintext = key.open(bytes, &bound(card, field))?;
            std::str::from_utf8(&plaintext).map(|text| Zeroizing::new(text.to_owned())).map_err(|_| Error::Unsealable)
        };
        Ok(CardSecrets {
            number: open(&sealed.number, "number")?,
            cvv: open(&sealed.cvv, "cvv")?,
            expiry: sealed.expiry,
        })
    }

    /// Destroys the secrets of cards that were terminated before this time, or whose last month ended before it; how
    /// many. A card's data key lies beside what it seals, so both go in the same instant. For workers.
    pub async fn destroy_secrets_of_cards_ended_before(&self, time: DateTime<Utc>) -> Result<u64, Error> {
        let deleted = sqlx::query(
            "DELETE FROM card_vault v
              WHERE EXISTS (SELECT FROM events e
                             WHERE e.aggregate_id = v.card_id AND e.kind = 'card' AND e.name = 'terminated'
                               AND e.recorded_at < $1)
                 OR (make_date(2000 + right(v.expiry, 2)::int, left(v.expiry, 2)::int, 1) + interval '1 month')
                    AT TIME ZONE 'UTC' < $1",
        );
        let deleted = deleted.bind(time).execute(self.pool()).await?.rows_affected();
        if deleted > 0 {
            self.clear_away_destroyed().await?;
        }
        Ok(deleted)
    }

    /// Clears deleted rows of people's keys and of the vault away at once, instead of whenever autovacuum comes by, so
    /// that their place is used again. For workers, whose role has to own the tables; others are only warned.
    ///
    /// PostgreSQL overwrites nothing in place: not by an update, which writes another row, and not here. What was in a
    /// row stays on the disk until something else is written there, as it does in backups and the write-ahead log. It
    /// is ciphertext under a key-encryption key, and void once that key is rotated, retired and destroyed.
    pub async fn clear_away_destroyed(&self) -> Result<(), Error> {
        for table in ["VACUUM (INDEX_CLEANUP ON) person_keys", "VACUUM (INDEX_CLEANUP ON) card_vault"] {
            sqlx::query(table).execute(self.pool()).await?;
        }
        Ok(())
    }

    async fn sealed_card(&self, user: UserId, card: CardId) -> Result<Option<Arc<SealedCard>>, Error> {
        if let Some(sealed) = self.inner.vault.remembered(card, Instant::now()) {
            return Ok((sealed.user_id == user).then_some(sealed));
        }
        let Some(sealed) = self.read_sealed(user, card).await?.map(Arc::new) else {
            self.inner.vault.forget(card);
            return Ok(None);
        };
        self.inner.vault.cache.insert(card.0, sealed.clone());
        Ok(Some(sealed))
    }

    async fn read_sealed(&self, user: UserId, card: CardId) -> Result<Option<SealedCard>, Error> {
        // Before it is read: what is destroyed while we read counts as old from then.
        let read_at = Instant::now();
        let query = sqlx::query(
            "SELECT kek_id, wrapped_key, number, cvv, expiry FROM card_vault WHERE card_id = $1 AND user_id = $2",
        );
        let Some(row) = self.row_of(user, query.bind(card.0).bind(user.0)).await? else { return Ok(None) };
        let expiry: String = row.try_get(4)?;
        Ok(Some(SealedCard {
            user_id: user,
            key: WrappedKey { kek_id: row.try_get(0)?, bytes: row.try_get(1)? },
            number: row.try_get(2)?,
            cvv: row.try_get(3)?,
            expiry: expiry.parse().map_err(|_| Error::Unsealable)?,
            read_at,
        }))
    }
}

fn owner(card: CardId) -> String {
    format!("card:{card}")
}

fn bound(card: CardId, field: &str) -> String {
    format!("card:{card}:{field}")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_sealed_card_is_remembered_for_ten_seconds_and_no_longer() {
        let (vault, card, read_at) = (Vault::new(10), CardId(crate::new_id()), Instant::now());
        let sealed = SealedCard {
            user_id: UserId(crate::new_id()),
            key: WrappedKey { kek_id: "kek-1".into(), bytes: vec![1] },
            number: vec![2],
            cvv: vec![3],
            expiry: Expiry::new(10, 2029).expect("a month of a year"),
            read_at,
        };
        vault.cache.insert(card.0, Arc::new(sealed));
        for (after, is_there) in [(0, true), (9_999, true), (10_000, false), (60_000, false)] {
            let remembered = vault.remembered(card, read_at + Duration::from_millis(after));
            assert_eq!(remembered.is_some(), is_there, "after {after} ms");
        }
        vault.forget(card);
        assert!(vault.remembered(card, read_at).is_none());
    }
}
