use aggregates::{UserId, kyc};
use chrono::NaiveDate;
use flows::identity::{self, KycView, Submission};
use poem_openapi::{ApiResponse, Enum, Object, OpenApi, param::Path, registry::MetaSchema, types::Example};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Tag, users::KycStatus};
use crate::{
    auth::{
        Caller,
        rights::{KycRead, KycWrite, UsersRead},
    },
    json::Json,
    problem::{Failure, refusals},
    schema::{described, read_by_serde},
};

#[derive(Default)]
pub struct Kyc;

#[derive(Object, Deserialize)]
#[oai(example)]
struct SubmitRequest {
    document_type: DocumentType,
    #[oai(validator(pattern = "^[A-Za-z0-9-]{4,64}$"))]
    document_number: String,
    date_of_birth: Day,
    /// ISO 3166-1 alpha-2 code of the country that issued the document.
    #[oai(validator(pattern = "^[A-Z]{2}$"))]
    country: String,
}

/// A calendar day as ISO 8601 writes it.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Day(NaiveDate);

described!(
    Day,
    MetaSchema { description: Some("A calendar day, `YYYY-MM-DD`."), ..MetaSchema::new_with_format("string", "date") }
);
read_by_serde!(Day);

#[derive(Clone, Copy, Enum, Deserialize)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case")]
enum DocumentType {
    Passport,
    NationalId,
    DrivingLicence,
    ResidencePermit,
}

/// How far verification has come.
#[derive(Object, Serialize)]
#[oai(rename = "KycVerification", skip_serializing_if_is_none, example)]
pub(super) struct Verification {
    success: bool,
    kyc_status: KycStatus,
    /// The day of the verdict.
    #[serde(skip_serializing_if = "Option::is_none")]
    verified_date: Option<Day>,
    #[serde(skip_serializing_if = "Option::is_none")]
    verification_provider: Option<String>,
    /// Why it was rejected, as stable codes.
    #[serde(skip_serializing_if = "Option::is_none")]
    rejection_reasons: Option<Vec<String>>,
}

#[derive(ApiResponse)]
enum SubmitResponse {
    /// The verdict is there already.
    #[oai(status = 200)]
    Decided(Json<Verification>, #[oai(header = "X-Position")] i64),
    /// Accepted; the verdict will follow.
    #[oai(status = 202)]
    Accepted(Json<Verification>, #[oai(header = "X-Position")] i64),
}

#[derive(ApiResponse)]
enum StatusResponse {
    /// How far verification has come.
    #[oai(status = 200)]
    Status(Json<Verification>),
}

refusals!(Submit, V1, [400, 401, 403, 404, 408, 409, 413, 415, 422, 429, 500, 502, 503, 504]);
refusals!(GetStatus, V1, [401, 403, 404, 429, 500, 503, 504]);
refusals!(GetStatusOf, V1, [400, 401, 403, 404, 429, 500, 503, 504]);

#[OpenApi(prefix_path = "/api/v1/kyc", tag = "Tag::Kyc")]
impl Kyc {
    /// Submit identity documents
    ///
    /// Opens a verification case. Allowed at first and again after a rejection.
    #[oai(path = "/submit", method = "post", operation_id = "submitKyc")]
    async fn submit(
        &self,
        caller: Caller<KycWrite>,
        body: Json<SubmitRequest>,
    ) -> Result<SubmitResponse, Failure<Submit>> {
        let submission = body.0.into();
        let written = identity::submit(&caller.service.system, caller.user_id, submission, &caller.origin()).await?;
        let (view, position) = caller.wrote(written);
        let decided = view.status.is_final();
        let verification = Json(view.into());
        Ok(match decided {
            true => SubmitResponse::Decided(verification, position),
            false => SubmitResponse::Accepted(verification, position),
        })
    }

    /// How far is verification
    ///
    /// The state of the caller's latest case.
    #[oai(path = "/status", method = "get", operation_id = "getKycStatus")]
    async fn status(&self, caller: Caller<KycRead>) -> Result<StatusResponse, Failure<GetStatus>> {
        let view = identity::status(&caller.service.system, caller.user_id).await?;
        Ok(StatusResponse::Status(Json(view.into())))
    }

    /// How far is somebody's verification
    ///
    /// For services and for those who look after people's accounts.
    #[oai(path = "/status/:user_id", method = "get", operation_id = "getKycStatusOf", tag = "Tag::Services")]
    async fn status_of(
        &self,
        caller: Caller<UsersRead>,
        user_id: Path<Uuid>,
    ) -> Result<StatusResponse, Failure<GetStatusOf>> {
        let view = identity::status_of(&caller.service.system, UserId(user_id.0)).await?;
        Ok(StatusResponse::Status(Json(view.into())))
    }
}

impl From<SubmitRequest> for Submission {
    fn from(request: SubmitRequest) -> Submission {
        let SubmitRequest { document_type, document_number, date_of_birth, country } = request;
        let document_type = match document_type {
            DocumentType::Passport => kyc::DocumentType::Passport,
            DocumentType::NationalId => kyc::DocumentType::NationalId,
            DocumentType::DrivingLicence => kyc::DocumentType::DrivingLicence,
            DocumentType::ResidencePermit => kyc::DocumentType::ResidencePermit,
        };
        Submission { document_type, document_number, date_of_birth: date_of_birth.0, country }
    }
}

impl From<KycView> for Verification {
    fn from(view: KycView) -> Verification {
        Verification {
            success: true,
            kyc_status: view.status.into(),
            verified_date: view.decided_at.map(|at| Day(at.date_naive())),
            verification_provider: view.provider,
            rejection_reasons: (!view.reasons.is_empty()).then_some(view.reasons),
        }
    }
}

impl Example for SubmitRequest {
    fn example() -> SubmitRequest {
        SubmitRequest {
            document_type: DocumentType::Passport,
            document_number: "C01X00T47".into(),
            date_of_birth: Day(NaiveDate::from_ymd_opt(1990, 4, 12).unwrap_or_default()),
            country: "US".into(),
        }
    }
}

impl Example for Verification {
    fn example() -> Verification {
        Verification {
            success: true,
            kyc_status: KycStatus::Approved,
            verified_date: NaiveDate::from_ymd_opt(2025, 10, 15).map(Day),
            verification_provider: Some("onfido".into()),
            rejection_reasons: None,
        }
    }
}
