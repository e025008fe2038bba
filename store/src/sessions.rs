//! Sessions and their refresh tokens: the truth about who is logged in. Redis may speed a check up, these tables
//! decide it.

use aggregates::{ClientId, Permission, Proof, SessionId, UserId};
use chrono::{DateTime, Utc};
use secrecy::{ExposeSecret, SecretString};
use sqlx::{PgConnection, Row, postgres::PgRow};
use uuid::Uuid;

use crate::{
    Error, Store,
    as_person::Credential,
    one_time::{Purpose, secret_token, token_hash, void_all},
};

/// An open session.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Session {
    pub session_id: SessionId,
    /// The person, or the service that acts for itself (then the client's id).
    pub user_id: UserId,
    pub device_id: Option<String>,
    pub expires_at: DateTime<Utc>,
    /// When the person proved who they are.
    pub auth_time: DateTime<Utc>,
    /// How.
    pub proofs: Vec<Proof>,
    /// The program that acts for the person; none: our own app.
    pub client_id: Option<ClientId>,
    /// What that program may do; none: all that the person may.
    pub scopes: Option<Vec<Permission>>,
}

/// A session as its owner sees it in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenSession {
    pub session: Session,
    pub opened_at: DateTime<Utc>,
    pub refreshed_at: DateTime<Utc>,
}

/// A refresh token as the tables know it.
pub struct RefreshToken {
    pub session: Session,
    /// Whether it could be used now.
    pub is_good: bool,
    /// Its own end, or its session's if that is nearer.
    pub expires_at: DateTime<Utc>,
}

/// What became of a refresh token that was used.
pub enum Rotation {
    /// The session and its next refresh token.
    Rotated(Box<Session>, SecretString),
    /// Used before: somebody has a copy. The session is still open; the caller ends it.
    Reused(Box<Session>),
    /// Unknown, too old, for another client, or its session has ended.
    Refused,
}

/// Sessions that a cache may still take for open: those that are, and those that ended so lately that, had the cache
/// missed it, a token could live on. Ending them again tells it again.
const TO_BE_TOLD: &str = "(revoked_at IS NULL OR revoked_at > now() - interval '31 minutes') AND expires_at > now()";

const COLUMNS: &str =
    "s.session_id, s.user_id, s.device_id, s.expires_at, s.auth_time, s.proofs, s.client_id, s.scopes";

impl Store {
    /// Opens a session; its first refresh token, if it is to have one, is good until `refreshable_until`.
    pub async fn open_session(
        &self,
        session: &Session,
        refreshable_until: Option<DateTime<Utc>>,
    ) -> Result<Option<SecretString>, Error> {
        let token = refreshable_until.map(|until| (secret_token(), until));
        let scopes = session.scopes.as_ref();
        let mut transaction = self.as_person(session.user_id).await?;
        sqlx::query(
            "INSERT INTO sessions (session_id, user_id, device_id, auth_time, expires_at, proofs, client_id, scopes)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)",
        )
        .bind(session.session_id.0)
        .bind(session.user_id.0)
        .bind(session.device_id.as_deref())
        .bind(session.auth_time)
        .bind(session.expires_at)
        .bind(session.proofs.iter().map(|proof| proof.as_str()).collect::<Vec<_>>())
        .bind(session.client_id.map(|client| client.0))
        .bind(scopes.map(|scopes| scopes.iter().map(|scope| scope.as_str()).collect::<Vec<_>>()))
        .execute(&mut *transaction)
        .await?;
        // A statement of its own: to be allowed, it has to see the session.
        if let Some(((_, hash), until)) = &token {
            sqlx::query("INSERT INTO refresh_tokens (token_hash, session_id, expires_at) VALUES ($1, $2, $3)")
                .bind(hash)
                .bind(session.session_id.0)
                .bind(until)
                .execute(&mut *transaction)
                .await?;
        }
        transaction.commit().await?;
        Ok(token.map(|((token, _), _)| token))
    }

    /// The session if it is open: known, not expired, not revoked.
    pub async fn session(&self, id: SessionId) -> Result<Option<Session>, Error> {
        let sql = format!("SELECT {COLUMNS} FROM open_session($1) s");
        let row = sqlx::query(&sql).bind(id.0).fetch_optional(self.pool()).await?;
        row.as_ref().map(read).transpose()
    }

