use super::{Changes, Tx, execute};

impl Changes {
    pub(super) async fn write_cards(&self, transaction: &mut Tx<'_>, schema: &str) -> Result<(), sqlx::Error> {
        self.write_new_cards(transaction, schema).await?;
        for (card_id, issued) in &self.issued {
            let sql = format!(
                "UPDATE {schema}.cards
                    SET issuer = $2, issuer_reference = $3, last_four = $4, expiry = $5, expires_on = $6
                  WHERE card_id = $1"
            );
            let query = sqlx::query(&sql)
                .bind(card_id.0)
                .bind(&issued.issuer)
                .bind(&issued.reference)
                .bind(&issued.last_four)
                .bind(&issued.expiry)
                .bind(issued.expires_on);
            execute(query, transaction).await?;
        }
        // Rare beside payments: one statement each.
        for (card_id, change) in &self.card_changes {
            let sql = format!(
                "UPDATE {schema}.cards
                    SET monthly_limit = coalesce($2, monthly_limit), successor = coalesce($3, successor),
                        issuer_status = coalesce($4, issuer_status), expiry_announced = expiry_announced OR $5
                  WHERE card_id = $1"
            );
            let query = sqlx::query(&sql)
                .bind(card_id.0)
                .bind(change.monthly_limit)
                .bind(change.successor.map(|card| card.0))
                .bind(change.issuer_status)
                .bind(change.expiry_announced);
            execute(query, transaction).await?;
        }
        if self.card_statuses.is_empty() {
            return Ok(());
        }
        let sql = format!(
            "UPDATE {schema}.cards c SET status = s.status, changed_at = s.at
               FROM unnest($1::uuid[], $2::text[], $3::timestamptz[]) AS s (card_id, status, at)
              WHERE c.card_id = s.card_id"
        );
        let query = sqlx::query(&sql)
            .bind(self.card_statuses.keys().map(|id| id.0).collect::<Vec<_>>())
            .bind(self.card_statuses.values().map(|(status, _)| *status).collect::<Vec<_>>())
            .bind(self.card_statuses.values().map(|(_, at)| *at).collect::<Vec<_>>());
        execute(query, transaction).await
    }

    async fn write_new_cards(&self, transaction: &mut Tx<'_>, schema: &str) -> Result<(), sqlx::Error> {
        let rows = &self.cards;
        if rows.is_empty() {
            return Ok(());
        }
        let sql = format!(
            "INSERT INTO {schema}.cards
                    (card_id, user_id, card_type, status, currency, monthly_limit, requested_at, changed_at, position,
                     purpose, predecessor)
             SELECT c.card_id, c.user_id, c.card_type, 'requested', c.currency, c.monthly_limit, c.at, c.at, c.position,
                    c.purpose, c.predecessor
               FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $5::bigint[], $6::timestamptz[],
                           $7::bigint[], $8::text[], $9::uuid[])
                    AS c (card_id, user_id, card_type, currency, monthly_limit, at, position, purpose, predecessor)"
        );
        let query = sqlx::query(&sql)
            .bind(rows.iter().map(|c| c.card_id.0).collect::<Vec<_>>())
            .bind(rows.iter().map(|c| c.user_id.0).collect::<Vec<_>>())
            .bind(rows.iter().map(|c| c.card_type.as_str()).collect::<Vec<_>>())
            .bind(rows.iter().map(|c| c.currency.code()).collect::<Vec<_>>())
            .bind(rows.iter().map(|c| c.monthly_limit).collect::<Vec<_>>())
            .bind(rows.iter().map(|c| c.at).collect::<Vec<_>>())
            .bind(rows.iter().map(|c| c.position).collect::<Vec<_>>())
            .bind(rows.iter().map(|c| c.purpose).collect::<Vec<_>>())
            .bind(rows.iter().map(|c| c.predecessor.map(|card| card.0)).collect::<Vec<_>>());
        execute(query, transaction).await
    }

    /// After the cards, whose owners they take over.
    pub(super) async fn write_transitions(&self, transaction: &mut Tx<'_>, schema: &str) -> Result<(), sqlx::Error> {
        let rows = &self.transitions;
        if rows.is_empty() {
            return Ok(());
        }
        let sql = format!(
            "INSERT INTO {schema}.card_transitions
                    (position, card_id, user_id, transition, status, authority, reason, actor, at)
             SELECT t.position, t.card_id, c.user_id, t.transition, t.status, t.authority, t.reason, t.actor, t.at
               FROM unnest($1::bigint[], $2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[],
                           $8::timestamptz[])
                    AS t (position, card_id, transition, status, authority, reason, actor, at)
               JOIN {schema}.cards c USING (card_id)"
        );
        let query = sqlx::query(&sql)
            .bind(rows.iter().map(|t| t.position).collect::<Vec<_>>())
            .bind(rows.iter().map(|t| t.card_id.0).collect::<Vec<_>>())
            .bind(rows.iter().map(|t| t.transition).collect::<Vec<_>>())
            .bind(rows.iter().map(|t| t.status).collect::<Vec<_>>())
            .bind(rows.iter().map(|t| t.authority).collect::<Vec<_>>())
            .bind(rows.iter().map(|t| t.reason).collect::<Vec<_>>())
            .bind(rows.iter().map(|t| t.actor.as_str()).collect::<Vec<_>>())
            .bind(rows.iter().map(|t| t.at).collect::<Vec<_>>());
        execute(query, transaction).await
    }

    pub(super) async fn write_spending(&self, transaction: &mut Tx<'_>, schema: &str) -> Result<(), sqlx::Error> {
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
