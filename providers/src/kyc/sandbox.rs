use aggregates::{
    KycCaseId,
    kyc::{DocumentType, Level, Verdict},
};
use async_trait::async_trait;
use chrono::NaiveDate;
use reqwest::{Client, Url, header::HeaderValue};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{Applicant, Check, Known, MOST_REASONS, Mention, Mismatch, Picture, Verifier};
use crate::{
    Failure, SetupError, VendorConfig,
    config::BaseUrl,
    failure::{reference, stable_code},
    http::{self, Line},
    metering::Meter,
    wiped::WipedBuffer,
};

const NAME: &str = "sandbox";

/// What it calls a case that it does not know.
const MISSING: &str = "no_such_check";

/// The sandbox's KYC provider: `POST /kyc/v1/documents`, `POST /kyc/v1/checks`, and `GET` and `DELETE
/// /kyc/v1/checks?case_id=…`. It knows applicants by our name for the case.
pub struct Sandbox {
    line: Line,
    checks: Url,
    documents: Url,
    upload: Meter,
    submit: Meter,
    look_up: Meter,
    forget: Meter,
}

#[derive(Serialize)]
struct CheckRequest<'a> {
    case_id: KycCaseId,
    first_name: &'a str,
    last_name: &'a str,
    date_of_birth: NaiveDate,
    level: Level,
    document_type: DocumentType,
    document_number: &'a str,
    country: &'a str,
}

#[derive(Deserialize)]
struct CheckAnswer<'a> {
    check_id: &'a str,
    case_id: Option<Uuid>,
    status: Status,
    #[serde(default, borrow)]
    reasons: Vec<&'a str>,
}

/// What its webhooks say.
#[derive(Deserialize)]
struct Notice {
    data: Mentioned,
}

#[derive(Deserialize)]
struct Mentioned {
    case_id: KycCaseId,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Status {
    Pending,
    Approved,
    Rejected,
    Review,
}

impl Sandbox {
    pub(crate) fn new(client: &Client, base: &BaseUrl, config: &VendorConfig) -> Result<Sandbox, SetupError> {
        Ok(Sandbox {
            line: Line::new(client, config)?,
            checks: base.join("/kyc/v1/checks"),
            documents: base.join("/kyc/v1/documents"),
            upload: Meter::new(NAME, "kyc_upload"),
            submit: Meter::new(NAME, "kyc_submit"),
            look_up: Meter::new(NAME, "kyc_look_up"),
            forget: Meter::new(NAME, "kyc_forget"),
        })
    }
}

#[async_trait]
impl Verifier for Sandbox {
    fn name(&self) -> &'static str {
        NAME
    }

    fn is_idempotent(&self) -> bool {
        true
    }

    async fn register(&self, case: KycCaseId, _: &Applicant) -> Result<Option<String>, Failure> {
        Ok(Some(case.to_string()))
    }

    async fn upload(&self, case: KycCaseId, _: Option<&str>, picture: &Picture) -> Result<(), Failure> {
        let mut url = self.documents.clone();
        url.set_query(Some(&format!("case_id={case}&kind={}", picture.kind)));
        let mut body = WipedBuffer::with_capacity(picture.content.len());
        body.extend(&picture.content);
        let content_type = HeaderValue::from_static(picture.format.media_type());
        let call = async {
            let answer = self.line.post_as(url, content_type, body, None).await?;
            answer.json::<serde::de::IgnoredAny>().map(drop)
        };
        self.upload.measure(call).await
    }

    async fn submit(&self, case: KycCaseId, _: Option<&str>, applicant: &Applicant) -> Result<Check, Failure> {
        let body = WipedBuffer::json(&CheckRequest {
            case_id: case,
            first_name: &applicant.first_name,
            last_name: &applicant.last_name,
            date_of_birth: applicant.date_of_birth,
            level: applicant.level,
            document_type: applicant.document_type,
            document_number: &applicant.document_number,
            country: &applicant.country,
        });
        let call = async { check(self.line.post(self.checks.clone(), body, None).await?.json()?, case) };
        self.submit.measure(call).await
    }

    async fn forget(&self, applicant: &str) -> Result<(), Failure> {
        let mut url = self.checks.clone();
        url.set_query(Some(&format!("case_id={applicant}")));
        self.forget.measure(async { self.line.delete(url).await?.deleted(http::code, MISSING) }).await
    }

    fn mentioned(&self, webhook: &[u8]) -> Mention {
        let notice: Option<Notice> = serde_json::from_slice(webhook).ok();
        Mention { case: notice.map(|notice| notice.data.case_id), ..Mention::default() }
    }

    async fn look_up(&self, known: &Known<'_>) -> Result<Option<Check>, Failure> {
        let mut url = self.checks.clone();
        url.set_query(Some(&format!("case_id={}", known.case)));
        let call = async {
            let answer = self.line.get(url).await?;
            answer.json_if_present(MISSING)?.map(|answer| check(answer, known.case)).transpose()
        };
        self.look_up.measure(call).await
    }
}

fn check(answer: CheckAnswer<'_>, case: KycCaseId) -> Result<Check, Failure> {
    let reasons = || answer.reasons.iter().take(MOST_REASONS).map(|reason| stable_code(reason)).collect();
    let provider_reference = reference(answer.check_id)?;
    if answer.case_id != Some(case.0) {
        let mismatch = answer.case_id.map_or(Mismatch::Incomplete, |_| Mismatch::Case);
        return Ok(Check { provider_reference, verdict: Some(mismatch.into()) });
    }
    let verdict = match answer.status {
        Status::Pending => None,
        Status::Approved => Some(Verdict::Approved),
        Status::Review => Some(Verdict::Review { reasons: reasons() }),
        Status::Rejected => Some(Verdict::Rejected { reasons: reasons() }),
    };
    Ok(Check { provider_reference, verdict })
}
