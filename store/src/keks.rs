//! That everybody means the same key by a key-encryption key's number: two machines that made a `kek-2` each would wrap
//! what the other cannot open, and all that one has wrapped would be lost with it.

use sqlx::Row;

use crate::{
    Error, Store,
    seal::{DataKey, WrappedKey},
};

impl Store {
    /// Compares the key-encryption keys with what the database knows of them, and puts down those it does not know.
    /// After the first success it asks no more. Nothing is wrapped before.
    ///
    /// # Errors
    /// [`Error::Keys`] names a key that is another than the one known by its number.
    pub async fn check_keks(&self) -> Result<(), Error> {
        let compare = || async {
            let checks = self.inner.keys.kek_checks();
            let (numbers, values): (Vec<i64>, Vec<Vec<u8>>) = checks.iter().cloned().unzip();
            // Ascending, so that several that start at once do not wait for each other in a circle.
            let put = sqlx::query(
                "INSERT INTO keks (number, check_value) SELECT * FROM unnest($1::bigint[], $2::bytea[]) ORDER BY 1
                 ON CONFLICT DO NOTHING",
            );
            put.bind(&numbers).bind(values).execute(self.pool()).await?;
            let known = sqlx::query("SELECT number, check_value FROM keks WHERE number = ANY($1)").bind(&numbers);
            for row in known.fetch_all(self.pool()).await? {
                let known: (i64, Vec<u8>) = (row.try_get(0)?, row.try_get(1)?);
                if !checks.contains(&known) {
                    return Err(Error::Keys(format!(
                        "kek-{0} here is not the key that is known as kek-{0}: two were made under one number. Bring \
                         the one that the other machines have",
                        known.0
                    )));
                }
            }
            Ok(())
        };
        self.inner.keks_checked.get_or_try_init(compare).await.copied()
    }

    /// The highest number that a key-encryption key ever had, retired ones included; 0 if there was none. For
    /// operators.
    pub async fn highest_kek(&self) -> Result<u32, Error> {
        let sql = "SELECT coalesce(max(number), 0) FROM (
                       SELECT number FROM keks
                       UNION ALL SELECT substr(kek_id, 5)::bigint FROM retired_keks WHERE kek_id ~ '^kek-[0-9]+$') k";
        let highest: i64 = sqlx::query_scalar(sql).fetch_one(self.pool()).await?;
        u32::try_from(highest).map_err(|_| Error::Keys(format!("the database knows a kek-{highest}")))
    }

    /// Wraps a key under the current key-encryption key, once that is known to be the right one.
    pub(crate) async fn wrap(&self, key: &DataKey, owner: &str) -> Result<WrappedKey, Error> {
        self.check_keks().await?;
        self.inner.keys.wrap(key, owner)
    }
}
