//! The pictures of a case.

use aggregates::{Actor, CredentialId, KycCaseId, UserId, kyc};
use store::documents::{Document, DocumentKey};
use zeroize::Zeroizing;

use super::{change, draft_of, picture};
use crate::{Error, Origin, System, Written};

/// Adds a picture to the draft, in place of one of the same kind. It is written anew, sealed and kept; the event says
/// that it is there.
pub async fn add_document(
    system: &System,
    user_id: UserId,
    case_id: KycCaseId,
    kind: kyc::PictureKind,
    uploaded: Zeroizing<Vec<u8>>,
    origin: &Origin,
) -> Result<Written<kyc::Picture>, Error> {
    let store = &system.store;
    // Before anything is made of the upload.
    let identity = store.load_latest::<kyc::Kyc>(user_id).await?;
    let of_kind = |picture: &&kyc::Picture| picture.kind == kind;
    let (draft, most_changes) = (draft_of(&identity, case_id)?, system.settings.kyc.draft_changes);
    let replaced = draft.pictures.iter().find(of_kind).cloned();
    let picture::Clean { format, content } = picture::clean(system, uploaded).await?;
    let digest = store.document_digest(&content);
    let mut key = DocumentKey { user_id, case_id, document_id: CredentialId(store::new_id()) };
    // The same picture again, whose time was over: it is put back under its name.
    if let Some(same) = replaced.as_ref().filter(|old| old.digest == digest) {
        let lost = DocumentKey { document_id: same.document_id, ..key };
        if store.document(lost).await?.is_none() {
            key = lost;
        }
    }
    let picture = kyc::Picture {
        document_id: key.document_id,
        kind,
        digest,
        bytes: u32::try_from(content.len()).map_err(|e| Error::Internal(Box::new(e)))?,
        at: crate::now(),
    };
    let command = kyc::Command::AddPicture { case_id, picture, most_changes };
    // What would be refused is not kept, not even for a moment.
    identity.decide(command.clone())?;
    store.put_document(key, &Document { kind, format: format.extension().to_owned(), content }).await?;
    let added = change(system, user_id, &command, Actor::Person(user_id), origin).await;
    let written = match added {
        // Whether the event is in the log is not known; a picture too many goes when drafts do.
        Err(error @ Error::Unavailable { .. }) => return Err(error),
        Err(error) => {
            store.delete_document(key).await?;
            return Err(error);
        }
        Ok(written) => written,
    };
    let draft = written.value.draft().ok_or(kyc::Error::NoSuchCase)?;
    let picture = draft.pictures.iter().find(of_kind).cloned().ok_or(kyc::Error::NoSuchDocument)?;
    // What nobody speaks of any more: the earlier one, or this one if it was there already.
    let superfluous = if picture.document_id == key.document_id {
        replaced.map(|old| old.document_id).filter(|old| *old != key.document_id)
    } else {
        Some(key.document_id)
    };
    if let Some(document_id) = superfluous {
        store.delete_document(DocumentKey { document_id, ..key }).await?;
    }
    let position = if written.position == 0 { store.head().await? } else { written.position };
    Ok(Written { value: picture, position })
}
