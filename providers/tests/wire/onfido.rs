//! The Onfido adapter against a stand-in, and every request that it can send against Onfido's own schemas
//! (`tests/onfido/openapi.json`).
#![allow(clippy::unwrap_used)]

use std::{
    collections::BTreeSet,
    sync::{Arc, Mutex},
};

use aggregates::{
    KycCaseId,
    kyc::{DocumentType, Level, PictureKind, Verdict},
};
use chrono::{NaiveDate, Utc};
use poem::{Endpoint, Request, Response, Server, http::StatusCode, listener::TcpAcceptor};
use providers::{
    Config, Failure, KycProvider, OnfidoConfig, Providers, SetupError,
    kyc::{Address, Applicant, Known, Mention, Mismatch, OnfidoWebhooks, Picture, PictureFormat, Verifier},
    webhooks::{HeaderMap, Refused, Verifier as _},
};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use uuid::{Uuid, uuid};
use zeroize::Zeroizing;

use crate::specification::{check, check_line, form};

pub const APPLICANT: &str = "7d2f1b2a-1111-4222-8333-abcdefabcdef";
pub const RUN: &str = "8e3f2c3b-2222-4333-9444-bcdefabcdef0";
const WORKFLOW: Uuid = uuid!("00000000-0000-4000-8000-000000000001");
const BASIC_WORKFLOW: Uuid = uuid!("00000000-0000-4000-8000-000000000009");
pub const CASE: KycCaseId = KycCaseId(uuid!("00000000-0000-7000-8000-000000000002"));
const CONTENT: &[u8] = b"\xff\xd8\xff the picture \r\n--";

/// What the stand-in was sent.
#[derive(Clone)]
pub struct Sent {
    pub line: String,
    authorization: String,
    content_type: String,
    pub body: Vec<u8>,
}

pub struct StandIn {
    seen: Arc<Mutex<Vec<Sent>>>,
    status: Arc<Mutex<(u16, Value)>>,
    pub kyc: Arc<dyn Verifier>,
}

pub async fn a_stand_in() -> StandIn {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let (seen, status) = (Arc::<Mutex<Vec<Sent>>>::default(), Arc::new(Mutex::new((201, Value::Null))));
    let server = Server::new_with_acceptor(TcpAcceptor::from_tokio(listener).unwrap());
    tokio::spawn(server.run(answering(Arc::clone(&seen), Arc::clone(&status))));
    let kyc = Providers::sandbox(&base, &config(Some(format!("{base}/v3.6")))).unwrap().kyc;
    StandIn { seen, status, kyc }
}

fn config(base_url: Option<String>) -> Config {
    let mut config = Config { kyc_provider: KycProvider::Onfido, ..Config::default() };
    config.onfido = OnfidoConfig {
        region: "eu".into(),
        basic_workflow_id: Some(BASIC_WORKFLOW),
        full_workflow_id: Some(WORKFLOW),
        base_url,
    };
    config.kyc.api_key = "api_sandbox.xyz".into();
    config.kyc.webhook_secret = "wU99mE6jJ7nXOLFwZ0tJymM1lpI15pZh".into();
    config
}

fn answering(
    seen: Arc<Mutex<Vec<Sent>>>,
    status: Arc<Mutex<(u16, Value)>>,
) -> impl Endpoint<Output = Response> + 'static {
    poem::endpoint::make(move |mut request: Request| {
        let (seen, status) = (Arc::clone(&seen), Arc::clone(&status));
        async move {
            let text = |name: &str| request.header(name).unwrap_or_default().to_owned();
            let (authorization, content_type) = (text("authorization"), text("content-type"));
            let line = format!("{} {}", request.method(), request.uri().path());
            let body = request.take_body().into_vec().await.unwrap();
            let id = if line.contains("workflow_runs") { RUN } else { APPLICANT };
            seen.lock().unwrap().push(Sent { line, authorization, content_type, body });
            let (status, mut answer) = status.lock().unwrap().clone();
            if answer.is_null() {
                answer = a_run("processing");
                answer["id"] = id.into();
            }
            Response::builder().status(StatusCode::from_u16(status).unwrap()).body(answer.to_string())
        }
    })
}

impl StandIn {
    pub fn answers(&self, status: u16, body: Value) {
        *self.status.lock().unwrap() = (status, body);
    }

    /// All that was sent since the last time.
    pub fn sent(&self) -> Vec<Sent> {
        std::mem::take(&mut self.seen.lock().unwrap())
    }
}

fn a_run(status: &str) -> Value {
    json!({ "id": RUN, "status": status, "applicant_id": APPLICANT, "workflow_id": WORKFLOW, "customer_user_id": CASE })
}

