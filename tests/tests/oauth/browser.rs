//! A person's browser before our pages, and a client's program behind its redirection.

use std::collections::BTreeMap;

use hyper::{Method, Request, body::Bytes, header};
use tests::{
    client::{Answer, Client, PASSWORD},
    system::TestSystem,
};
use url::{Url, form_urlencoded};

/// RFC 7636, appendix B.
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
pub const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
pub const CALLBACK: &str = "https://budget.example/callback";

/// A client as it was registered.
#[derive(Clone)]
pub struct Registered {
    pub id: String,
    pub secret: Option<String>,
}

/// Registers a client as an operator does.
pub async fn a_client(system: &TestSystem, kind: &str, redirect_uris: &[&str], scopes: &str) -> Registered {
    let mut arguments = vec!["clients", "register", "--name", "Budget <b>&", "--kind", kind];
    redirect_uris.iter().for_each(|uri| arguments.extend(["--redirect-uri", uri]));
    scopes.split(' ').for_each(|scope| arguments.extend(["--scope", scope]));
    let output = system.environment.run(&arguments).await.unwrap_or_else(|failure| panic!("{failure}"));
    let said = String::from_utf8(output.stdout).unwrap();
    let value = |name: &str| said.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
    Registered { id: value("client_id=").unwrap(), secret: value("client_secret=") }
}

/// What a good request of the client asks for.
pub fn request(client: &Registered, scope: &str) -> BTreeMap<&'static str, String> {
    let parameters = [
        ("client_id", client.id.as_str()),
        ("redirect_uri", CALLBACK),
        ("response_type", "code"),
        ("scope", scope),
        ("state", "a state"),
        ("nonce", "a nonce"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    parameters.map(|(name, value)| (name, value.to_owned())).into()
}

pub fn encoded<'a>(fields: impl IntoIterator<Item = (&'a str, &'a str)>) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish()
}

pub async fn authorize(http: &mut Client, parameters: &BTreeMap<&'static str, String>) -> Answer {
    let query = encoded(parameters.iter().map(|(name, value)| (*name, value.as_str())));
    http.get(&format!("/oauth/authorize?{query}"), None).await.unwrap()
}

pub async fn post_form(http: &mut Client, path: &str, fields: &[(&str, &str)], headers: &[(&str, &str)]) -> Answer {
    let mut post = Request::builder().method(Method::POST).uri(path);
    post = post.header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    for (name, value) in headers {
        post = post.header(*name, *value);
    }
    let body = Bytes::from(encoded(fields.iter().copied()));
    http.send(post.body(http_body_util::Full::new(body)).unwrap()).await.unwrap()
}

/// The ticket in a page.
pub fn ticket(page: &Answer) -> String {
    let html = page.text();
    let after = html.split_once("name=\"ticket\" value=\"").unwrap_or_else(|| panic!("no ticket in {html}")).1;
    after.split_once('"').unwrap().0.to_owned()
}

pub fn title(page: &Answer) -> String {
    let html = page.text();
    html.split_once("<title>")
        .and_then(|(_, rest)| rest.split_once('<'))
        .map(|(title, _)| title.into())
        .unwrap_or_default()
}

/// What the client is told, once the person is back.
pub fn told(answer: &Answer) -> BTreeMap<String, String> {
    assert_eq!(answer.status, 303, "{}", answer.text());
    let location = answer.header("location").unwrap();
    assert!(location.starts_with(CALLBACK), "{location}");
    Url::parse(location).unwrap().query_pairs().into_owned().collect()
}

pub async fn log_in(http: &mut Client, page: &Answer, email: &str, password: &str) -> Answer {
    let ticket = ticket(page);
    let fields = [("ticket", ticket.as_str()), ("email", email), ("password", password), ("decision", "continue")];
    post_form(http, "/oauth/authorize/login", &fields, &[]).await
}

pub async fn decide(http: &mut Client, page: &Answer, decision: &str) -> Answer {
    let ticket = ticket(page);
    post_form(http, "/oauth/authorize/consent", &[("ticket", &ticket), ("decision", decision)], &[]).await
}

/// Login and, where it is asked for, consent; the code.
pub async fn a_code(http: &mut Client, client: &Registered, email: &str, scope: &str) -> String {
    let page = authorize(http, &request(client, scope)).await;
    let mut answer = log_in(http, &page, email, PASSWORD).await;
    if answer.status == 200 {
        answer = decide(http, &answer, "continue").await;
    }
    told(&answer).remove("code").unwrap_or_else(|| panic!("{:?}", answer.headers))
}

/// A request to the token endpoint and its like, with the client's secret in the form.
pub async fn ask(http: &mut Client, path: &str, client: &Registered, fields: &[(&str, &str)]) -> Answer {
    let mut all = vec![("client_id", client.id.as_str())];
    all.extend(client.secret.as_deref().map(|secret| ("client_secret", secret)));
    all.extend(fields);
    post_form(http, path, &all, &[]).await
}

pub async fn exchange(http: &mut Client, client: &Registered, code: &str) -> Answer {
    let fields =
        [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", CALLBACK), ("code_verifier", VERIFIER)];
    ask(http, "/oauth/token", client, &fields).await
}

pub async fn refresh(http: &mut Client, client: &Registered, token: &str, scope: Option<&str>) -> Answer {
    let mut fields = vec![("grant_type", "refresh_token"), ("refresh_token", token)];
    fields.extend(scope.map(|scope| ("scope", scope)));
    ask(http, "/oauth/token", client, &fields).await
}

/// Tokens as a client has them after the whole way.
pub struct Tokens {
    pub access: String,
    pub refresh: String,
    pub id: String,
}

pub async fn tokens(http: &mut Client, client: &Registered, email: &str, scope: &str) -> Tokens {
    let code = a_code(http, client, email, scope).await;
    let answer = exchange(http, client, &code).await;
    assert_eq!(answer.status, 200, "{}", answer.text());
    let json = answer.json();
    let text = |name: &str| json[name].as_str().unwrap_or_default().to_owned();
    Tokens { access: text("access_token"), refresh: text("refresh_token"), id: text("id_token") }
}

/// Status and `error` of an answer of the token endpoint.
pub fn refused(answer: &Answer) -> (u16, String) {
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    (answer.status.as_u16(), answer.json()["error"].as_str().unwrap_or_default().to_owned())
}

/// Whether a token opens the person's profile.
pub async fn opens(http: &mut Client, token: &str) -> u16 {
    http.get("/api/v1/users/me", Some(token)).await.unwrap().status.as_u16()
}
