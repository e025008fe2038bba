//! What may be used once and within a time: mailed tokens, half-done logins, ceremonies, step-ups, codes.
//!
//! A token is 256 random bits. The table has its hash, and the data under a key made of the token, so that whoever
//! reads the table learns nothing and can use nothing.

use std::time::Duration;

use aggregates::UserId;
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use chrono::Utc;
use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};
use sqlx::{PgExecutor, Row, postgres::PgRow};
use zeroize::Zeroizing;

use crate::{Error, Store, seal::DataKey};

/// What a token is for. One is never taken for another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    VerifyEmail,
    ResetPassword,
    EmailChange,
    /// A login that waits for its second factor.
    SecondFactor,
    PasskeyRegistration,
    PasskeyAuthentication,
    /// A step-up that waits for its proof.
    StepUpChallenge,
    /// A step-up that was proven, for one operation.
    StepUp,
    /// Buys a card's secrets.
    CardReveal,
    AuthorizationRequest,
    AuthorizationCode,
    SocialLogin,
    /// Marks that somebody was told of a registration with their address, so that they are not told again soon.
    RegistrationNotice,
}

impl Purpose {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Purpose::VerifyEmail => "verify_email",
            Purpose::ResetPassword => "reset_password",
            Purpose::EmailChange => "email_change",
            Purpose::SecondFactor => "second_factor",
            Purpose::PasskeyRegistration => "passkey_registration",
            Purpose::PasskeyAuthentication => "passkey_authentication",
            Purpose::StepUpChallenge => "step_up_challenge",
            Purpose::StepUp => "step_up",
            Purpose::CardReveal => "card_reveal",
            Purpose::AuthorizationRequest => "authorization_request",
            Purpose::AuthorizationCode => "authorization_code",
            Purpose::SocialLogin => "social_login",
            Purpose::RegistrationNotice => "registration_notice",
        }
    }
}

/// What a token stood for.
pub struct Redeemed {
    pub user_id: Option<UserId>,
    pub data: Zeroizing<Vec<u8>>,
}

/// 256 random bits as text, for what is kept elsewhere than in a table of its own.
pub fn new_secret() -> SecretString {
    secret_token().0
}

/// 256 random bits as text, and their hash as the database has it.
pub(crate) fn secret_token() -> (SecretString, [u8; 32]) {
    let text = BASE64_URL_SAFE_NO_PAD.encode(DataKey::generate().as_bytes());
    let hash = token_hash(&text);
    (SecretString::from(text), hash)
}

/// Random bits need no slow hash.
pub(crate) fn token_hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}

impl Store {
    /// Makes a token for `data`, good for `lifetime`.
    pub async fn issue_one_time(
        &self,
        purpose: Purpose,
        user: Option<UserId>,
        data: &[u8],
        lifetime: Duration,
    ) -> Result<SecretString, Error> {
        let (token, hash) = secret_token();
        let sealed = key_of(&token).seal(data, purpose.as_str());
        sqlx::query(
            "INSERT INTO one_time (token_hash, purpose, user_id, data, expires_at) VALUES ($1, $2, $3, $4, $5)",
        )
        .bind(hash)
        .bind(purpose.as_str())
        .bind(user.map(|user| user.0))
        .bind(sealed)
        .bind(Utc::now() + lifetime)
        .execute(self.pool())
        .await?;
        Ok(token)
    }

    /// Uses a token up. None if it is unknown, used, too old or for something else.
    pub async fn redeem_one_time(&self, purpose: Purpose, token: &SecretString) -> Result<Option<Redeemed>, Error> {
        let row = sqlx::query("SELECT owner, content, in_time FROM redeem_one_time($1, $2)")
            .bind(token_hash(token.expose_secret()))
            .bind(purpose.as_str())
            .fetch_optional(self.pool())
            .await?;
        match row {
            Some(row) if row.try_get(2)? => opened(&row, purpose, token).map(Some),
            _ => Ok(None),
        }
    }

