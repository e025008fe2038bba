//! The provider of identity verification.

use std::{
    borrow::Cow,
    collections::{HashMap, HashSet, hash_map::Entry as Slot},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use aggregates::kyc::{Level, PictureKind};
use poem::{Request, Response, http::StatusCode};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;
use uuid::Uuid;

use super::{
    SandboxConfig,
    answers::{Problem, authorise, body, body_up_to, id_in_query, json},
    notices::Notices,
};

/// Bytes of a picture; a longer one is answered with 413.
const LONGEST_PICTURE: usize = 32 * 1024 * 1024;

pub(super) struct Kyc {
    key: SecretString,
    slow_check: Duration,
    max_checks: usize,
    checks: Mutex<HashMap<Uuid, Check>>,
    /// What was uploaded for each case; of the pictures only that they were there.
    uploads: Mutex<HashMap<Uuid, HashSet<PictureKind>>>,
    notices: Option<Notices>,
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
    WatchList,
    ApproveLate,
    /// Never decided.
    Silent,
    /// Approved, but in the answer about another case.
    OtherCase,
    /// What the level demands was not uploaded.
    Incomplete,
}

impl Kyc {
    pub fn new(config: &SandboxConfig) -> Kyc {
        Kyc {
            key: config.kyc_key.clone(),
            slow_check: Duration::from_millis(config.slow_check_ms),
            max_checks: config.max_records,
            checks: Mutex::default(),
            uploads: Mutex::default(),
            notices: Notices::new(&config.webhooks_url, &config.kyc_webhook_secret),
        }
    }

    fn checks(&self) -> MutexGuard<'_, HashMap<Uuid, Check>> {
        self.checks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What no check of level `full` does without.
    fn is_complete(&self, case: Uuid) -> bool {
        let uploads = self.uploads.lock().unwrap_or_else(PoisonError::into_inner);
        let needed = [PictureKind::Front, PictureKind::Selfie];
        uploads.get(&case).is_some_and(|kinds| needed.iter().all(|kind| kinds.contains(kind)))
    }

    /// Tells of a check that is not answered at once when it is done.
    fn tell(&self, case: Uuid, scenario: Scenario) {
        if let (Some(notices), Scenario::ApproveLate) = (&self.notices, scenario) {
            notices.send_after("check.completed", self.slow_check, case);
        }
    }

    fn answer(&self, case: Uuid, check: Check) -> Response {
        let (status, reasons): (_, &'static [_]) = match check.scenario {
            Scenario::Approve => ("approved", &[]),
            Scenario::Reject => ("rejected", &["document_unreadable"]),
            Scenario::Review => ("review", &[]),
            Scenario::WatchList => ("review", &["watchlist_hit"]),
            Scenario::Incomplete => ("rejected", &["document_missing"]),
            Scenario::ApproveLate if check.submitted.elapsed() < self.slow_check => ("pending", &[]),
            Scenario::ApproveLate | Scenario::OtherCase => ("approved", &[]),
            Scenario::Silent => ("pending", &[]),
        };
        let about = if matches!(check.scenario, Scenario::OtherCase) { Uuid::nil() } else { case };
        json(&CheckAnswer { check_id: format!("check_{case}"), case_id: about, status, reasons })
    }
}

/// The person's data is sent too, but the sandbox looks at the document number only.
#[derive(Deserialize)]
struct CheckRequest<'a> {
    case_id: Uuid,
    #[serde(default = "basic")]
    level: Level,
    #[serde(borrow)]
    document_number: Cow<'a, str>,
}

#[derive(Deserialize)]
struct Upload {
    case_id: Uuid,
    kind: PictureKind,
}

#[derive(Serialize)]
struct Uploaded {
    kind: PictureKind,
}

fn basic() -> Level {
    Level::Basic
}

#[derive(Serialize)]
struct CheckAnswer {
    check_id: String,
    case_id: Uuid,
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
        number if number.starts_with("WATCH") => Scenario::WatchList,
        _ if request.level == Level::Full && !kyc.is_complete(request.case_id) => Scenario::Incomplete,
        number if number.starts_with("SLOW") => Scenario::ApproveLate,
        number if number.starts_with("NEVER") => Scenario::Silent,
        number if number.starts_with("OTHER") => Scenario::OtherCase,
        _ => Scenario::Approve,
    };
    let check = {
        let mut checks = kyc.checks();
        let kept = checks.len();
        match checks.entry(request.case_id) {
            Slot::Occupied(slot) => *slot.get(),
            Slot::Vacant(_) if kept >= kyc.max_checks => return Err(Problem::FULL),
            Slot::Vacant(slot) => {
                kyc.tell(request.case_id, scenario);
                *slot.insert(Check { scenario, submitted: Instant::now() })
            }
        }
    };
    Ok(kyc.answer(request.case_id, check))
}

/// `POST /kyc/v1/documents?case_id=…&kind=…`, the picture as body.
pub(super) async fn upload(kyc: Arc<Kyc>, mut request: Request) -> Result<Response, Problem> {
    authorise(&request, &kyc.key)?;
    let Upload { case_id, kind } = request.params().map_err(|_| Problem::INVALID_REQUEST)?;
    let picture = body_up_to(&mut request, LONGEST_PICTURE).await?;
    if !picture.starts_with(b"\xff\xd8\xff") && !picture.starts_with(b"\x89PNG") {
        return Err(Problem::INVALID_REQUEST);
    }
    let mut uploads = kyc.uploads.lock().unwrap_or_else(PoisonError::into_inner);
    if uploads.len() >= kyc.max_checks && !uploads.contains_key(&case_id) {
        return Err(Problem::FULL);
    }
    uploads.entry(case_id).or_default().insert(kind);
    Ok(json(&Uploaded { kind }))
}

/// `GET /kyc/v1/checks?case_id=…`
pub(super) async fn look_up(kyc: Arc<Kyc>, request: Request) -> Result<Response, Problem> {
    authorise(&request, &kyc.key)?;
    let case = id_in_query(&request, "case_id")?;
    let check = kyc.checks().get(&case).copied().ok_or(Problem::NO_SUCH_CHECK)?;
    Ok(kyc.answer(case, check))
}

/// `DELETE /kyc/v1/checks?case_id=…`: forgets the applicant, with what was uploaded.
pub(super) async fn forget(kyc: Arc<Kyc>, request: Request) -> Result<Response, Problem> {
    authorise(&request, &kyc.key)?;
    let case = id_in_query(&request, "case_id")?;
    let uploads = kyc.uploads.lock().unwrap_or_else(PoisonError::into_inner).remove(&case);
    let check = kyc.checks().remove(&case);
    let is_known = uploads.is_some() || check.is_some();
    if is_known { Ok(StatusCode::NO_CONTENT.into()) } else { Err(Problem::NO_SUCH_CHECK) }
}

/// `POST /sandbox/kyc/hits?case_id=…`: from now on a watch list names the applicant, which is told of by webhook.
pub(super) async fn hit(kyc: Arc<Kyc>, request: Request) -> Result<Response, Problem> {
    let case = id_in_query(&request, "case_id")?;
    let known = kyc.checks().get_mut(&case).map(|check| check.scenario = Scenario::WatchList);
    known.ok_or(Problem::NO_SUCH_CHECK)?;
    if let Some(notices) = &kyc.notices {
        notices.send_after("check.updated", Duration::ZERO, case);
    }
    Ok(StatusCode::NO_CONTENT.into())
}
