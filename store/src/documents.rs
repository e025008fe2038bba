//! Pictures of documents and faces: under the person's key, bound to person, case and kind, so that none can be passed
//! off as another. They are in no event, and gone with the person, or when their time is over.

use aggregates::{BlindIndex, CredentialId, KycCaseId, UserId, kyc::PictureKind};
use chrono::{DateTime, Utc};
use sqlx::Row;
use zeroize::Zeroizing;

use crate::{Error, Store};

/// A picture in the clear. Does not print; wiped when dropped.
pub struct Document {
    pub kind: PictureKind,
    /// `jpeg` or `png`.
    pub format: String,
    pub content: Zeroizing<Vec<u8>>,
}

/// Which picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DocumentKey {
    pub user_id: UserId,
    pub case_id: KycCaseId,
    pub document_id: CredentialId,
}

impl Store {
    /// The keyed hash by which an event names a picture's content.
    pub fn document_digest(&self, content: &[u8]) -> BlindIndex {
        let hash = self.inner.keys.keyed_hash("kyc-document", content);
        BlindIndex(hash.iter().map(|byte| format!("{byte:02x}")).collect())
    }

    /// Keeps a picture. Durable when this returns.
    pub async fn put_document(&self, key: DocumentKey, document: &Document) -> Result<(), Error> {
        let Document { kind, format, content } = document;
        let sealed = self.person_key(key.user_id).await?.seal(content, &bound(key, *kind));
        let query = sqlx::query(
            "INSERT INTO kyc_documents (document_id, user_id, case_id, kind, format, content)
             VALUES ($1, $2, $3, $4, $5, $6)",
        );
        let query = query.bind(key.document_id.0).bind(key.user_id.0).bind(key.case_id.0);
        self.write_as(key.user_id, query.bind(kind.as_str()).bind(format).bind(sealed)).await?;
        Ok(())
    }

    /// A picture, if it is there still.
    pub async fn document(&self, key: DocumentKey) -> Result<Option<Document>, Error> {
        let query =
            sqlx::query("SELECT kind, format, content FROM kyc_documents WHERE document_id = $1 AND case_id = $2");
        let query = query.bind(key.document_id.0).bind(key.case_id.0);
        let Some(row) = self.row_of(key.user_id, query).await? else { return Ok(None) };
        let kind = PictureKind::parse(row.try_get(0)?).ok_or(Error::Unsealable)?;
        let content = self.person_key(key.user_id).await?.open(row.try_get(2)?, &bound(key, kind))?;
        Ok(Some(Document { kind, format: row.try_get(1)?, content }))
    }

    /// Forgets a picture that another has replaced, or that came to nothing.
    pub async fn delete_document(&self, key: DocumentKey) -> Result<(), Error> {
        let query = sqlx::query("DELETE FROM kyc_documents WHERE document_id = $1").bind(key.document_id.0);
        self.write_as(key.user_id, query).await?;
        Ok(())
    }

    /// Forgets pictures of cases decided before `decided`, and of those begun before `begun` and never handed in; how
    /// many. For workers.
    pub async fn forget_documents(&self, decided: DateTime<Utc>, begun: DateTime<Utc>) -> Result<u64, Error> {
        let forgotten = sqlx::query(
            "DELETE FROM kyc_documents d
              WHERE EXISTS (SELECT FROM read.kyc_verifications k WHERE k.case_id = d.case_id AND k.decided_at < $1)
                 OR (d.created_at < $2
                     AND NOT EXISTS (SELECT FROM events e WHERE e.aggregate_id = d.user_id AND e.kind = 'kyc'
                                        AND e.name = 'submitted' AND e.data ->> 'case_id' = d.case_id::text))",
        )
        .bind(decided)
        .bind(begun)
        .execute(self.pool())
        .await?;
        Ok(forgotten.rows_affected())
    }
}

fn bound(key: DocumentKey, kind: PictureKind) -> String {
    let DocumentKey { user_id, case_id, document_id } = key;
    format!("person:{user_id}:kyc_document:{case_id}:{document_id}:{kind}")
}