pub fn the_run_of(case: KycCaseId) -> Known<'static> {
    Known { case, level: Level::Full, applicant: Some(APPLICANT), run: Some(RUN) }
}

pub fn an_applicant(document_type: DocumentType, country: &str, has_address: bool) -> Applicant {
    let address = has_address.then(|| Address {
        street: "Unter den Linden 6".into(),
        town: "Berlin".into(),
        postcode: "10117".into(),
        state: (country == "US").then(|| "CA".into()),
        country: country.into(),
    });
    Applicant {
        first_name: "Ada \"Countess\" <{;}>".into(),
        last_name: "d'Été-Müller".into(),
        date_of_birth: NaiveDate::from_ymd_opt(1990, 4, 12).unwrap(),
        level: Level::Full,
        document_type,
        document_number: "C01X00T47".into(),
        country: country.into(),
        address,
    }
}

fn a_picture(kind: PictureKind, document_type: DocumentType, country: &str) -> Picture {
    let format = if kind == PictureKind::Back { PictureFormat::Png } else { PictureFormat::Jpeg };
    Picture { kind, document_type, country: country.into(), format, content: Zeroizing::new(CONTENT.to_vec()) }
}

#[tokio::test]
async fn every_request_is_one_that_the_specification_knows() {
    let onfido = a_stand_in().await;
    let case = CASE;
    let types =
        [DocumentType::Passport, DocumentType::NationalId, DocumentType::DrivingLicence, DocumentType::ResidencePermit];
    let mut lines = BTreeSet::new();
    for (document_type, country) in types.into_iter().flat_map(|one| ["DE", "US", "GB", "FR"].map(|c| (one, c))) {
        for has_address in [true, false] {
            let applicant = an_applicant(document_type, country, has_address);
            let name = onfido.kyc.register(case, &applicant).await.unwrap();
            assert_eq!(name.as_deref(), Some(APPLICANT));
            for kind in PictureKind::ALL {
                onfido.kyc.upload(case, Some(APPLICANT), &a_picture(kind, document_type, country)).await.unwrap();
            }
            let check = onfido.kyc.submit(case, Some(APPLICANT), &applicant).await.unwrap();
            assert_eq!((check.provider_reference.as_str(), check.verdict), (RUN, None));
            onfido.kyc.look_up(&the_run_of(case)).await.unwrap().unwrap();
        }
        for sent in onfido.sent() {
            assert_eq!(sent.authorization, "Token token=api_sandbox.xyz");
            let json = || serde_json::from_slice::<Value>(&sent.body).unwrap();
            match sent.line.as_str() {
                "POST /v3.6/applicants" => check("applicant_builder", &json()),
                "POST /v3.6/workflow_runs" => check("workflow_run_builder", &json()),
                "POST /v3.6/documents" => {
                    let (fields, file) = form(&sent.content_type, &sent.body);
                    check("document_uploader", &fields);
                    assert_eq!(file, CONTENT);
                }
                "POST /v3.6/live_photos" => {
                    let (fields, file) = form(&sent.content_type, &sent.body);
                    check("live_photo_uploader", &fields);
                    assert_eq!(file, CONTENT);
                }
                line => assert_eq!(line, format!("GET /v3.6/workflow_runs/{RUN}")),
            }
            check_line(&sent.line);
            lines.insert(sent.line);
        }
    }
    assert_eq!(lines.len(), 5, "{lines:?}");
}

#[tokio::test]
async fn an_address_in_no_country_is_refused_rather_than_left_out() {
    let onfido = a_stand_in().await;
    let refused = onfido.kyc.register(CASE, &an_applicant(DocumentType::Passport, "ZZ", true)).await;
    assert_eq!(refused, Err(Failure::Refused { status: 422, code: "unknown_country".into() }));
    assert!(onfido.sent().is_empty());
}

#[tokio::test]
async fn each_level_goes_through_its_own_workflow() {
    let onfido = a_stand_in().await;
    let mut applicant = an_applicant(DocumentType::Passport, "DE", false);
    for (level, workflow) in [(Level::Full, WORKFLOW), (Level::Basic, BASIC_WORKFLOW)] {
        applicant.level = level;
        let check = onfido.kyc.submit(CASE, Some(APPLICANT), &applicant).await.unwrap();
        // The stand-in's run is one of level full.
        assert_eq!(check.verdict, (level == Level::Basic).then(|| Mismatch::Workflow.into()));
        let asked: Value = serde_json::from_slice(&onfido.sent()[0].body).unwrap();
        assert_eq!(asked["workflow_id"], json!(workflow));
    }
}

