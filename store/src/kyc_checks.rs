//! What cases are called at the verification provider. Put down as it becomes known, so that after a crash, or a lost
//! answer, the next attempt goes on where the last one stopped; and by which a webhook finds its person.

use aggregates::{KycCaseId, UserId};
use chrono::{DateTime, TimeDelta, Utc};
use sqlx::{Row, postgres::PgRow};
use uuid::Uuid;

use crate::{Error, Store, tables::Span};

/// What is known of a case at its provider, in the provider's own names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckReferences {
    pub applicant: Option<String>,
    pub run: Option<String>,
    /// When a run was asked for, as far as it is not known that it was not begun.
    pub run_asked_at: Option<DateTime<Utc>>,
}

/// By what names a provider speaks of a case: its own for run and applicant, or ours.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckNames {
    pub run: Option<String>,
    pub applicant: Option<String>,
    pub case: Option<KycCaseId>,
}

impl Store {
    /// Notes that a case goes to a provider, and what it is called there so far. What is known already stays, and is
    /// returned: who comes second goes on with the names of who came first.
    pub async fn note_check(
        &self,
        user: UserId,
        case: KycCaseId,
        provider: &str,
        references: &CheckReferences,
    ) -> Result<CheckReferences, Error> {
        let query = sqlx::query(
            "INSERT INTO kyc_checks AS k (case_id, user_id, provider, applicant, run)
             VALUES ($1, $2, $3, $4, $5)
                 ON CONFLICT (case_id) DO UPDATE
                SET applicant = coalesce(k.applicant, excluded.applicant), run = coalesce(k.run, excluded.run)
             RETURNING applicant, run, run_asked_at",
        );
        let query = query.bind(case.0).bind(user.0).bind(provider).bind(&references.applicant).bind(&references.run);
        let mut transaction = self.as_person(user).await?;
        let row = query.fetch_one(&mut *transaction).await?;
        transaction.commit().await?;
        references_of(&row)
    }

    pub async fn check_references(&self, user: UserId, case: KycCaseId) -> Result<Option<CheckReferences>, Error> {
        let query = sqlx::query("SELECT applicant, run, run_asked_at FROM kyc_checks WHERE case_id = $1").bind(case.0);
        let Some(row) = self.row_of(user, query).await? else { return Ok(None) };
        references_of(&row).map(Some)
    }

    /// Claims the right to ask for a run. False: there is one, or one may have begun within `patience`.
    pub async fn claim_run(&self, user: UserId, case: KycCaseId, patience: TimeDelta) -> Result<bool, Error> {
        let query = sqlx::query(
            "UPDATE kyc_checks SET run_asked_at = clock_timestamp()
              WHERE case_id = $1 AND run IS NULL AND (run_asked_at IS NULL OR run_asked_at < $2)",
        );
        let claimed = self.write_as(user, query.bind(case.0).bind(Utc::now() - patience)).await?;
        Ok(claimed.rows_affected() == 1)
    }

    /// Notes that no run was begun after all.
    pub async fn run_was_not_begun(&self, user: UserId, case: KycCaseId) -> Result<(), Error> {
        let query = sqlx::query("UPDATE kyc_checks SET run_asked_at = NULL WHERE case_id = $1").bind(case.0);
        self.write_as(user, query).await?;
        Ok(())
    }

    /// Notes that the provider knows an applicant, by its own name for them.
    pub async fn note_applicant(&self, user: UserId, provider: &str, applicant: &str) -> Result<(), Error> {
        let query = sqlx::query(
            "INSERT INTO kyc_applicants (provider, applicant, user_id) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        );
        self.write_as(user, query.bind(provider).bind(applicant).bind(user.0)).await?;
        Ok(())
    }

    /// The person's applicants at providers: which provider, and its own name for them.
    pub async fn applicants(&self, user: UserId) -> Result<Vec<(String, String)>, Error> {
        let query = sqlx::query("SELECT provider, applicant FROM kyc_applicants WHERE user_id = $1").bind(user.0);
        let rows = self.rows_of(user, query).await?;
        rows.iter().map(|row| Ok((row.try_get(0)?, row.try_get(1)?))).collect()
    }

    /// Erased people whom this provider still knows, made known to it in `span`; by the first time. For workers.
    pub async fn applicants_to_forget(
        &self,
        provider: &str,
        span: Span,
        limit: i64,
    ) -> Result<Vec<(UserId, DateTime<Utc>)>, Error> {
        let sql = "SELECT a.user_id, min(a.created_at) FROM kyc_applicants a
                     JOIN read.users u ON u.user_id = a.user_id AND u.erased_at IS NOT NULL
                    WHERE a.provider = $1 GROUP BY a.user_id
                   HAVING min(a.created_at) > $2 AND min(a.created_at) < $3
                    ORDER BY min(a.created_at) LIMIT $4";
        let query = sqlx::query(sql).bind(provider).bind(span.after).bind(span.before).bind(limit);
        let rows = query.fetch_all(self.pool()).await?;
        rows.iter().map(|row| Ok((UserId(row.try_get(0)?), row.try_get(1)?))).collect()
    }

    /// How many applicants of erased people other providers than this one know. For workers.
    pub async fn applicants_elsewhere(&self, provider: &str) -> Result<u64, Error> {
        let sql = "SELECT count(*) FROM kyc_applicants a
                     JOIN read.users u ON u.user_id = a.user_id AND u.erased_at IS NOT NULL
                    WHERE a.provider <> $1";
        let count: i64 = sqlx::query(sql).bind(provider).fetch_one(self.pool()).await?.try_get(0)?;
        Ok(count.unsigned_abs())
    }

    /// Forgets an applicant who is deleted at the provider.
    pub async fn forget_applicant(&self, user: UserId, provider: &str, applicant: &str) -> Result<(), Error> {
        let query = sqlx::query("DELETE FROM kyc_applicants WHERE provider = $1 AND applicant = $2");
        self.write_as(user, query.bind(provider).bind(applicant)).await?;
        Ok(())
    }

    /// Whose case it is, once it went to a provider.
    pub async fn case_owner(&self, case: KycCaseId) -> Result<Option<UserId>, Error> {
        let query = sqlx::query("SELECT kyc_case_owner($1)").bind(case.0);
        Ok(query.fetch_one(self.pool()).await?.try_get::<Option<Uuid>, _>(0)?.map(UserId))
    }

    /// Which case the provider speaks of, and whose it is.
    pub async fn check_of(&self, provider: &str, named: &CheckNames) -> Result<Option<(UserId, KycCaseId)>, Error> {
        let query = sqlx::query("SELECT user_id, case_id FROM kyc_check_of($1, $2, $3, $4)").bind(provider);
        let query = query.bind(&named.run).bind(&named.applicant).bind(named.case.map(|case| case.0));
        let Some(row) = query.fetch_optional(self.pool()).await? else { return Ok(None) };
        Ok(Some((UserId(row.try_get(0)?), KycCaseId(row.try_get(1)?))))
    }
}

fn references_of(row: &PgRow) -> Result<CheckReferences, Error> {
    let (applicant, run, run_asked_at) = (row.try_get(0)?, row.try_get(1)?, row.try_get(2)?);
    Ok(CheckReferences { applicant, run, run_asked_at })
}
