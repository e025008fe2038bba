//! Verification: a case put together with pictures, decided by provider, webhook or operators, and its end.

mod checks;
mod expiry;
mod late;
mod pictures;
mod providers_word;
mod reviews;
mod uploads;
mod watch;

use aggregates::{Proof, Role};
use http_body_util::Full;
use hyper::{Request, body::Bytes};
use serde_json::{Value, json};
use store::Store;
use tests::{
    client::{Answer, Client, Person},
    system::TestSystem,
};

use crate::members::{LoggedIn, Member};

const CASES: &str = "/api/v2/kyc/cases";

/// Somebody who decides cases, logged in with two factors.
async fn an_operator(store: &Store) -> (Member, LoggedIn) {
    let member = Member::new(store, &[Role::Support]).await;
    let session = member.log_in(store, &[Proof::Password, Proof::Totp]).await;
    (member, session)
}

/// A request with the person's token; the answer's JSON, where it has this status.
pub async fn call(client: &mut Client, method: &str, path: &str, token: &str, body: &Value, status: u16) -> Value {
    let answer = client.request(method.parse().unwrap(), path, Some(token), Some(body), &[]).await.unwrap();
    assert_eq!(answer.status, status, "{method} {path}: {}", answer.text());
    answer.json()
}

async fn read(client: &mut Client, path: &str, token: &str) -> Value {
    let answer = client.get(path, Some(token)).await.unwrap();
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    answer.json()
}

pub async fn upload(client: &mut Client, token: &str, case: &str, kind: &str, file: &[u8]) -> Answer {
    upload_as(client, token, case, kind, ("picture.jpg", "image/jpeg"), file).await
}

/// With a name and type of the sender's own choice.
async fn upload_as(
    client: &mut Client,
    token: &str,
    case: &str,
    kind: &str,
    (name, media_type): (&str, &str),
    file: &[u8],
) -> Answer {
    let head = format!(
        "--limit\r\ncontent-disposition: form-data; name=\"kind\"\r\n\r\n{kind}\r\n\
         --limit\r\ncontent-disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\
         content-type: {media_type}\r\n\r\n"
    );
    let body = [head.as_bytes(), file, b"\r\n--limit--\r\n"].concat();
    let request = Request::post(format!("{CASES}/{case}/documents"))
        .header("authorization", format!("Bearer {token}"))
        .header("content-type", "multipart/form-data; boundary=limit");
    client.send(request.body(Full::new(Bytes::from(body))).unwrap()).await.unwrap()
}

/// Begins a case; its id.
pub async fn open(client: &mut Client, token: &str, level: &str) -> String {
    let opened = call(client, "POST", CASES, token, &json!({ "level": level }), 201).await;
    opened["draft"]["case_id"].as_str().unwrap().to_owned()
}

/// A complete case of level `full`, whose document number chooses what the sandbox makes of it.
async fn a_draft(client: &mut Client, token: &str, number: &str) -> String {
    let case = open(client, token, "full").await;
    let details = json!({ "document_type": "national_id", "document_number": number, "date_of_birth": "1990-04-12",
                          "country": "DE" });
    call(client, "PUT", &format!("{CASES}/{case}/details"), token, &details, 200).await;
    let address = json!({ "street": "Unter den Linden 6", "town": "Berlin", "postcode": "10117", "country": "DE" });
    call(client, "PUT", &format!("{CASES}/{case}/address"), token, &address, 200).await;
    for kind in ["front", "back", "selfie"] {
        let answer = upload(client, token, &case, kind, &pictures::jpeg(320, 200)).await;
        assert_eq!(answer.status, 201, "{}", answer.text());
    }
    case
}

pub async fn submit(client: &mut Client, token: &str, case: &str) -> Value {
    call(client, "POST", &format!("{CASES}/{case}/submit"), token, &json!({}), 200).await
}

/// A person whose case of level `full` was handed in.
async fn handed_in(system: &TestSystem, number: &str) -> (Person, String, Value) {
    let (person, mut client) = (system.a_person().await, system.client());
    let case = a_draft(&mut client, &person.token, number).await;
    let verification = submit(&mut client, &person.token, &case).await;
    (person, case, verification)
}

async fn status(client: &mut Client, person: &Person) -> Value {
    read(client, "/api/v2/kyc", &person.token).await["status"].clone()
}
