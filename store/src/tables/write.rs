//! One statement for each kind of change, with a row of its arrays for each row of the table.

use sqlx::{Postgres, Transaction, postgres::PgArguments, query::Query};

use super::changes::{CaseChange, Changes};

pub(super) type Tx<'t> = Transaction<'t, Postgres>;

impl Changes {
    pub async fn write(self, transaction: &mut Tx<'_>, schema: &str) -> Result<(), sqlx::Error> {
        self.write_users(transaction, schema).await?;
        self.write_cases(transaction, schema).await?;
        self.write_cards(transaction, schema).await?;
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
        for (case_id, change) in &self.case_changes {
            let (assigned_to, status) = match change {
                CaseChange::Assigned(operator) => (Some(operator.0), None),
                CaseChange::Expired => (None, Some("expired")),
            };
            let sql = format!(
                "UPDATE {schema}.kyc_verifications
                    SET assigned_to = coalesce($2, assigned_to), status = coalesce($3, status) WHERE case_id = $1"
            );
            execute(sqlx::query(&sql).bind(case_id.0).bind(assigned_to).bind(status), transaction).await?;
        }
        Ok(())
    }

    async fn write_cards(&self, transaction: &mut Tx<'_>, schema: &str) -> Result<(), sqlx::Error> {
        let rows = &self.cards;
        if !rows.is_empty() {
            let sql = format!(
                "INSERT INTO {schema}.cards
                        (card_id, user_id, card_type, status, currency, monthly_limit, requested_at, position)
                 SELECT c.card_id, c.user_id, c.card_type, 'requested', c.currency, c.monthly_limit, c.at, c.position
                   FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::bigint[], $6::timestamptz[],
                               $7::bigint[])
                        AS c (card_id, user_id, card_type, currency, monthly_limit, at, position)"
            );
            let query = sqlx::query(&sql)
                .bind(rows.iter().map(|c| c.card_id.0).collect::<Vec<_>>())
                .bind(rows.iter().map(|c| c.user_id.0).collect::<Vec<_>>())
                .bind(rows.iter().map(|c| c.card_type.as_str()).collect::<Vec<_>>())
                .bind(rows.iter().map(|c| c.currency.code()).collect::<Vec<_>>())
                .bind(rows.iter().map(|c| c.monthly_limit).collect::<Vec<_>>())
                .bind(rows.iter().map(|c| c.at).collect::<Vec<_>>())
                .bind(rows.iter().map(|c| c.position).collect::<Vec<_>>());
            execute(query, transaction).await?;
        }
        for (card_id, issued) in &self.issued {
            let sql = format!(
                "UPDATE {schema}.cards SET issuer = $2, issuer_reference = $3, last_four = $4, expiry = $5
                  WHERE card_id = $1"
            );
            let query = sqlx::query(&sql)
                .bind(card_id.0)
                .bind(&issued.issuer)
                .bind(&issued.reference)
                .bind(&issued.last_four)
                .bind(&issued.expiry);
            execute(query, transaction).await?;
        }
        if self.card_statuses.is_empty() {
            return Ok(());
        }
        let sql = format!(
            "UPDATE {schema}.cards c SET status = s.status
               FROM unnest($1::uuid[], $2::text[]) AS s (card_id, status) WHERE c.card_id = s.card_id"
        );
        let query = sqlx::query(&sql)
            .bind(self.card_statuses.keys().map(|id| id.0).collect::<Vec<_>>())
            .bind(self.card_statuses.values().copied().collect::<Vec<_>>());
        execute(query, transaction).await
    }

    async fn write_spending(&self, transaction: &mut Tx<'_>, schema: &str) -> Result<(), sqlx::Error> {
        if self.spending.is_empty() {
            return Ok(());
        }
        let sql = format!(
            "UPDATE {schema}.cards c
                SET used = s.change + CASE WHEN c.used_window = s.used_window THEN c.used ELSE 0 END,
                    used_window = s.used_window
               FROM unnest($1::uuid[], $2::date[], $3::bigint[]) AS s (card_id, used_window, change)
              WHERE c.card_id = s.card_id AND coalesce(c.used_window <= s.used_window, true)"
        );
        let query = sqlx::query(&sql)
            .bind(self.spending.keys().map(|id| id.0).collect::<Vec<_>>())
            .bind(self.spending.values().map(|s| s.window.first_day()).collect::<Vec<_>>())
            .bind(self.spending.values().map(|s| s.change).collect::<Vec<_>>());
        execute(query, transaction).await
    }
}

pub(super) async fn execute(
    query: Query<'_, Postgres, PgArguments>,
    transaction: &mut Tx<'_>,
) -> Result<(), sqlx::Error> {
    query.execute(&mut **transaction).await.map(|_| ())
}
