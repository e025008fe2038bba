//! Secrets of authenticator apps (RFC 6238), sealed under the person's key, and the time steps that were used.

use std::time::Duration;

use aggregates::{Sealed, UserId};
use base64::prelude::{BASE64_STANDARD, Engine};
use sqlx::Row;
use zeroize::Zeroizing;

use crate::{Error, PersonalData, Store, seal::DataKey};

/// 160 bits, as RFC 4226 §4 recommends.
const SECRET_BYTES: usize = 20;

/// What an authenticator app and we share.
pub struct TotpSecret {
    pub bytes: Zeroizing<Vec<u8>>,
    /// As it lies in the table: names this very secret when a step of it is used.
    sealed: String,
}

impl Store {
    /// Makes a secret that waits to be confirmed, in the place of one that still waits. None where one was confirmed
    /// just now: then somebody else is a step ahead. The caller knows from the log that no app is enabled.
    pub async fn begin_totp(&self, user: UserId) -> Result<Option<Zeroizing<Vec<u8>>>, Error> {
        let bytes = Zeroizing::new(DataKey::generate().as_bytes()[..SECRET_BYTES].to_vec());
        let text = Zeroizing::new(BASE64_STANDARD.encode(&*bytes));
        let sealed = self.seal(user, PersonalData::TotpSecret, &text).await?;
        // A confirmation that never got into the log is no obstacle for ever.
        let query = sqlx::query(
            "INSERT INTO totp_secrets AS t (user_id, secret) VALUES ($1, $2)
             ON CONFLICT (user_id) DO UPDATE
                SET secret = excluded.secret, created_at = now(), confirmed_at = NULL, last_step = 0
              WHERE t.confirmed_at IS NULL OR t.confirmed_at < now() - interval '1 minute'",
        )
        .bind(user.0)
        .bind(sealed.ciphertext());
        let written = self.write_as(user, query).await?;
        Ok((written.rows_affected() == 1).then_some(bytes))
    }

    /// The person's secret; none where it was made longer ago than `within`, if that is given.
    pub async fn totp_secret(&self, user: UserId, within: Option<Duration>) -> Result<Option<TotpSecret>, Error> {
        let query = sqlx::query(
            "SELECT secret FROM totp_secrets
              WHERE user_id = $1 AND ($2::float8 IS NULL OR created_at > now() - make_interval(secs => $2))",
        )
        .bind(user.0)
        .bind(within.map(|time| time.as_secs_f64()));
        let Some(row) = self.row_of(user, query).await? else { return Ok(None) };
        let sealed: String = row.try_get(0)?;
        let text = self.open(user, PersonalData::TotpSecret, &Sealed::from_ciphertext(sealed.clone())).await?;
        let bytes = Zeroizing::new(BASE64_STANDARD.decode(text.as_bytes()).map_err(|_| Error::Unsealable)?);
        Ok(Some(TotpSecret { bytes, sealed }))
    }

    /// Uses a time step of this very secret up, and all before it. False if it was used before: a step counts once,
    /// over all processes (RFC 6238 §5.2).
    pub async fn use_totp_step(&self, user: UserId, secret: &TotpSecret, step: u64) -> Result<bool, Error> {
        let query = sqlx::query(
            "UPDATE totp_secrets SET last_step = $3, confirmed_at = coalesce(confirmed_at, now())
              WHERE user_id = $1 AND secret = $2 AND last_step < $3",
        )
        .bind(user.0)
        .bind(&secret.sealed)
        .bind(i64::try_from(step).map_err(|_| Error::Unsealable)?);
        let used = self.write_as(user, query).await?;
        Ok(used.rows_affected() == 1)
    }

    /// Deletes the secret, if it still is this one.
    pub async fn delete_totp(&self, user: UserId, secret: &TotpSecret) -> Result<(), Error> {
        let query = sqlx::query("DELETE FROM totp_secrets WHERE user_id = $1 AND secret = $2");
        self.write_as(user, query.bind(user.0).bind(&secret.sealed)).await?;
        Ok(())
    }
}
