//! Identities at OpenID providers that people log in with. Whose an identity is says the claim on it, taken in the
//! transaction of the event; the table keeps what a person wants to see of their own.

use aggregates::{CredentialId, UserId};
use chrono::{DateTime, Utc};
use sha2::{Digest, Sha256};
use sqlx::Row;

use crate::{Error, Store};

/// The scope of claims on identities.
pub const CLAIM: &str = "identity";

/// Somebody at a provider, known by a keyed hash alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExternalId([u8; 32]);

/// An identity as its owner sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinkedIdentity {
    pub identity_id: CredentialId,
    pub provider: String,
    pub linked_at: DateTime<Utc>,
    pub last_used_at: Option<DateTime<Utc>>,
}

impl ExternalId {
    /// The key of the claim.
    pub fn key(&self) -> &[u8] {
        &self.0
    }

    /// What the identity is called at one person: the same each time, so that linking can be repeated.
    pub fn at(&self, user: UserId) -> CredentialId {
        let hash = Sha256::new_with_prefix(b"virtual-cards identity\0").chain_update(user.0).chain_update(self.0);
        let mut id = [0; 16];
        id.copy_from_slice(&hash.finalize()[..16]);
        CredentialId(uuid::Builder::from_custom_bytes(id).into_uuid())
    }
}

impl Store {
    /// The keyed hash of a subject at an issuer. An issuer is a URL and so has no line break.
    pub fn external_id(&self, issuer: &str, subject: &str) -> ExternalId {
        ExternalId(self.inner.keys.keyed_hash("identity", format!("{issuer}\n{subject}")))
    }

    /// Whose an identity is.
    pub async fn identity_owner(&self, identity: &ExternalId) -> Result<Option<UserId>, Error> {
        self.claim_owner(CLAIM, identity.key()).await
    }

    /// Notes an identity for its owner's list, before it is claimed; since when it is noted. Without the claim it opens
    /// nothing.
    pub async fn note_identity(
        &self,
        user: UserId,
        identity: &ExternalId,
        provider: &str,
    ) -> Result<DateTime<Utc>, Error> {
        // The update changes nothing; it makes the row that is there come back.
        self.note(user, identity, provider, "identity_id = excluded.identity_id").await
    }

    /// Notes an identity that was linked just now, as new: an unlinking that began before does not take it away.
    pub async fn linked_identity(&self, user: UserId, identity: &ExternalId, provider: &str) -> Result<(), Error> {
        self.note(user, identity, provider, "created_at = clock_timestamp()").await?;
        Ok(())
    }

    async fn note(
        &self,
        user: UserId,
        identity: &ExternalId,
        provider: &str,
        or: &'static str,
    ) -> Result<DateTime<Utc>, Error> {
        let sql = format!(
            "INSERT INTO linked_identities (identity_id, user_id, provider, subject_hash) VALUES ($1, $2, $3, $4)
             ON CONFLICT (identity_id) DO UPDATE SET {or} RETURNING created_at"
        );
        let query = sqlx::query(&sql).bind(identity.at(user).0).bind(user.0).bind(provider).bind(identity.key());
        let mut transaction = self.as_person(user).await?;
        let noted_at = query.fetch_one(&mut *transaction).await?.try_get(0)?;
        transaction.commit().await?;
        Ok(noted_at)
    }

    /// Notes that somebody logged in by an identity.
    pub async fn used_identity(&self, user: UserId, identity: &ExternalId) -> Result<(), Error> {
        let query = sqlx::query("UPDATE linked_identities SET last_used_at = now() WHERE identity_id = $1");
        self.write_as(user, query.bind(identity.at(user).0)).await?;
        Ok(())
    }

    /// What was noted of a person's identities, the oldest first.
    pub async fn noted_identities(&self, user: UserId) -> Result<Vec<LinkedIdentity>, Error> {
        let query = sqlx::query(
            "SELECT identity_id, provider, created_at, last_used_at FROM linked_identities
              WHERE user_id = $1 ORDER BY created_at, identity_id LIMIT 100",
        );
        let rows = self.rows_of(user, query.bind(user.0)).await?;
        let read = |row: &sqlx::postgres::PgRow| {
            Ok(LinkedIdentity {
                identity_id: CredentialId(row.try_get(0)?),
                provider: row.try_get(1)?,
                linked_at: row.try_get(2)?,
                last_used_at: row.try_get(3)?,
            })
        };
        rows.iter().map(read).collect()
    }

    /// The provider's side of one of a person's identities, and since when it is noted.
    pub async fn external_id_of(
        &self,
        user: UserId,
        id: CredentialId,
    ) -> Result<Option<(ExternalId, DateTime<Utc>)>, Error> {
        let query = sqlx::query(
            "SELECT subject_hash, created_at FROM linked_identities WHERE identity_id = $1 AND user_id = $2",
        );
        let row = self.row_of(user, query.bind(id.0).bind(user.0)).await?;
        let Some(row) = row else { return Ok(None) };
        let hash: Vec<u8> = row.try_get(0)?;
        let noted_at = row.try_get(1)?;
        Ok(hash.try_into().ok().map(|hash| (ExternalId(hash), noted_at)))
    }

    /// Forgets an identity as it was noted at `noted_at`. One that was linked anew since stays.
    pub async fn forget_identity(&self, user: UserId, id: CredentialId, noted_at: DateTime<Utc>) -> Result<(), Error> {
        let query =
            sqlx::query("DELETE FROM linked_identities WHERE identity_id = $1 AND user_id = $2 AND created_at = $3");
        self.write_as(user, query.bind(id.0).bind(user.0).bind(noted_at)).await?;
        Ok(())
    }
}
