//! Onfido (Entrust), API v3.6: an applicant, their pictures, and a run of a Studio workflow that decides.
//!
//! Onfido knows no idempotency keys. Of an applicant too many no check is ever begun, but Onfido has their data, and where
//! the answer was lost nobody knows by what name to delete them: the caller does not ask twice after a lost answer. A run
//! too many is a second check, so the caller notes that it asks for one before it does.

mod requests;
mod runs;
mod subject;
mod webhook;

use aggregates::{
    KycCaseId,
    kyc::{Level, PictureKind},
};
use async_trait::async_trait;
use reqwest::{Url, header::HeaderValue};
use secrecy::ExposeSecret;
use serde::Deserialize;
use uuid::Uuid;

use super::{Applicant, Check, Known, Mention, Mismatch, Picture, Verifier, Watched};
use crate::{
    Config, Failure, SetupError,
    config::{BaseUrl, base_url},
    failure::reference,
    http::{self, Line},
    metering::Meter,
    sandbox::{DEFAULT_KEY, DEFAULT_WEBHOOK_SECRET},
};
use requests::{ApplicantRequest, Form, RunRequest};
use runs::{Run, RunOf};
use subject::{Matches, Monitor, Subject};

pub use webhook::OnfidoWebhooks;

const NAME: &str = "onfido";

/// Its type of an error about a thing that it does not know.
const MISSING: &str = "resource_not_found";

pub struct Onfido {
    line: Line,
    base: BaseUrl,
    basic_workflow: Uuid,
    full_workflow: Uuid,
    register: Meter,
    upload: Meter,
    submit: Meter,
    look_up: Meter,
    mismatch: Meter,
    watched: Meter,
    forget: Meter,
}

#[derive(Deserialize)]
struct Made<'a> {
    id: &'a str,
}

#[derive(Deserialize)]
struct Refusal<'a> {
    #[serde(borrow)]
    error: ErrorOf<'a>,
}

#[derive(Deserialize)]
struct ErrorOf<'a> {
    #[serde(rename = "type")]
    kind: &'a str,
}

/// The type of an error, as Onfido words it.
fn error_type(body: &[u8]) -> &str {
    serde_json::from_slice::<Refusal<'_>>(body).map_or("", |refusal| refusal.error.kind)
}

impl Onfido {
    pub(crate) fn new(config: &Config) -> Result<Onfido, SetupError> {
        let settings = &config.onfido;
        let base = match (&settings.base_url, settings.region.as_str()) {
            (Some(other), _) => other.clone(),
            (None, region @ ("eu" | "us" | "ca")) => format!("https://api.{region}.onfido.com/v3.6"),
            (None, _) => return Err(SetupError::Onfido),
        };
        let is_sandboxs = config.kyc.api_key.expose_secret() == DEFAULT_KEY
            || config.kyc.webhook_secret.expose_secret() == DEFAULT_WEBHOOK_SECRET;
        let workflow = |id: Option<Uuid>| id.filter(|_| !is_sandboxs).ok_or(SetupError::Onfido);
        let (basic_workflow, full_workflow) =
            (workflow(settings.basic_workflow_id)?, workflow(settings.full_workflow_id)?);
        let base = base_url(&base)?;
        let client = http::client(&base, config)?;
        Ok(Onfido {
            line: Line::with_scheme(&client, &config.kyc, "Token token=")?,
            base,
            basic_workflow,
            full_workflow,
            register: Meter::new(NAME, "kyc_register"),
            upload: Meter::new(NAME, "kyc_upload"),
            submit: Meter::new(NAME, "kyc_submit"),
            look_up: Meter::new(NAME, "kyc_look_up"),
            mismatch: Meter::new(NAME, "kyc_mismatch"),
            watched: Meter::new(NAME, "kyc_watched"),
            forget: Meter::new(NAME, "kyc_forget"),
        })
    }

    async fn send_form(&self, path: &str, form: Form) -> Result<(), Failure> {
        let content_type = HeaderValue::try_from(form.content_type()).map_err(|_| Failure::Malformed)?;
        let answer = self.line.post_as(self.base.join(path), content_type, form.into_body(), None).await?;
        answer.json::<Made<'_>>().map(drop)
    }

    fn workflow(&self, level: Level) -> Uuid {
        match level {
            Level::Basic => self.basic_workflow,
            Level::Full => self.full_workflow,
        }
    }

