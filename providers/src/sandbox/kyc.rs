//! The provider of identity verification.

use std::{
    borrow::Cow,
    collections::{HashMap, hash_map::Entry as Slot},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use poem::{Request, Response};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use uuid::Uuid;

use super::{
    SandboxConfig,
    answers::{Problem, authorise, body, id_in_query, json},
};

pub(super) struct Kyc {
    key: SecretString,
    slow_check: Duration,
    max_checks: usize,
    checks: Mutex<HashMap<Uuid, Check>>,
}

/// Holds nothing of the person.
#[derive(Clone, Copy)]
struct Check {
    scenario: Scenario,
    submitted: Instant,
}

/// What a document number asks for.
#[derive(Clone, Copy)]
enum Scenario {
    Approve,
    Reject,
    Review,
    ApproveLate,
}

impl Kyc {
    pub fn new(config: &SandboxConfig) -> Kyc {
        Kyc {
            key: config.kyc_key.clone(),
            slow_check: Duration::from_millis(config.slow_check_ms),
            max_checks: config.max_records,
            checks: Mutex::default(),
        }
    }

    fn checks(&self) -> MutexGuard<'_, HashMap<Uuid, Check>> {
        self.checks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, case: Uuid, check: Check) -> Response {
        let (status, reasons): (_, &'static [_]) = match check.scenario {
            Scenario::Approve => ("approved", &[]),
            Scenario::Reject => ("rejected", &["document_unreadable"]),
            Scenario::Review => ("review", &[]),
            Scenario::ApproveLate if check.submitted.elapsed() < self.slow_check => ("pending", &[]),
            Scenario::ApproveLate => ("approved", &[]),
        };
        json(&CheckAnswer { check_id: format!("check_{case}"), status, reasons })
    }
}

/// The person's data is sent too, but the sandbox looks at the document number only.
#[derive(Deserialize)]
struct CheckRequest<'a> {
    case_id: Uuid,
    #[serde(borrow)]
    document_number: Cow<'a, str>,
}

#[derive(Serialize)]
struct CheckAnswer {
    check_id: String,
    status: &'static str,
    reasons: &'static [&'static str],
}

/// `POST /kyc/v1/checks`
pub(super) async fn submit(kyc: Arc<Kyc>, mut request: Request) -> Result<Response, Problem> {
    authorise(&request, &kyc.key)?;
    let body = body(&mut request).await?;
    let request: CheckRequest<'_> = serde_json::from_slice(&body).map_err(|_| Problem::INVALID_REQUEST)?;
    let scenario = match &request.document_number {
        number if number.starts_with("DOWN") => return Err(Problem::DOWN),
        number if number.starts_with("REJECT") => Scenario::Reject,
        number if number.starts_with("REVIEW") => Scenario::Review,
        number if number.starts_with("SLOW") => Scenario::ApproveLate,
        _ => Scenario::Approve,
    };
    let check = {
        let mut checks = kyc.checks();
        let kept = checks.len();
        match checks.entry(request.case_id) {
            Slot::Occupied(slot) => *slot.get(),
            Slot::Vacant(_) if kept >= kyc.max_checks => return Err(Problem::FULL),
            Slot::Vacant(slot) => *slot.insert(Check { scenario, submitted: Instant::now() }),
        }
    };
    Ok(kyc.answer(request.case_id, check))
}

/// `GET /kyc/v1/checks?case_id=…`
pub(super) async fn look_up(kyc: Arc<Kyc>, request: Request) -> Result<Response, Problem> {
    authorise(&request, &kyc.key)?;
    let case = id_in_query(&request, "case_id")?;
    let check = kyc.checks().get(&case).copied().ok_or(Problem::NO_SUCH_CHECK)?;
    Ok(kyc.answer(case, check))
}
