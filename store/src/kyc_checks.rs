//! What cases are called at the verification provider. Put down as it becomes known, so that after a crash, or a lost
//! answer, the next attempt goes on where the last one stopped; and by which a webhook finds its person.

use aggregates::{KycCaseId, UserId};
use sqlx::Row;
use uuid::Uuid;

use crate::{Error, Store};

/// What is known of a case at its provider, in the provider's own names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckReferences {
    pub applicant: Option<String>,
    pub run: Option<String>,
}

impl Store {
    /// Notes that a case goes to a provider, and what it is called there so far. What is known already stays.
    pub async fn note_check(
        &self,
        user: UserId,
        case: KycCaseId,
        provider: &str,
        references: &CheckReferences,
    ) -> Result<(), Error> {
        let query = sqlx::query(
            "INSERT INTO kyc_checks AS k (case_id, user_id, provider, applicant, run) VALUES ($1, $2, $3, $4, $5)
                 ON CONFLICT (case_id) DO UPDATE
                SET applicant = coalesce(k.applicant, excluded.applicant), run = coalesce(k.run, excluded.run)",
        );
        let query = query.bind(case.0).bind(user.0).bind(provider).bind(&references.applicant).bind(&references.run);
        self.write_as(user, query).await?;
        Ok(())
    }

    pub async fn check_references(&self, user: UserId, case: KycCaseId) -> Result<CheckReferences, Error> {
        let query = sqlx::query("SELECT applicant, run FROM kyc_checks WHERE case_id = $1").bind(case.0);
        let Some(row) = self.row_of(user, query).await? else { return Ok(CheckReferences::default()) };
        Ok(CheckReferences { applicant: row.try_get(0)?, run: row.try_get(1)? })
    }

    /// Whose check the provider speaks of: by its own name of applicant or run, or by our case.
    pub async fn check_owner(&self, provider: &str, reference: &str) -> Result<Option<UserId>, Error> {
        let query = sqlx::query("SELECT kyc_check_owner($1, $2)").bind(provider).bind(reference);
        Ok(query.fetch_one(self.pool()).await?.try_get::<Option<Uuid>, _>(0)?.map(UserId))
    }
}
