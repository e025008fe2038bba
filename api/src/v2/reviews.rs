use aggregates::{CredentialId, KycCaseId};
use flows::identity;
use poem_openapi::{
    ApiResponse, OpenApi,
    param::{Path, Query},
    payload::Binary,
};
use uuid::Uuid;

use super::{
    Tag,
    review_types::{Decision, NewNote, Review, ReviewPage},
};
use crate::{
    auth::{Caller, rights::KycReview},
    json::Json,
    parameters::{Cursor, PageSize},
    problem::{Failure, refusals},
};

/// For operators: the cases that a provider leaves to people.
#[derive(Default)]
pub struct Reviews;

#[derive(ApiResponse)]
enum PageResponse {
    /// Cases that wait.
    #[oai(status = 200)]
    Page(Json<ReviewPage>),
}

#[derive(ApiResponse)]
enum ReviewResponse {
    /// The case.
    #[oai(status = 200)]
    Review(Json<Review>),
}

#[derive(ApiResponse)]
enum DoneResponse {
    /// It is so.
    #[oai(status = 204)]
    Done(#[oai(header = "X-Position")] i64),
}

#[derive(ApiResponse)]
enum PictureResponse {
    /// The picture.
    #[oai(status = 200, content_type = "image/jpeg")]
    Jpeg(Binary<Vec<u8>>, #[oai(header = "Content-Disposition")] String),
    /// The picture.
    #[oai(status = 200, content_type = "image/png")]
    Png(Binary<Vec<u8>>, #[oai(header = "Content-Disposition")] String),
}

refusals!(List, V2, [400, 401, 403, 429, 500, 503, 504]);
refusals!(Step, V2, [400, 401, 403, 404, 409, 429, 500, 503, 504]);
refusals!(Say, V2, [400, 401, 403, 404, 408, 409, 413, 415, 422, 429, 500, 503, 504]);

#[OpenApi(prefix_path = "/api/v2/kyc/reviews", tag = "Tag::Reviews")]
impl Reviews {
    /// Cases that wait for a decision
    ///
    /// The longest waiting first, without the caller's own.
    #[oai(path = "/", method = "get", operation_id = "listReviews")]
    async fn list(
        &self,
        caller: Caller<KycReview>,
        /// Only those that the caller has taken.
        mine: Query<Option<bool>>,
        limit: Query<Option<PageSize>>,
        cursor: Query<Option<Cursor>>,
    ) -> Result<PageResponse, Failure<List>> {
        let (system, PageSize(size)) = (&caller.service.system, limit.0.unwrap_or(PageSize::DEFAULT));
        let (after, mine) = (cursor.0.map(|Cursor(after)| after), mine.0.unwrap_or_default());
        let waiting = identity::work_list(system, caller.user_id, after, mine, size).await?;
        Ok(PageResponse::Page(Json(ReviewPage::of(waiting, size))))
    }

    /// A case
    ///
    /// With the applicant's personal data, as long as it waits for a decision. That it was looked at, and by whom, is
    /// recorded first. Nobody looks at their own.
    #[oai(path = "/:case_id", method = "get", operation_id = "getReview")]
    async fn get(&self, caller: Caller<KycReview>, case_id: Path<Uuid>) -> Result<ReviewResponse, Failure<Step>> {
        let (system, case) = (&caller.service.system, KycCaseId(case_id.0));
        let written = identity::review(system, caller.user_id, case, &caller.origin()).await?;
        let (review, _) = caller.wrote(written);
        Ok(ReviewResponse::Review(Json(review.into())))
    }

    /// Take a case
    ///
    /// From whoever has it. Nobody takes their own.
    #[oai(path = "/:case_id/assign", method = "post", operation_id = "assignReview")]
    async fn assign(&self, caller: Caller<KycReview>, case_id: Path<Uuid>) -> Result<DoneResponse, Failure<Step>> {
        let (system, case) = (&caller.service.system, KycCaseId(case_id.0));
        let written = identity::assign(system, caller.user_id, case, &caller.origin()).await?;
        let ((), position) = caller.wrote(written);
        Ok(DoneResponse::Done(position))
    }

    /// Note something down
    ///
    /// For other operators. The applicant does not get to read it; it is gone with them.
    #[oai(path = "/:case_id/notes", method = "post", operation_id = "noteReview")]
    async fn note(
        &self,
        caller: Caller<KycReview>,
        case_id: Path<Uuid>,
        body: Json<NewNote>,
    ) -> Result<DoneResponse, Failure<Say>> {
        let (system, case) = (&caller.service.system, KycCaseId(case_id.0));
        let written = identity::note(system, caller.user_id, case, &body.0.text, &caller.origin()).await?;
        let ((), position) = caller.wrote(written);
        Ok(DoneResponse::Done(position))
    }

    /// Decide a case
    ///
    /// Or a watch list's hit, whatever has become of the case: cleared, an earlier approval counts again. Rejected, it is
    /// over. Where the settings ask for two operators, the first one's decision waits for a second one who agrees; a contrary
    /// one takes its place. Nobody decides their own case.
    #[oai(path = "/:case_id/decision", method = "post", operation_id = "decideReview")]
    async fn decide(
        &self,
        caller: Caller<KycReview>,
        case_id: Path<Uuid>,
        body: Json<Decision>,
    ) -> Result<DoneResponse, Failure<Say>> {
        let (system, case) = (&caller.service.system, KycCaseId(case_id.0));
        let written = identity::decide(system, caller.user_id, case, body.0.into(), &caller.origin()).await?;
        let ((), position) = caller.wrote(written);
        Ok(DoneResponse::Done(position))
    }

    /// A picture of a case
    ///
    /// That it was looked at, and by whom, is recorded first.
    #[oai(path = "/:case_id/documents/:document_id", method = "get", operation_id = "viewReviewDocument")]
    async fn document(
        &self,
        caller: Caller<KycReview>,
        case_id: Path<Uuid>,
        document_id: Path<Uuid>,
    ) -> Result<PictureResponse, Failure<Step>> {
        let (system, case) = (&caller.service.system, KycCaseId(case_id.0));
        let document = CredentialId(document_id.0);
        let shown = identity::view_document(system, caller.user_id, case, document, &caller.origin()).await?;
        let (format, mut content) = shown;
        let (content, name) =
            (Binary(std::mem::take(&mut *content)), format!("attachment; filename=\"{document}.{format}\""));
        Ok(match format.as_str() {
            "png" => PictureResponse::Png(content, name),
            _ => PictureResponse::Jpeg(content, name),
        })
    }
}
