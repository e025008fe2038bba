//! A person's own account: read, changed, exported, closed, erased; and what services and operators see of it.

mod email;
mod ending;
mod erasure;
mod overview;
mod profile;
mod services;

use aggregates::{
    Actor, Context, Proof, Role, UserId,
    user::{self, User},
};
use hyper::Method;
use serde_json::{Value, json};
use store::{Store, Unit, new_id};
use tests::{
    authenticator::App,
    client::{Answer, Client, Person},
    eventually::eventually,
    system::TestSystem,
};

use crate::members::Member;

/// Appends to a person's stream, past the rules.
async fn record(store: &Store, person: &Person, events: Vec<user::Event>) {
    let id: UserId = person.user_id.parse().unwrap();
    let loaded = store.load_latest::<User>(id).await.unwrap();
    let context =
        Context { correlation_id: new_id(), causation_id: None, traceparent: None, actor: Actor::System("test") };
    store.append(Unit::new(context).stream(&loaded, events)).await.unwrap();
}

/// Somebody whose token says these roles and no others, and two factors.
async fn somebody(system: &TestSystem, roles: &[Role]) -> Person {
    let store = system.store();
    let mut member = Member::new(&store, &[]).await;
    member.roles = roles.to_vec();
    let token = member.log_in(&store, &[Proof::Password, Proof::Totp]).await.token;
    Person { user_id: member.user_id.to_string(), email: member.email, token, app: App::default() }
}

/// Somebody whose token has the rights of a service.
async fn a_service(system: &TestSystem) -> Person {
    somebody(system, &[Role::Service]).await
}

async fn call(client: &mut Client, method: Method, path: &str, person: &Person, body: Value) -> Answer {
    client.request(method, path, Some(&person.token), Some(&body), &[]).await.unwrap()
}

/// Asks for what only the owner of an account with a second factor may do.
async fn stepped_up(client: &mut Client, path: &str, person: &Person) -> Answer {
    let step_up = client.step_up(person, &json!({ "operation": "account" })).await.unwrap();
    client.post_stepped_up(path, person, &step_up, &json!({})).await.unwrap()
}

async fn read(client: &mut Client, path: &str, person: &Person) -> Value {
    let answer = client.get(path, Some(&person.token)).await.unwrap();
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    answer.json()
}

fn problem(answer: &Answer) -> (u16, String) {
    (answer.status.as_u16(), answer.json()["code"].as_str().unwrap_or_default().to_owned())
}

/// The texts of the letters that an address got under a subject, the newest last.
async fn letters(system: &TestSystem, to: &str, subject: &str) -> Vec<String> {
    let mut sandbox = Client::new(system.processes.sandbox.address());
    let answer = sandbox.get(&format!("/mail/v1/messages?to={to}"), None).await.unwrap().json();
    let found = answer["messages"].as_array().cloned().unwrap_or_default();
    let of_subject = found.iter().filter(|letter| letter["subject"] == subject);
    of_subject.map(|letter| letter["text"].as_str().unwrap_or_default().to_owned()).collect()
}

/// The token in the newest letter under a subject, once it has arrived.
async fn mailed_token(system: &TestSystem, to: &str, subject: &str) -> String {
    let text = eventually("the letter has arrived", async || letters(system, to, subject).await.pop()).await;
    let token = |line: &&str| line.len() == 43 && !line.contains(' ');
    text.lines().find(token).expect("a line of the letter is the token").to_owned()
}

/// How many events of a name the person's own stream has.
async fn count(store: &Store, person: &Person, name: &str) -> usize {
    let stream = store.stream(aggregates::Kind::User, person.user_id.parse().unwrap()).await.unwrap();
    stream.iter().filter(|event| event.name == name).count()
}

/// Opens another account with an address; the id of its owner then.
async fn registered_again(system: &TestSystem, email: &str) -> String {
    system.client().apply(email).await.unwrap();
    let store = system.store();
    let index = store.email_index(email);
    eventually("the address has an owner", async || store.account_by_email(&index).await.unwrap()).await.to_string()
}
