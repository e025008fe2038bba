//! Forms with files (`multipart/form-data`, RFC 7578): read into memory whole, up to a bound, and never to disk.

use poem::{Body, Request, RequestBody, http::StatusCode};
use poem_openapi::{
    ApiExtractor, ApiExtractorType, ExtractParamOptions,
    payload::{ParsePayload, Payload},
    registry::{MetaMediaType, MetaRequest, Registry},
};

use crate::{context::Context, json::read_up_to, problem::Problem};

/// What a form may have beside the file.
const AROUND: usize = 16 * 1024;

/// A form with a file of at most `flows.kyc.max_document_bytes`.
pub struct Upload<T>(pub T);

impl<'a, T: Payload + ParsePayload> ApiExtractor<'a> for Upload<T> {
    const TYPES: &'static [ApiExtractorType] = &[ApiExtractorType::RequestObject];
    type ParamType = ();
    type ParamRawType = ();

    fn register(registry: &mut Registry) {
        T::register(registry);
    }

    fn request_meta() -> Option<MetaRequest> {
        let content = vec![MetaMediaType { content_type: T::CONTENT_TYPE, schema: T::schema_ref() }];
        Some(MetaRequest { description: None, content, required: true })
    }

    async fn from_request(
        request: &'a Request,
        body: &mut RequestBody,
        _: ExtractParamOptions<()>,
    ) -> poem::Result<Self> {
        if !request.content_type().is_some_and(T::check_content_type) {
            let unsupported = StatusCode::UNSUPPORTED_MEDIA_TYPE;
            let problem = Problem::new(unsupported, "request.unsupported_media_type", "The body must be a form");
            return Err(problem.detail("Send the body as `multipart/form-data`.").into());
        }
        let context = Context::of(request);
        let longest = context.service.system.settings.kyc.max_document_bytes + AROUND;
        let bytes = read_up_to(body.take()?, &context, longest).await?;
        let form = T::from_request(request, &mut RequestBody::new(Body::from(bytes))).await;
        // poem's message may quote the form.
        Ok(Upload(form.map_err(|_| malformed())?))
    }
}

fn malformed() -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "request.malformed_form", "The form is not of the documented form")
        .detail("It has the documented fields, each once, and no others.")
}
