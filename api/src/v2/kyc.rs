use aggregates::{KycCaseId, kyc as domain};
use flows::identity;
use poem_openapi::{ApiResponse, Multipart, OpenApi, param::Path, types::Binary};
use uuid::Uuid;

use super::{
    Tag,
    kyc_types::{Address, Details, Document, DocumentList, NewCase, PictureKind, Verification},
};
use crate::{
    auth::{
        Caller,
        rights::{KycRead, KycWrite},
    },
    json::Json,
    problem::{Failure, refusals},
    upload::Upload,
};

#[derive(Default)]
pub struct Kyc;

/// A picture and what it shows.
#[derive(Multipart)]
#[oai(deny_unknown_fields)]
struct NewDocument {
    /// `front` or `back` of the document, or `selfie`.
    kind: PictureKind,
    /// A JPEG or PNG picture; what it is is told from its content. It is written anew: nothing but the picture is kept.
    file: Binary<Vec<u8>>,
}

#[derive(ApiResponse)]
enum VerificationResponse {
    /// Where the caller stands.
    #[oai(status = 200)]
    Verification(Json<Verification>),
}

#[derive(ApiResponse)]
enum OpenedResponse {
    /// The case was begun.
    #[oai(status = 201)]
    Opened(Json<Verification>, #[oai(header = "X-Position")] i64),
}

#[derive(ApiResponse)]
enum ChangedResponse {
    /// The case as it is now.
    #[oai(status = 200)]
    Changed(Json<Verification>, #[oai(header = "X-Position")] i64),
}

#[derive(ApiResponse)]
enum AddedResponse {
    /// The picture is kept, in place of one of the same kind.
    #[oai(status = 201)]
    Added(Json<Document>, #[oai(header = "X-Position")] i64),
}

#[derive(ApiResponse)]
enum DocumentsResponse {
    /// The pictures of the case.
    #[oai(status = 200)]
    Documents(Json<DocumentList>),
}

refusals!(Read, V2, [401, 403, 404, 429, 500, 503, 504]);
refusals!(ReadCase, V2, [400, 401, 403, 404, 429, 500, 503, 504]);
refusals!(Open, V2, [400, 401, 403, 404, 408, 409, 413, 415, 422, 429, 500, 503, 504]);
refusals!(Put, V2, [400, 401, 403, 404, 408, 409, 413, 415, 422, 429, 500, 503, 504]);
refusals!(Submit, V2, [400, 401, 403, 404, 409, 422, 429, 500, 503, 504]);

#[OpenApi(prefix_path = "/api/v2/kyc", tag = "Tag::Verification")]
impl Kyc {
    /// Where one stands
    ///
    /// What one is verified for and until when, the case being put together, and the latest one handed in.
    #[oai(path = "/", method = "get", operation_id = "getVerification")]
    async fn get(&self, caller: Caller<KycRead>) -> Result<VerificationResponse, Failure<Read>> {
        let identity = identity::own(&caller.service.system, caller.user_id).await?;
        Ok(VerificationResponse::Verification(Json(Verification::of(&identity))))
    }

    /// Begin a case
    ///
    /// One at a time. Level `basic` takes details alone; `full` takes an address, pictures of the document and a selfie.
    /// Drafts are changed 100 times a day at most, unless the operator has set another bound; a draft begun in place of
    /// another is such a change.
    #[oai(path = "/cases", method = "post", operation_id = "openKycCase")]
    async fn open(&self, caller: Caller<KycWrite>, body: Json<NewCase>) -> Result<OpenedResponse, Failure<Open>> {
        let (system, level) = (&caller.service.system, body.0.level.into());
        let written = identity::open_draft(system, caller.user_id, level, &caller.origin()).await?;
        let (identity, position) = caller.wrote(written);
        Ok(OpenedResponse::Opened(Json(Verification::of(&identity)), position))
    }