    /// A person's open sessions, the last used first.
    pub async fn sessions(&self, user: UserId) -> Result<Vec<OpenSession>, Error> {
        let sql = format!(
            "SELECT {COLUMNS}, s.opened_at, s.refreshed_at FROM sessions s
              WHERE s.user_id = $1 AND s.revoked_at IS NULL AND s.expires_at > now()
              ORDER BY s.refreshed_at DESC LIMIT 100"
        );
        let rows = self.rows_of(user, sqlx::query(&sql).bind(user.0)).await?;
        let read = |row: &PgRow| {
            Ok(OpenSession { session: read(row)?, opened_at: row.try_get(8)?, refreshed_at: row.try_get(9)? })
        };
        rows.iter().map(read).collect()
    }

    /// Uses a refresh token, once, for the client it was issued to, and makes the next one.
    pub async fn rotate_refresh_token(
        &self,
        token: &SecretString,
        client: Option<ClientId>,
        refreshable_until: DateTime<Utc>,
    ) -> Result<Rotation, Error> {
        let hash = token_hash(token.expose_secret());
        let mut transaction = self.as_holder(Credential::RefreshToken, &hash).await?;
        let sql = format!(
            "SELECT {COLUMNS}, t.used_at IS NOT NULL, t.expires_at > now()
               FROM refresh_tokens t JOIN sessions s USING (session_id)
              WHERE t.token_hash = $1 AND s.revoked_at IS NULL AND s.expires_at > now()
                FOR UPDATE OF t"
        );
        let row = sqlx::query(&sql).bind(hash).fetch_optional(&mut *transaction).await?;
        let Some(row) = row else { return Ok(Rotation::Refused) };
        let session = read(&row)?;
        let (used, in_time): (bool, bool) = (row.try_get(8)?, row.try_get(9)?);
        if session.client_id != client {
            return Ok(Rotation::Refused);
        }
        if used {
            return Ok(Rotation::Reused(Box::new(session)));
        }
        if !in_time {
            return Ok(Rotation::Refused);
        }
        let (next, next_hash) = secret_token();
        sqlx::query(
            "WITH used AS (UPDATE refresh_tokens SET used_at = now() WHERE token_hash = $1),
                  seen AS (UPDATE sessions SET refreshed_at = now() WHERE session_id = $2)
             INSERT INTO refresh_tokens (token_hash, session_id, expires_at) VALUES ($3, $2, least($4, $5))",
        )
        .bind(hash)
        .bind(session.session_id.0)
        .bind(next_hash)
        .bind(refreshable_until)
        .bind(session.expires_at)
        .execute(&mut *transaction)
        .await?;
        transaction.commit().await?;
        Ok(Rotation::Rotated(Box::new(session), next))
    }

    /// Ends sessions of a person for good, and their refresh tokens with them. Unknown or ended ones, and other
    /// people's, are left as they are.
    pub async fn revoke_sessions(&self, user: UserId, ids: &[SessionId]) -> Result<(), Error> {
        let query = sqlx::query(
            "UPDATE sessions SET revoked_at = now()
              WHERE user_id = $1 AND session_id = ANY ($2) AND revoked_at IS NULL",
        );
        let ids: Vec<_> = ids.iter().map(|id| id.0).collect();
        self.write_as(user, query.bind(user.0).bind(ids)).await?;
        Ok(())
    }

    /// Ends all of a person's sessions but one, or all, and voids what was about to become one; those of which caches
    /// are to be told.
    pub async fn revoke_sessions_of(&self, user: UserId, except: Option<SessionId>) -> Result<Vec<SessionId>, Error> {
        let mut transaction = self.as_person(user).await?;
        let ended = revoke_all(&mut transaction, user, except).await?;
        transaction.commit().await?;
        Ok(ended)
    }

    /// As [`Store::revoke_sessions_of`], and voids in the same step what was mailed for some purposes.
    pub async fn revoke_sessions_and_void(
        &self,
        user: UserId,
        except: Option<SessionId>,
        purposes: &[Purpose],
    ) -> Result<Vec<SessionId>, Error> {
        let mut transaction = self.as_person(user).await?;
        void_all(&mut *transaction, user, purposes).await?;
        let ended = revoke_all(&mut transaction, user, except).await?;
        transaction.commit().await?;
        Ok(ended)
    }

    /// Whether the person has had a session on this device, other than `but`; none if they had no other session at
    /// all, as far back as ended sessions are kept.
    pub async fn has_used_device(&self, user: UserId, device: &str, but: SessionId) -> Result<Option<bool>, Error> {
        let query = sqlx::query(
            "SELECT bool_or(device_id IS NOT DISTINCT FROM $2) FROM sessions WHERE user_id = $1 AND session_id <> $3",
        );
        Ok(self.one_row_of(user, query.bind(user.0).bind(device).bind(but.0)).await?.try_get(0)?)
    }

