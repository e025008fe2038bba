//! Passkeys: public keys, counters and flags of people's authenticators (WebAuthn), and what their owners call them.

use aggregates::{CredentialId, Sealed, UserId};
use chrono::{DateTime, Utc};
use sqlx::{Row, postgres::PgRow};

use crate::{Error, PersonalData, Store, as_person::Credential};

/// A passkey that is to be kept.
pub struct NewPasskey<'a> {
    pub passkey_id: CredentialId,
    pub user_id: UserId,
    /// As the authenticator names it.
    pub credential_id: &'a [u8],
    /// Public key, counter and flags, as JSON.
    pub credential: &'a str,
    pub label: &'a str,
}

#[derive(Clone, Debug)]
pub struct StoredPasskey {
    pub passkey_id: CredentialId,
    pub user_id: UserId,
    /// Public key, counter and flags, as JSON.
    pub credential: String,
    label: Sealed,
    pub created_at: DateTime<Utc>,
    pub last_used_at: Option<DateTime<Utc>>,
}

const COLUMNS: &str = "passkey_id, user_id, credential::text, label, created_at, last_used_at";

impl Store {
    /// Keeps a passkey. False if its credential is known already, whoever has it.
    pub async fn add_passkey(&self, passkey: NewPasskey<'_>) -> Result<bool, Error> {
        let label = self.seal(passkey.user_id, PersonalData::PasskeyLabel, passkey.label).await?;
        let query = sqlx::query(
            "INSERT INTO passkeys (passkey_id, user_id, credential_id, credential, label)
             VALUES ($1, $2, $3, $4::json, $5) ON CONFLICT (credential_id) DO NOTHING",
        )
        .bind(passkey.passkey_id.0)
        .bind(passkey.user_id.0)
        .bind(passkey.credential_id)
        .bind(passkey.credential)
        .bind(label.ciphertext());
        let added = self.write_as(passkey.user_id, query).await?;
        Ok(added.rows_affected() == 1)
    }

    /// A person's passkeys, oldest first.
    pub async fn passkeys(&self, user: UserId) -> Result<Vec<StoredPasskey>, Error> {
        let sql = format!("SELECT {COLUMNS} FROM passkeys WHERE user_id = $1 ORDER BY created_at, passkey_id");
        let rows = self.rows_of(user, sqlx::query(&sql).bind(user.0)).await?;
        rows.iter().map(read).collect()
    }

    pub async fn passkey_by_credential(&self, credential_id: &[u8]) -> Result<Option<StoredPasskey>, Error> {
        let sql = format!("SELECT {COLUMNS} FROM passkeys WHERE credential_id = $1");
        let mut holder = self.as_holder(Credential::Passkey, credential_id).await?;
        let row = sqlx::query(&sql).bind(credential_id).fetch_optional(&mut *holder).await?;
        row.as_ref().map(read).transpose()
    }

    /// What its owner calls a passkey.
    pub async fn passkey_label(&self, passkey: &StoredPasskey) -> Result<String, Error> {
        let label = self.open(passkey.user_id, PersonalData::PasskeyLabel, &passkey.label).await?;
        Ok(label.to_string())
    }

    /// Notes a use, with the counter and flags that came of it. False if the passkey is gone or was used in between:
    /// then the counter that was checked is not the current one.
    pub async fn use_passkey(&self, passkey: &StoredPasskey, credential: &str) -> Result<bool, Error> {
        let query = sqlx::query(
            "UPDATE passkeys SET credential = $3::json, last_used_at = now()
              WHERE passkey_id = $1 AND credential::text = $2",
        )
        .bind(passkey.passkey_id.0)
        .bind(&passkey.credential)
        .bind(credential);
        let used = self.write_as(passkey.user_id, query).await?;
        Ok(used.rows_affected() == 1)
    }

    /// False if the person has no such passkey.
    pub async fn label_passkey(&self, user: UserId, passkey_id: CredentialId, label: &str) -> Result<bool, Error> {
        let label = self.seal(user, PersonalData::PasskeyLabel, label).await?;
        let query = sqlx::query("UPDATE passkeys SET label = $3 WHERE user_id = $1 AND passkey_id = $2");
        let query = query.bind(user.0).bind(passkey_id.0).bind(label.ciphertext());
        let labelled = self.write_as(user, query).await?;
        Ok(labelled.rows_affected() == 1)
    }

    pub async fn delete_passkey(&self, user: UserId, passkey_id: CredentialId) -> Result<(), Error> {
        let query = sqlx::query("DELETE FROM passkeys WHERE user_id = $1 AND passkey_id = $2");
        self.write_as(user, query.bind(user.0).bind(passkey_id.0)).await?;
        Ok(())
    }
}

fn read(row: &PgRow) -> Result<StoredPasskey, Error> {
    Ok(StoredPasskey {
        passkey_id: CredentialId(row.try_get(0)?),
        user_id: UserId(row.try_get(1)?),
        credential: row.try_get(2)?,
        label: Sealed::from_ciphertext(row.try_get(3)?),
        created_at: row.try_get(4)?,
        last_used_at: row.try_get(5)?,
    })
}