#[tokio::test]
async fn what_onfido_answers_is_told_apart() {
    let onfido = a_stand_in().await;
    let (case, applicant) = (CASE, an_applicant(DocumentType::Passport, "DE", true));
    let invalid = json!({ "error": { "type": "validation_error", "message": "Ada is no name", "fields": {} } });
    let submit = async || onfido.kyc.submit(case, Some(APPLICANT), &applicant).await;
    for (status, expected) in [
        (422, Failure::Refused { status: 422, code: "unspecified".into() }),
        (401, Failure::Refused { status: 401, code: "unspecified".into() }),
        // Nothing has begun.
        (429, Failure::Unreachable),
        // A run may have.
        (500, Failure::Unknown),
        (503, Failure::Unknown),
    ] {
        onfido.answers(status, invalid.clone());
        assert_eq!(submit().await, Err(expected), "{status}");
    }
    onfido.answers(201, a_run("approved"));
    assert_eq!(submit().await.unwrap().verdict, Some(Verdict::Approved));
    onfido.answers(201, json!({ "id": "not a uuid", "status": "approved" }));
    assert_eq!(submit().await, Err(Failure::Malformed));
    // A run of another case, however it was found.
    let mut another = a_run("approved");
    another["customer_user_id"] = Uuid::now_v7().to_string().into();
    onfido.answers(200, another);
    let unusable = Some(Verdict::from(Mismatch::Case));
    assert_eq!(onfido.kyc.look_up(&the_run_of(case)).await.unwrap().unwrap().verdict, unusable);
    assert_eq!(submit().await.unwrap().verdict, unusable);
    assert!(!onfido.kyc.is_idempotent());
}

#[tokio::test]
async fn without_keys_of_its_own_onfido_is_not_used() {
    let whole = config(None);
    assert!(Providers::sandbox("http://127.0.0.1:1", &whole).is_ok());
    let mut no_region = whole.clone();
    no_region.onfido.region = "mars".into();
    let mut sandboxs = whole.clone();
    sandboxs.kyc.webhook_secret = providers::sandbox::DEFAULT_WEBHOOK_SECRET.into();
    let (mut no_basic, mut no_full) = (whole.clone(), whole);
    no_basic.onfido.basic_workflow_id = None;
    no_full.onfido.full_workflow_id = None;
    for config in [no_region, sandboxs, no_basic, no_full] {
        assert_eq!(Providers::sandbox("http://127.0.0.1:1", &config).err(), Some(SetupError::Onfido));
    }
}

#[test]
fn a_webhook_is_known_by_the_vendors_published_vector() {
    let vector: Value = serde_json::from_str(include_str!("../onfido/webhook.json")).unwrap();
    let (body, signature) =
        (vector["payload"].as_str().unwrap(), vector["header"]["X-SHA2-Signature"].as_str().unwrap());
    let verify = |secret: &str, signatures: &[&str], body: &str| {
        let mut headers = HeaderMap::new();
        for one in signatures {
            headers.append("x-sha2-signature", one.parse().unwrap());
        }
        OnfidoWebhooks::new(secret.into()).verify(&headers, body.as_bytes(), Utc::now())
    };
    let secret = vector["secret"].as_str().unwrap();
    // No id: the same body is the same delivery, so a replay is known by it.
    assert_eq!(verify(secret, &[signature], body).map(|delivery| delivery.id), Ok(None));
    assert_eq!(verify(secret, &[], body), Err(Refused::Unsigned));
    assert_eq!(verify(secret, &[signature, signature], body), Err(Refused::Unsigned));
    let tampered = body.replace("complete", "approved");
    let upper = signature.to_uppercase();
    for (secret, signature, body) in [
        ("another", signature, body),
        (secret, signature, tampered.as_str()),
        (secret, &signature[..62], body),
        (secret, "", body),
        (secret, upper.as_str(), body),
    ] {
        assert_eq!(verify(secret, &[signature], body), Err(Refused::WrongSignature));
    }
}

#[tokio::test]
async fn a_webhook_names_the_run_and_its_applicant() {
    let kyc = a_stand_in().await.kyc;
    let mention = |body: Value| kyc.mentioned(body.to_string().as_bytes());
    let object = json!({ "id": RUN, "status": "approved" });
    let completed = json!({ "payload": { "resource_type": "workflow_run", "action": "workflow_run.completed",
        "object": object, "resource": { "id": RUN, "applicant_id": APPLICANT } } });
    let known = Mention { case: None, applicant: Some(APPLICANT.into()), run: Some(RUN.into()), monitor: None };
    assert_eq!(mention(completed), known);
    let thin = json!({ "payload": { "resource_type": "workflow_run", "object": object } });
    assert_eq!(mention(thin), Mention { run: Some(RUN.into()), ..Mention::default() });
    for other in [json!({}), json!({ "payload": { "resource_type": "check", "object": object } })] {
        assert_eq!(mention(other), Mention::default());
    }
}
