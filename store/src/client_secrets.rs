//! OAuth clients: which there are, and their secrets as hashes. What a client is and may do stands in the log.

use aggregates::{ClientId, CredentialId};
use secrecy::{ExposeSecret, SecretString};
use sqlx::Row;
use uuid::Uuid;

use crate::{
    Error, Store,
    one_time::{secret_token, token_hash},
};

impl Store {
    /// Puts a client on the list. A repeat changes nothing; one that the log does not know is not shown.
    pub async fn list_client(&self, client: ClientId) -> Result<(), Error> {
        sqlx::query("INSERT INTO clients (client_id) VALUES ($1) ON CONFLICT DO NOTHING")
            .bind(client.0)
            .execute(self.pool())
            .await?;
        Ok(())
    }

    /// Clients with their numbers, the newest first: those before `before`, at most `limit`.
    pub async fn clients(&self, before: Option<i64>, limit: i64) -> Result<Vec<(i64, ClientId)>, Error> {
        let rows = sqlx::query(
            "SELECT number, client_id FROM clients WHERE number < coalesce($1, 9223372036854775807)
              ORDER BY number DESC LIMIT $2",
        )
        .bind(before)
        .bind(limit)
        .fetch_all(self.pool())
        .await?;
        rows.iter().map(|row| Ok((row.try_get(0)?, ClientId(row.try_get::<Uuid, _>(1)?)))).collect()
    }

    /// Makes a secret of 256 random bits for a client, which can be read here and never again.
    pub async fn create_client_secret(&self, client: ClientId, id: CredentialId) -> Result<SecretString, Error> {
        let (secret, hash) = secret_token();
        sqlx::query("INSERT INTO client_secrets (secret_id, client_id, secret_hash) VALUES ($1, $2, $3)")
            .bind(id.0)
            .bind(client.0)
            .bind(hash)
            .execute(self.pool())
            .await?;
        Ok(secret)
    }

    /// The secret that a client has shown, if it is one of its own and in force.
    pub async fn client_secret(&self, client: ClientId, secret: &SecretString) -> Result<Option<CredentialId>, Error> {
        let row = sqlx::query(
            "SELECT secret_id FROM client_secrets WHERE client_id = $1 AND secret_hash = $2 AND revoked_at IS NULL",
        )
        .bind(client.0)
        .bind(token_hash(secret.expose_secret()))
        .fetch_optional(self.pool())
        .await?;
        row.map(|row| Ok(CredentialId(row.try_get(0)?))).transpose()
    }

    pub async fn revoke_client_secret(&self, client: ClientId, id: CredentialId) -> Result<(), Error> {
        sqlx::query(
            "UPDATE client_secrets SET revoked_at = now()
              WHERE client_id = $1 AND secret_id = $2 AND revoked_at IS NULL",
        )
        .bind(client.0)
        .bind(id.0)
        .execute(self.pool())
        .await?;
        Ok(())
    }
}