    /// Looks at a token without using it up, and counts one attempt. Past `attempts` it is void.
    pub async fn attempt_one_time(
        &self,
        purpose: Purpose,
        token: &SecretString,
        attempts: u32,
    ) -> Result<Option<Redeemed>, Error> {
        let row = sqlx::query("SELECT owner, content FROM attempt_one_time($1, $2, $3)")
            .bind(token_hash(token.expose_secret()))
            .bind(purpose.as_str())
            .bind(i32::try_from(attempts).unwrap_or(i32::MAX))
            .fetch_optional(self.pool())
            .await?;
        row.map(|row| opened(&row, purpose, token)).transpose()
    }

    /// Looks at a token without using it up and without counting an attempt.
    pub async fn peek_one_time(&self, purpose: Purpose, token: &SecretString) -> Result<Option<Redeemed>, Error> {
        let row = sqlx::query("SELECT owner, content FROM peek_one_time($1, $2)")
            .bind(token_hash(token.expose_secret()))
            .bind(purpose.as_str())
            .fetch_optional(self.pool())
            .await?;
        row.map(|row| opened(&row, purpose, token)).transpose()
    }

    /// Whether a token was issued to the person within the last `time`, and is not used or void.
    pub async fn has_recent_one_time(&self, purpose: Purpose, user: UserId, time: Duration) -> Result<bool, Error> {
        let query =
            sqlx::query("SELECT EXISTS (SELECT FROM one_time WHERE user_id = $1 AND purpose = $2 AND created_at > $3)");
        let query = query.bind(user.0).bind(purpose.as_str()).bind(Utc::now() - time);
        Ok(self.one_row_of(user, query).await?.try_get(0)?)
    }

    /// Voids all of a person's tokens for one purpose.
    pub async fn void_one_time(&self, purpose: Purpose, user: UserId) -> Result<(), Error> {
        let query = sqlx::query("DELETE FROM one_time WHERE user_id = $1 AND purpose = $2");
        self.write_as(user, query.bind(user.0).bind(purpose.as_str())).await?;
        Ok(())
    }

    /// Voids all of a person's tokens.
    pub async fn void_every_one_time(&self, user: UserId) -> Result<(), Error> {
        self.write_as(user, sqlx::query("DELETE FROM one_time WHERE user_id = $1").bind(user.0)).await?;
        Ok(())
    }

    /// Deletes what is too old to be used; how many.
    pub async fn delete_expired_one_time(&self) -> Result<u64, Error> {
        let deleted = sqlx::query("DELETE FROM one_time WHERE expires_at < now()").execute(self.pool()).await?;
        Ok(deleted.rows_affected())
    }
}

/// Voids a person's tokens for some purposes, within a transaction of theirs; how many.
pub(crate) async fn void_all(
    connection: impl PgExecutor<'_>,
    user: UserId,
    purposes: &[Purpose],
) -> Result<u64, Error> {
    let purposes: Vec<_> = purposes.iter().map(|purpose| purpose.as_str()).collect();
    let query = sqlx::query("DELETE FROM one_time WHERE user_id = $1 AND purpose = ANY ($2)");
    Ok(query.bind(user.0).bind(purposes).execute(connection).await?.rows_affected())
}

fn opened(row: &PgRow, purpose: Purpose, token: &SecretString) -> Result<Redeemed, Error> {
    let sealed: Vec<u8> = row.try_get(1)?;
    let user_id: Option<uuid::Uuid> = row.try_get(0)?;
    Ok(Redeemed { user_id: user_id.map(UserId), data: key_of(token).open(&sealed, purpose.as_str())? })
}

fn key_of(token: &SecretString) -> DataKey {
    let key = Sha256::new_with_prefix(b"virtual-cards one-time data\0").chain_update(token.expose_secret());
    DataKey::from_bytes(&key.finalize()).expect("SHA-256 has 32 bytes")
}