    /// Say who one is
    ///
    /// The names are those of the account. Replaces what was said before.
    #[oai(path = "/cases/:case_id/details", method = "put", operation_id = "putKycDetails")]
    async fn put_details(
        &self,
        caller: Caller<KycWrite>,
        case_id: Path<Uuid>,
        body: Json<Details>,
    ) -> Result<ChangedResponse, Failure<Put>> {
        let (system, origin, case) = (&caller.service.system, caller.origin(), KycCaseId(case_id.0));
        let written = identity::give_details(system, caller.user_id, case, body.0.into(), &origin).await?;
        let (identity, position) = caller.wrote(written);
        Ok(ChangedResponse::Changed(Json(Verification::of(&identity)), position))
    }

    /// Say where one lives
    ///
    /// For a draft of the level `full`; takes the place of an address that was given before.
    #[oai(path = "/cases/:case_id/address", method = "put", operation_id = "putKycAddress")]
    async fn put_address(
        &self,
        caller: Caller<KycWrite>,
        case_id: Path<Uuid>,
        body: Json<Address>,
    ) -> Result<ChangedResponse, Failure<Put>> {
        let (system, origin, case) = (&caller.service.system, caller.origin(), KycCaseId(case_id.0));
        let written = identity::give_address(system, caller.user_id, case, body.0.into(), &origin).await?;
        let (identity, position) = caller.wrote(written);
        Ok(ChangedResponse::Changed(Json(Verification::of(&identity)), position))
    }

    /// Add a picture
    ///
    /// JPEG or PNG, 8 MiB and 25 million pixels at most unless the operator has set other bounds.
    #[oai(path = "/cases/:case_id/documents", method = "post", operation_id = "addKycDocument")]
    async fn add_document(
        &self,
        caller: Caller<KycWrite>,
        case_id: Path<Uuid>,
        form: Upload<NewDocument>,
    ) -> Result<AddedResponse, Failure<Put>> {
        // The place stays taken until the picture is done with.
        let Upload { form: NewDocument { kind, file }, .. } = form;
        let (system, origin, case) = (&caller.service.system, caller.origin(), KycCaseId(case_id.0));
        let file = zeroize::Zeroizing::new(file.0);
        let written = identity::add_document(system, caller.user_id, case, kind.into(), file, &origin).await?;
        let (picture, position) = caller.wrote(written);
        Ok(AddedResponse::Added(Json(Document::of(&picture)), position))
    }

    /// The pictures of a case
    ///
    /// That they are there, not what they show: pictures are not given back.
    #[oai(path = "/cases/:case_id/documents", method = "get", operation_id = "listKycDocuments")]
    async fn documents(
        &self,
        caller: Caller<KycRead>,
        case_id: Path<Uuid>,
    ) -> Result<DocumentsResponse, Failure<ReadCase>> {
        let identity = identity::own(&caller.service.system, caller.user_id).await?;
        let case = KycCaseId(case_id.0);
        let draft = identity.draft().filter(|draft| draft.case_id == case).map(|draft| &draft.pictures);
        let pictures = draft.or(identity.case().filter(|known| known.case_id == case).map(|case| &case.pictures));
        let pictures = pictures.ok_or(flows::Error::Kyc(domain::Error::NoSuchCase))?;
        let documents = pictures.iter().map(Document::of).collect();
        Ok(DocumentsResponse::Documents(Json(DocumentList { documents })))
    }

    /// Hand a case in
    ///
    /// The verdict may be in the answer, or follow.
    #[oai(path = "/cases/:case_id/submit", method = "post", operation_id = "submitKycCase")]
    async fn submit(&self, caller: Caller<KycWrite>, case_id: Path<Uuid>) -> Result<ChangedResponse, Failure<Submit>> {
        let (system, origin, case) = (&caller.service.system, caller.origin(), KycCaseId(case_id.0));
        let written = identity::submit_draft(system, caller.user_id, case, &origin).await?;
        let (identity, position) = caller.wrote(written);
        Ok(ChangedResponse::Changed(Json(Verification::of(&identity)), position))
    }
}
