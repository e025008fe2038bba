use aggregates::{
    KycCaseId,
    kyc::{DocumentType, Verdict},
};
use async_trait::async_trait;
use chrono::NaiveDate;
use reqwest::{Client, Url};
use serde::{Deserialize, Serialize};

use super::{Applicant, Check, Verifier};
use crate::{
    Failure, SetupError, VendorConfig,
    config::BaseUrl,
    failure::{reference, stable_code},
    http::Line,
    metering::Meter,
    wiped::WipedBuffer,
};

const NAME: &str = "sandbox";
/// The most reasons that are taken over from a rejection; they go into an event.
const MOST_REASONS: usize = 16;

/// The sandbox's KYC provider: `POST /kyc/v1/checks`, `GET /kyc/v1/checks?case_id=…`.
pub struct Sandbox {
    line: Line,
    checks: Url,
    submit: Meter,
    look_up: Meter,
}

#[derive(Serialize)]
struct CheckRequest<'a> {
    case_id: KycCaseId,
    first_name: &'a str,
    last_name: &'a str,
    date_of_birth: NaiveDate,
    document_type: DocumentType,
    document_number: &'a str,
    country: &'a str,
}

#[derive(Deserialize)]
struct CheckAnswer<'a> {
    check_id: &'a str,
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
            submit: Meter::new(NAME, "kyc_submit"),
            look_up: Meter::new(NAME, "kyc_look_up"),
        })
    }
}

#[async_trait]
impl Verifier for Sandbox {
    fn name(&self) -> &'static str {
        NAME
    }

    async fn submit(&self, case: KycCaseId, applicant: &Applicant) -> Result<Check, Failure> {
        let body = WipedBuffer::json(&CheckRequest {
            case_id: case,
            first_name: &applicant.first_name,
            last_name: &applicant.last_name,
            date_of_birth: applicant.date_of_birth,
            document_type: applicant.document_type,
            document_number: &applicant.document_number,
            country: &applicant.country,
        });
        let call = async { check(self.line.post(self.checks.clone(), body, None).await?.json()?) };
        self.submit.measure(call).await
    }

    fn mentioned(&self, webhook: &[u8]) -> Option<String> {
        let notice: Notice = serde_json::from_slice(webhook).ok()?;
        Some(notice.data.case_id.to_string())
    }

    async fn look_up(&self, case: KycCaseId) -> Result<Option<Check>, Failure> {
        let mut url = self.checks.clone();
        url.set_query(Some(&format!("case_id={case}")));
        let call = async {
            let answer = self.line.get(url).await?;
            answer.json_if_present("no_such_check")?.map(check).transpose()
        };
        self.look_up.measure(call).await
    }
}

fn check(answer: CheckAnswer<'_>) -> Result<Check, Failure> {
    let verdict = match answer.status {
        Status::Pending => None,
        Status::Approved => Some(Verdict::Approved),
        Status::Review => Some(Verdict::Review),
        Status::Rejected => {
            let reasons = answer.reasons.iter().take(MOST_REASONS).map(|reason| stable_code(reason)).collect();
            Some(Verdict::Rejected { reasons })
        }
    };
    Ok(Check { provider_reference: reference(answer.check_id)?, verdict })
}
