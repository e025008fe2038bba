//! API keys: what a person's own programs prove themselves with. The table has their hashes.

use aggregates::{CredentialId, Permission, Sealed, UserId};
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use sqlx::{Row, postgres::PgRow};

use crate::{
    Error, Store,
    as_person::Credential,
    authentications::Authentication,
    one_time::{secret_token, token_hash},
};

/// What every key begins with, so that one in the wrong place is recognised.
pub const PREFIX: &str = "vck_";

/// Base64url digits at the end, by which a key is told from a random text without asking anybody.
const CHECK: usize = 6;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    pub key_id: CredentialId,
    pub user_id: UserId,
    pub label: Sealed,
    pub scopes: Vec<Permission>,
    pub created_at: DateTime<Utc>,
    pub expires_at: DateTime<Utc>,
    /// To the hour.
    pub last_used_at: Option<DateTime<Utc>>,
}

/// Whether a text has a key's form and its digits agree.
pub fn is_well_formed(key: &SecretString) -> bool {
    let Some(rest) = key.expose_secret().strip_prefix(PREFIX) else { return false };
    let split = rest.len().checked_sub(CHECK).and_then(|middle| rest.split_at_checked(middle));
    split.is_some_and(|(secret, check)| check == self::check(secret))
}

/// 256 random bits, and digits that follow from them.
fn new_key() -> (SecretString, [u8; 32]) {
    let (secret, _) = secret_token();
    let key = format!("{PREFIX}{}{}", secret.expose_secret(), check(secret.expose_secret()));
    let hash = token_hash(&key);
    (SecretString::from(key), hash)
}

fn check(secret: &str) -> String {
    use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
    BASE64_URL_SAFE_NO_PAD.encode(&token_hash(&format!("{PREFIX}{secret}"))[..4])
}

const COLUMNS: &str = "key_id, user_id, label, scopes, created_at, expires_at, last_used_at";
const OPEN: &str = "revoked_at IS NULL AND expires_at > now()";

impl Store {
    /// Makes the key itself, which is shown once.
    pub async fn add_api_key(&self, key: &ApiKey) -> Result<SecretString, Error> {
        let (text, hash) = new_key();
        let query = sqlx::query(
            "INSERT INTO api_keys (key_id, user_id, key_hash, label, scopes, created_at, expires_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(key.key_id.0)
        .bind(key.user_id.0)
        .bind(hash)
        .bind(key.label.ciphertext())
        .bind(key.scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>())
        .bind(key.created_at)
        .bind(key.expires_at);
        self.write_as(key.user_id, query).await?;
        Ok(text)
    }

    /// The open key that a text is, if it is one.
    pub async fn api_key(&self, text: &SecretString) -> Result<Option<ApiKey>, Error> {
        let hash = token_hash(text.expose_secret());
        let sql = format!("SELECT {COLUMNS} FROM api_keys WHERE key_hash = $1 AND {OPEN}");
        let mut transaction = self.as_holder(Credential::ApiKey, &hash).await?;
        let row = sqlx::query(&sql).bind(hash).fetch_optional(&mut *transaction).await?;
        row.as_ref().map(read).transpose()
    }

    /// Whose an open key is, and until when it is good.
    pub async fn open_api_key(&self, key_id: CredentialId) -> Result<Option<(UserId, DateTime<Utc>)>, Error> {
        let sql = "SELECT user_id, expires_at FROM open_api_key($1)";
        let row = sqlx::query(sql).bind(key_id.0).fetch_optional(self.pool()).await?;
        row.map(|row| Ok((UserId(row.try_get(0)?), row.try_get(1)?))).transpose()
    }

    /// A person's open keys, the newest first.
    pub async fn api_keys(&self, user: UserId) -> Result<Vec<ApiKey>, Error> {
        let sql =
            format!("SELECT {COLUMNS} FROM api_keys WHERE user_id = $1 AND {OPEN} ORDER BY key_id DESC LIMIT 100");
        let rows = self.rows_of(user, sqlx::query(&sql).bind(user.0)).await?;
        rows.iter().map(read).collect()
    }

    /// Ends these of a person's keys; those that were open.
    pub async fn revoke_api_keys(&self, user: UserId, keys: &[CredentialId]) -> Result<Vec<CredentialId>, Error> {
        let mut transaction = self.as_person(user).await?;
        let rows = sqlx::query(
            "UPDATE api_keys SET revoked_at = now()
              WHERE user_id = $1 AND key_id = ANY ($2) AND revoked_at IS NULL
             RETURNING key_id",
        )
        .bind(user.0)
        .bind(keys.iter().map(|key| key.0).collect::<Vec<_>>())
        .fetch_all(&mut *transaction)
        .await?;
        transaction.commit().await?;
        rows.iter().map(|row| Ok(CredentialId(row.try_get(0)?))).collect()
    }

    /// Records a use, unless one of the last hour is recorded already: both in one step, so that neither is there
    /// without the other.
    pub async fn note_api_key_use(
        &self,
        user: UserId,
        key_id: CredentialId,
        entry: &Authentication,
    ) -> Result<(), Error> {
        let query = sqlx::query(
            "WITH first AS (
                 UPDATE api_keys SET last_used_at = now()
                  WHERE key_id = $1 AND (last_used_at IS NULL OR last_used_at < now() - interval '1 hour')
                 RETURNING user_id)
             INSERT INTO authentications (action, outcome, user_id, session_id, address, request_id)
             SELECT $2, $3, user_id, $1, $4::inet, $5 FROM first",
        )
        .bind(key_id.0)
        .bind(entry.action.as_str())
        .bind(entry.outcome.as_str())
        .bind(entry.address.map(|address| address.to_string()))
        .bind(entry.request_id);
        self.write_as(user, query).await?;
        Ok(())
    }
}

fn read(row: &PgRow) -> Result<ApiKey, Error> {
    let scopes: Vec<String> = row.try_get(3)?;
    Ok(ApiKey {
        key_id: CredentialId(row.try_get(0)?),
        user_id: UserId(row.try_get(1)?),
        label: Sealed::from_ciphertext(row.try_get::<String, _>(2)?),
        scopes: scopes.iter().filter_map(|scope| Permission::parse(scope)).collect(),
        created_at: row.try_get(4)?,
        expires_at: row.try_get(5)?,
        last_used_at: row.try_get(6)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_known_by_its_form() {
        let (key, _) = new_key();
        assert!(is_well_formed(&key));
        let text = key.expose_secret();
        assert_eq!(text.len(), 53);
        let (first, rest) = text.split_at(20);
        let changed = format!("{first}{}{}", if rest.starts_with('x') { 'y' } else { 'x' }, &rest[1..]);
        for wrong in ["", "vck_", "vck_abc", &text[1..], &text[..52], &changed, "vck_ééé"] {
            assert!(!is_well_formed(&SecretString::from(wrong)), "{wrong}");
        }
    }
}