    fn applicant(&self, id: &str) -> Result<Url, Failure> {
        Ok(self.base.join(&format!("/applicants/{}", known_id(id)?)))
    }

    fn run(&self, id: &str) -> Url {
        self.base.join(&format!("/workflow_runs/{id}"))
    }
}

#[async_trait]
impl Verifier for Onfido {
    fn name(&self) -> &'static str {
        NAME
    }

    fn is_idempotent(&self) -> bool {
        false
    }

    async fn register(&self, _: KycCaseId, applicant: &Applicant) -> Result<Option<String>, Failure> {
        let body = ApplicantRequest::of(applicant)?.to_body();
        let call = async {
            let answer = self.line.post(self.base.join("/applicants"), body, None).await?;
            let made: Made<'_> = answer.json()?;
            known_id(made.id).map(Some)
        };
        self.register.measure(call).await
    }

    async fn upload(&self, _: KycCaseId, applicant: Option<&str>, picture: &Picture) -> Result<(), Failure> {
        let applicant = applicant.ok_or(Failure::Malformed)?;
        let (path, form) = match picture.kind {
            PictureKind::Front | PictureKind::Back => ("/documents", Form::document(applicant, picture)),
            PictureKind::Selfie => ("/live_photos", Form::live_photo(applicant, picture)),
        };
        self.upload.measure(self.send_form(path, form)).await
    }

    async fn submit(&self, case: KycCaseId, applicant: Option<&str>, who: &Applicant) -> Result<Check, Failure> {
        let applicant_id = applicant.ok_or(Failure::Malformed)?;
        let body = RunRequest { applicant_id, workflow_id: self.workflow(who.level), customer_user_id: case }.to_body();
        let call = async {
            let answer = self.line.post(self.base.join("/workflow_runs"), body, None).await?;
            // Else a run might have begun, and another one would be waited with.
            if answer.is_throttled() {
                return Err(Failure::Unreachable);
            }
            let of = RunOf { run: None, case, applicant, workflow: self.workflow(who.level) };
            answer.json::<Run>()?.check(&of)
        };
        self.submit.measure(call).await
    }

    async fn look_up(&self, known: &Known<'_>) -> Result<Option<Check>, Failure> {
        let Some(run) = known.run else { return Ok(None) };
        let of = RunOf {
            run: Some(run),
            case: known.case,
            applicant: known.applicant,
            workflow: self.workflow(known.level),
        };
        let call = async { self.line.get(self.run(run)).await?.json_or::<Run>(error_type)?.check(&of).map(Some) };
        self.look_up.measure(call).await
    }

    /// By the applicant as they are now: whoever has access to the account there can change one.
    async fn mismatch(&self, known: &Known<'_>, applicant: &Applicant) -> Result<Option<Mismatch>, Failure> {
        let Some(name) = known.applicant else { return Ok(Some(Mismatch::Applicant)) };
        let call = async { Ok(self.line.get(self.applicant(name)?).await?.json::<Subject>()?.mismatch(applicant)) };
        self.mismatch.measure(call).await
    }

    async fn watched(&self, monitor: &str) -> Result<Option<Watched>, Failure> {
        let path = format!("/watchlist_monitors/{}", known_id(monitor)?);
        let call = async {
            let answer = self.line.get(self.base.join(&path)).await?;
            if answer.is_gone(error_type, MISSING) {
                return Ok(None);
            }
            let applicant = known_id(answer.json_or::<Monitor<'_>>(error_type)?.applicant_id)?;
            let matches = self.line.get(self.base.join(&format!("{path}/matches"))).await?;
            let hits = match matches.json_or::<Matches>(error_type) {
                Ok(matches) => matches.hits(monitor),
                // More of them than one would read: people look.
                Err(Failure::Malformed) => vec![monitor.to_owned()],
                Err(failure) => return Err(failure),
            };
            Ok(Some(Watched { applicant, hits }))
        };
        self.watched.measure(call).await
    }

    async fn forget(&self, applicant: &str) -> Result<(), Failure> {
        self.forget
            .measure(async { self.line.delete(self.applicant(applicant)?).await?.deleted(error_type, MISSING) })
            .await
    }

    fn mentioned(&self, webhook: &[u8]) -> Mention {
        webhook::mentioned(webhook)
    }
}

/// An id of theirs, which becomes part of a path: a UUID and nothing else.
fn known_id(id: &str) -> Result<String, Failure> {
    Uuid::try_parse(id).map_err(|_| Failure::Malformed)?;
    reference(id)
}