    /// What a refresh token of an open session is, be the token used or not.
    pub async fn session_by_refresh_token(&self, token: &SecretString) -> Result<Option<RefreshToken>, Error> {
        let sql = format!(
            "SELECT {COLUMNS}, t.used_at IS NULL AND t.expires_at > now(), least(t.expires_at, s.expires_at)
               FROM refresh_tokens t JOIN sessions s USING (session_id)
              WHERE t.token_hash = $1 AND s.revoked_at IS NULL AND s.expires_at > now()"
        );
        let hash = token_hash(token.expose_secret());
        let mut transaction = self.as_holder(Credential::RefreshToken, &hash).await?;
        let row = sqlx::query(&sql).bind(hash).fetch_optional(&mut *transaction).await?;
        let read = |row: PgRow| {
            Ok(RefreshToken { session: read(&row)?, is_good: row.try_get(8)?, expires_at: row.try_get(9)? })
        };
        row.map(read).transpose()
    }

    /// Ends the sessions that a client has for a person; those of which caches are to be told.
    pub async fn revoke_sessions_for(&self, client: ClientId, user: UserId) -> Result<Vec<SessionId>, Error> {
        let mut transaction = self.as_person(user).await?;
        let sql = format!(
            "UPDATE sessions SET revoked_at = coalesce(revoked_at, now())
              WHERE client_id = $1 AND user_id = $2 AND {TO_BE_TOLD}
             RETURNING session_id"
        );
        let rows = sqlx::query(&sql).bind(client.0).bind(user.0).fetch_all(&mut *transaction).await?;
        transaction.commit().await?;
        rows.iter().map(|row| Ok(SessionId(row.try_get::<Uuid, _>(0)?))).collect()
    }

    /// Ends all sessions of a client, whoever they are for; those that were open.
    pub async fn revoke_sessions_by(&self, client: ClientId) -> Result<Vec<SessionId>, Error> {
        let rows = sqlx::query("SELECT end_sessions_of_client($1)").bind(client.0).fetch_all(self.pool()).await?;
        rows.iter().map(|row| Ok(SessionId(row.try_get::<Uuid, _>(0)?))).collect()
    }

    /// Deletes refresh tokens that are too old to be used; how many. They are refused anyway.
    pub async fn delete_expired_refresh_tokens(&self) -> Result<u64, Error> {
        let deleted = sqlx::query("DELETE FROM refresh_tokens WHERE expires_at < now()").execute(self.pool()).await?;
        Ok(deleted.rows_affected())
    }

    /// Deletes sessions that ended before `time`; how many.
    pub async fn delete_sessions_ended_before(&self, time: DateTime<Utc>) -> Result<u64, Error> {
        let deleted = sqlx::query("DELETE FROM sessions WHERE expires_at < $1").bind(time).execute(self.pool()).await?;
        Ok(deleted.rows_affected())
    }
}

/// What becomes a session if its holder goes on: logins half done, pages of a login at ours for somebody else's
/// program, and the codes that such programs were given.
const ON_THE_WAY: [Purpose; 3] = [Purpose::SecondFactor, Purpose::AuthorizationRequest, Purpose::AuthorizationCode];

pub(crate) async fn revoke_all(
    connection: &mut PgConnection,
    user: UserId,
    except: Option<SessionId>,
) -> Result<Vec<SessionId>, Error> {
    void_all(&mut *connection, user, &ON_THE_WAY).await?;
    let sql = format!(
        "UPDATE sessions SET revoked_at = coalesce(revoked_at, now())
          WHERE user_id = $1 AND session_id IS DISTINCT FROM $2 AND {TO_BE_TOLD}
         RETURNING session_id"
    );
    let rows = sqlx::query(&sql).bind(user.0).bind(except.map(|session| session.0)).fetch_all(connection).await?;
    rows.iter().map(|row| Ok(SessionId(row.try_get::<Uuid, _>(0)?))).collect()
}

fn read(row: &PgRow) -> Result<Session, Error> {
    let proofs: Vec<String> = row.try_get(5)?;
    let scopes: Option<Vec<String>> = row.try_get(7)?;
    Ok(Session {
        session_id: SessionId(row.try_get(0)?),
        user_id: UserId(row.try_get(1)?),
        device_id: row.try_get(2)?,
        expires_at: row.try_get(3)?,
        auth_time: row.try_get(4)?,
        proofs: proofs.iter().filter_map(|text| Proof::parse(text)).collect(),
        client_id: row.try_get::<Option<Uuid>, _>(6)?.map(ClientId),
        scopes: scopes.map(|scopes| scopes.iter().filter_map(|scope| Permission::parse(scope)).collect()),
    })
}
