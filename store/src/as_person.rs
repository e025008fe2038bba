//! The second wall: row-level security (migration 0005).
//!
//! In the role `vc_api` a statement sees the rows of one person, whom its transaction names. The name goes with the
//! transaction's `BEGIN` in one round trip, and ends with it: a connection goes back to the pool without one. For the
//! role that owns the tables the name means nothing, so the same code serves workers.
//!
//! What has to be found before it is known whose it is goes through the narrow functions of the migration.
//!
//! So a query of the api on a table with people goes through one of the functions below; through the bare pool it finds
//! nothing, and an insert is refused. The bare pool is for what knows no people, for what is only put in, for narrow
//! functions, and for what workers and operators alone do.

use aggregates::UserId;
use sqlx::{
    Postgres, Row, Transaction,
    postgres::{PgArguments, PgQueryResult, PgRow},
    query::Query,
};
use uuid::Uuid;

use crate::{Error, Store};

/// A credential that says by itself whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Credential {
    /// By its hash.
    RefreshToken,
    /// By its hash.
    ApiKey,
    /// By its id, as the authenticator names it.
    Passkey,
}

impl Credential {
    const fn as_str(self) -> &'static str {
        match self {
            Credential::RefreshToken => "refresh_token",
            Credential::ApiKey => "api_key",
            Credential::Passkey => "passkey",
        }
    }
}

impl Store {
    /// Begins a transaction in the name of `user`. Dropped without a commit it is rolled back.
    pub(crate) async fn as_person(&self, user: UserId) -> Result<Transaction<'static, Postgres>, Error> {
        // A UUID prints as hexadecimal digits and hyphens, whatever it came from.
        let begin = format!("BEGIN; SELECT set_config('vc.person', '{}', true)", user.0);
        Ok(self.pool().begin_with(begin).await?)
    }

    /// Begins a transaction in the name of whoever `key` belongs to; in nobody's, if it is nobody's.
    pub(crate) async fn as_holder(
        &self,
        credential: Credential,
        key: &[u8],
    ) -> Result<Transaction<'static, Postgres>, Error> {
        let key: String = key.iter().map(|byte| format!("{byte:02x}")).collect();
        let begin = format!("BEGIN; SELECT act_for_holder('{}', '\\x{key}')", credential.as_str());
        Ok(self.pool().begin_with(begin).await?)
    }

    /// The rows that one query finds in the name of `user`.
    ///
    /// Two round trips: the transaction is ended behind the answer.
    pub(crate) async fn rows_of(
        &self,
        user: UserId,
        query: Query<'_, Postgres, PgArguments>,
    ) -> Result<Vec<PgRow>, Error> {
        Ok(query.fetch_all(&mut *self.as_person(user).await?).await?)
    }

    /// The one row that a query finds in the name of `user`, if any.
    pub(crate) async fn row_of(
        &self,
        user: UserId,
        query: Query<'_, Postgres, PgArguments>,
    ) -> Result<Option<PgRow>, Error> {
        Ok(query.fetch_optional(&mut *self.as_person(user).await?).await?)
    }

    /// The one row that a query always finds, such as a count, in the name of `user`.
    pub(crate) async fn one_row_of(
        &self,
        user: UserId,
        query: Query<'_, Postgres, PgArguments>,
    ) -> Result<PgRow, Error> {
        Ok(query.fetch_one(&mut *self.as_person(user).await?).await?)
    }

    /// Carries out one statement in the name of `user`. Durable when this returns.
    pub(crate) async fn write_as(
        &self,
        user: UserId,
        query: Query<'_, Postgres, PgArguments>,
    ) -> Result<PgQueryResult, Error> {
        let mut transaction = self.as_person(user).await?;
        let done = query.execute(&mut *transaction).await?;
        transaction.commit().await?;
        Ok(done)
    }

    /// Whose a claimed thing is. Read from the claims, so never behind.
    pub(crate) async fn claim_owner(&self, scope: &str, key: &[u8]) -> Result<Option<UserId>, Error> {
        let row = sqlx::query("SELECT claim_owner($1, $2)").bind(scope).bind(key).fetch_one(self.pool()).await?;
        Ok(row.try_get::<Option<Uuid>, _>(0)?.map(UserId))
    }
}
