//! One statement for each kind of change, with a row of its arrays for each row of the table.

use sqlx::{Postgres, Transaction, postgres::PgArguments, query::Query};

use super::changes::{CaseChange, Changes};

mod cards;

pub(super) type Tx<'t> = Transaction<'t, Postgres>;

impl Changes {
    pub async fn write(self, transaction: &mut Tx<'_>, schema: &str) -> Result<(), sqlx::Error> {
        self.write_users(transaction, schema).await?;
        self.write_cases(transaction, schema).await?;
        self.write_cards(transaction, schema).await?;
        self.write_transitions(transaction, schema).await?;
        self.write_spending(transaction, schema).await?;
        self.write_payments(transaction, schema).await
    }

    async fn write_users(&self, transaction: &mut Tx<'_>, schema: &str) -> Result<(), sqlx::Error> {
        if !self.users.is_empty() {
            self.write_new_users(transaction, schema).await?;
        }
        // People change rarely: one statement each.
        for (user_id, person) in &self.people {
            let sql = format!(
                "UPDATE {schema}.users
                    SET email = coalesce($2, email), first_name = coalesce($3, first_name),
                        last_name = coalesce($4, last_name), email_verified_at = coalesce($5, email_verified_at),
                        closed_at = coalesce($6, closed_at), erased_at = coalesce($7, erased_at)
                  WHERE user_id = $1"
            );
            let query = sqlx::query(&sql)
                .bind(user_id.0)
                .bind(&person.email)
                .bind(&person.first_name)
                .bind(&person.last_name)
                .bind(person.email_verified_at)
                .bind(person.closed_at)
                .bind(person.erased_at);
            execute(query, transaction).await?;
        }
        Ok(())
    }

    async fn write_new_users(&self, transaction: &mut Tx<'_>, schema: &str) -> Result<(), sqlx::Error> {
        let sql = format!(
            "INSERT INTO {schema}.users (user_id, email, first_name, last_name, created_at)
             SELECT * FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::timestamptz[])"
        );
        let rows = &self.users;
        let query = sqlx::query(&sql)
            .bind(rows.iter().map(|u| u.user_id.0).collect::<Vec<_>>())
            .bind(rows.iter().map(|u| u.email.as_str()).collect::<Vec<_>>())
            .bind(rows.iter().map(|u| u.first_name.as_str()).collect::<Vec<_>>())
            .bind(rows.iter().map(|u| u.last_name.as_str()).collect::<Vec<_>>())
            .bind(rows.iter().map(|u| u.at).collect::<Vec<_>>());
        execute(query, transaction).await
    }

    async fn write_cases(&self, transaction: &mut Tx<'_>, schema: &str) -> Result<(), sqlx::Error> {
        let rows = &self.cases;
        if !rows.is_empty() {
            let sql = format!(
                "INSERT INTO {schema}.kyc_verifications
                        (case_id, user_id, status, document_type, country, submitted_at, position, level)
                 SELECT c.case_id, c.user_id, 'pending', c.document_type, c.country, c.at, c.position, c.level
                   FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::timestamptz[], $6::bigint[],
                               $7::text[])
                        AS c (case_id, user_id, document_type, country, at, position, level)"
            );
            let query = sqlx::query(&sql)
                .bind(rows.iter().map(|c| c.case_id.0).collect::<Vec<_>>())
                .bind(rows.iter().map(|c| c.user_id.0).collect::<Vec<_>>())
                .bind(rows.iter().map(|c| c.document_type.as_str()).collect::<Vec<_>>())
                .bind(rows.iter().map(|c| c.country.as_str()).collect::<Vec<_>>())
                .bind(rows.iter().map(|c| c.at).collect::<Vec<_>>())
                .bind(rows.iter().map(|c| c.position).collect::<Vec<_>>())
                .bind(rows.iter().map(|c| c.level.as_str()).collect::<Vec<_>>());
            execute(query, transaction).await?;
        }
        // Verdicts are rare beside payments: one statement each, since arrays of arrays do not unnest.
        for (case_id, verdict) in &self.verdicts {
            let sql = format!(
                "UPDATE {schema}.kyc_verifications
                    SET status = $2, provider = $3, provider_reference = $4, reasons = $5, decided_at = $6,
                        valid_until = $7
                  WHERE case_id = $1"
            );
            let query = sqlx::query(&sql)
                .bind(case_id.0)
                .bind(verdict.status)
                .bind(&verdict.provider)
                .bind(&verdict.reference)
                .bind(&verdict.reasons)
                .bind(verdict.decided_at)
                .bind(verdict.valid_until);
            execute(query, transaction).await?;
        }
        self.write_case_changes(transaction, schema).await
    }

    async fn write_case_changes(&self, transaction: &mut Tx<'_>, schema: &str) -> Result<(), sqlx::Error> {
        let of_case = |set: &str| format!("UPDATE {schema}.kyc_verifications SET {set} WHERE case_id = $1");
        for (case_id, change) in &self.case_changes {
            let sql = match change {
                CaseChange::Assigned(_) => of_case("assigned_to = $2"),
                CaseChange::ExpiryAnnounced => of_case("expiry_announced = true"),
                CaseChange::Expired => of_case("status = 'expired'"),
                CaseChange::Hit(true) => of_case("has_open_hit = true"),
                CaseChange::Hit(false) => of_case("has_open_hit = false"),
                CaseChange::ApprovalsEnded => format!(
                    "UPDATE {schema}.kyc_verifications k SET approval_ended = true
                       FROM {schema}.kyc_verifications last
                      WHERE last.case_id = $1 AND k.user_id = last.user_id AND k.position <= last.position"
                ),
            };
            let query = sqlx::query(&sql).bind(case_id.0);
            let query = if let CaseChange::Assigned(operator) = change { query.bind(operator.0) } else { query };
            execute(query, transaction).await?;
        }
        Ok(())
    }
}

pub(super) async fn execute(
    query: Query<'_, Postgres, PgArguments>,
    transaction: &mut Tx<'_>,
) -> Result<(), sqlx::Error> {
    query.execute(&mut **transaction).await.map(|_| ())
}
