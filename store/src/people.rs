//! Personal data under each person's own key. Destroying the key erases the person everywhere at once, while every
//! event stays in place.

use std::{ops::Range, time::Instant};

use aggregates::{BlindIndex, Sealed, UserId};
use base64::prelude::{BASE64_STANDARD, Engine};
use chrono::{DateTime, Utc};
use sqlx::Row;
use uuid::Uuid;
use zeroize::Zeroizing;

use crate::{
    CACHED_FOR, Error, Store,
    seal::{DataKey, WrappedKey},
};

/// What a sealed field is, so that one cannot be passed off as another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PersonalData {
    Email,
    FirstName,
    LastName,
    Applicant,
    /// Where an applicant lives.
    Address,
    /// What an operator noted about an applicant.
    ReviewNote,
    TotpSecret,
    PasskeyLabel,
    /// A mail that waits to be sent.
    Mail,
    ApiKeyLabel,
    NotificationTitle,
    NotificationMessage,
    NotificationData,
}

impl PersonalData {
    fn bound_to(self, user: UserId) -> String {
        let field = match self {
            PersonalData::Email => "email",
            PersonalData::FirstName => "first_name",
            PersonalData::LastName => "last_name",
            PersonalData::Applicant => "applicant",
            PersonalData::Address => "address",
            PersonalData::ReviewNote => "review_note",
            PersonalData::TotpSecret => "totp_secret",
            PersonalData::PasskeyLabel => "passkey_label",
            PersonalData::Mail => "mail",
            PersonalData::ApiKeyLabel => "api_key_label",
            PersonalData::NotificationTitle => "notification_title",
            PersonalData::NotificationMessage => "notification_message",
            PersonalData::NotificationData => "notification_data",
        };
        format!("person:{user}:{field}")
    }
}

/// Wrapped keys of people seen lately.
pub(crate) struct People {
    cache: quick_cache::sync::Cache<Uuid, (Instant, WrappedKey)>,
}

impl People {
    pub fn new(capacity: usize) -> People {
        People { cache: quick_cache::sync::Cache::new(capacity) }
    }

    /// Somebody who has read the key before it went may put it back just after this; 10 s after the reading it is old
    /// all the same, as in every other process.
    pub fn forget(&self, user: UserId) {
        self.cache.remove(&user.0);
    }
}

impl Store {
    /// Makes the person's key. A repeat keeps the first one.
    pub async fn create_person_key(&self, user: UserId) -> Result<(), Error> {
        let wrapped = self.wrap(&DataKey::generate(), &owner(user)).await?;
        let query = sqlx::query(
            "INSERT INTO person_keys (user_id, kek_id, wrapped_key) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        );
        self.write_as(user, query.bind(user.0).bind(&wrapped.kek_id).bind(&wrapped.bytes)).await?;
        Ok(())
    }

    /// Throws the key and password of an account away that did not come about.
    pub async fn discard_secrets(&self, user: UserId) -> Result<(), Error> {
        let query = sqlx::query(
            "WITH key AS (DELETE FROM person_keys WHERE user_id = $1),
                  history AS (DELETE FROM password_history WHERE user_id = $1)
             DELETE FROM credentials WHERE user_id = $1",
        );
        self.write_as(user, query.bind(user.0)).await?;
        self.inner.people.cache.remove(&user.0);
        Ok(())
    }

    /// Deletes keys and passwords that were made within `span` for accounts that then did not come about; how many.
    pub async fn discard_orphaned_secrets(&self, span: Range<DateTime<Utc>>) -> Result<u64, Error> {
        let deleted = sqlx::query(
            "WITH orphans AS (
                 DELETE FROM person_keys k
                  WHERE k.created_at >= $1 AND k.created_at < $2 AND NOT EXISTS
                        (SELECT FROM events e WHERE e.aggregate_id = k.user_id AND e.kind = 'user')
                 RETURNING k.user_id),
                  passwords AS (DELETE FROM credentials WHERE user_id IN (SELECT user_id FROM orphans)),
                  history AS (DELETE FROM password_history WHERE user_id IN (SELECT user_id FROM orphans))
             SELECT count(*) FROM orphans",
        )
        .bind(span.start)
        .bind(span.end)
        .fetch_one(self.pool())
        .await?;
        Ok(u64::try_from(deleted.try_get::<i64, _>(0)?).unwrap_or(0))
    }

    /// The keyed hash by which an e-mail address (normalised by the caller) is found.
    pub fn email_index(&self, email: &str) -> BlindIndex {
        self.inner.keys.blind_index("email", email)
    }

    pub async fn seal(&self, user: UserId, field: PersonalData, plaintext: &str) -> Result<Sealed, Error> {
        let sealed = self.person_key(user).await?.seal(plaintext.as_bytes(), &field.bound_to(user));
        Ok(Sealed::from_ciphertext(BASE64_STANDARD.encode(sealed)))
    }

    /// The plaintext, or [`Error::Erased`] once the key is gone.
    pub async fn open(&self, user: UserId, field: PersonalData, sealed: &Sealed) -> Result<Zeroizing<String>, Error> {
        let key = self.person_key(user).await?;
        let bytes = BASE64_STANDARD.decode(sealed.ciphertext()).map_err(|_| Error::Unsealable)?;
        let plaintext = key.open(&bytes, &field.bound_to(user))?;
        let text = std::str::from_utf8(&plaintext).map_err(|_| Error::Unsealable)?;
        Ok(Zeroizing::new(text.to_owned()))
    }

    pub(crate) async fn person_key(&self, user: UserId) -> Result<DataKey, Error> {
        let cache = &self.inner.people.cache;
        if let Some((read_at, wrapped)) = cache.get(&user.0)
            && read_at.elapsed() < CACHED_FOR
        {
            return self.inner.keys.unwrap(&wrapped, &owner(user));
        }
        // Before it is read: what is destroyed while we read counts as old from then.
        let read_at = Instant::now();
        let query = sqlx::query("SELECT kek_id, wrapped_key FROM person_keys WHERE user_id = $1");
        let row = self.row_of(user, query.bind(user.0)).await?.ok_or(Error::Erased)?;
        let wrapped = WrappedKey { kek_id: row.try_get(0)?, bytes: row.try_get(1)? };
        cache.insert(user.0, (read_at, wrapped.clone()));
        self.inner.keys.unwrap(&wrapped, &owner(user))
    }
}

fn owner(user: UserId) -> String {
    format!("person:{user}")
}
