use aggregates::{Envelope, Proof, Role};
use serde_json::{Value, json};
use tests::{
    client::{Client, PASSWORD},
    system::TestSystem,
};

use super::staff;
use crate::members::Member;

const RECORD: &str = "/api/v2/audit/authentications";

async fn read(client: &mut Client, path: &str, token: &str) -> Value {
    let answer = client.get(path, Some(token)).await.unwrap();
    assert_eq!(answer.status, 200, "{path}: {}", answer.text());
    answer.json()
}

/// Who, what, when, where from, with what outcome (PCI DSS 4.0.1, 10.2.2).
#[tokio::test]
async fn an_auditor_reads_what_was_tried_and_leaves_a_record_too() {
    let system = TestSystem::start().await;
    let (store, mut client) = (system.store(), system.client());
    let (auditor, session) = staff(&store, &[Role::Auditor]).await;
    let member = Member::new(&store, &[]).await;
    for password in ["not the password", PASSWORD] {
        let body = json!({ "email": member.email, "password": password });
        client.post("/api/v2/auth/login", None, &body).await.unwrap();
    }
    let of_member = format!("{RECORD}?user_id={}&action=log_in", member.user_id);
    let found = read(&mut client, &of_member, &session.token).await;
    let found = found["authentications"].as_array().unwrap();
    let outcomes: Vec<_> = found.iter().map(|entry| entry["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["success", "failure"], "{found:?}");
    for name in ["entry_id", "at", "action", "address", "request_id"] {
        assert!(found[0][name].is_string(), "{name}: {found:?}");
    }
    let text = json!(found).to_string();
    assert!(!text.contains(&member.email) && !text.contains("not the password"), "{text}");

    let own = format!("{RECORD}?user_id={}&action=read_audit", auditor.user_id);
    assert_eq!(read(&mut client, &own, &session.token).await["authentications"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn the_record_is_read_page_by_page_and_filtered() {
    let system = TestSystem::start().await;
    let (store, mut client) = (system.store(), system.client());
    let (_, session) = staff(&store, &[Role::Auditor]).await;
    for number in 0..5 {
        let body = json!({ "refresh_token": format!("unknown {number}") });
        client.post("/api/v2/auth/refresh", None, &body).await.unwrap();
    }
    let (mut seen, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = read(&mut client, &format!("{RECORD}?action=refresh&limit=2{cursor}"), &session.token).await;
        let entries = page["authentications"].as_array().unwrap();
        seen.extend(entries.iter().map(|entry| entry["entry_id"].as_str().unwrap().parse::<i64>().unwrap()));
        match page["next_cursor"].as_str() {
            Some(next) => cursor = format!("&cursor={next}"),
            None => break,
        }
    }
    assert_eq!(seen.len(), 5, "{seen:?}");
    assert!(seen.is_sorted_by(|newer, older| newer > older), "{seen:?}");
    for (filter, count) in [
        ("action=refresh&outcome=failure", 5),
        ("action=refresh&outcome=success", 0),
        ("action=refresh&from=2999-01-01T00:00:00Z", 0),
        ("action=refresh&to=2000-01-01T00:00:00Z", 0),
        ("action=refresh&from=2000-01-01T00:00:00Z&to=2999-01-01T00:00:00Z", 5),
    ] {
        let page = read(&mut client, &format!("{RECORD}?{filter}"), &session.token).await;
        assert_eq!(page["authentications"].as_array().unwrap().len(), count, "{filter}");
    }
    for wrong in ["limit=0", "cursor=-1", "user_id=x", "from=yesterday"] {
        let answer = client.get(&format!("{RECORD}?{wrong}"), Some(&session.token)).await.unwrap();
        assert_eq!(answer.status, 400, "{wrong}");
    }
}

#[tokio::test]
async fn an_analyst_reads_the_whole_log_as_it_is_stored() {
    let system = TestSystem::start().await;
    let (store, mut client) = (system.store(), system.client());
    let (analyst, session) = staff(&store, &[Role::Analyst]).await;
    let member = Member::new(&store, &[]).await;
    member.log_in(&store, &[Proof::Password]).await;
    let stored = store.read_after(0, 1_000).await.unwrap();
    let (mut seen, mut after) = (Vec::new(), 0);
    loop {
        let page = read(&mut client, &format!("/api/v2/events?after={after}&limit=3"), &session.token).await;
        let events = page["events"].as_array().unwrap().clone();
        after = page["next_after"].as_i64().unwrap();
        if events.is_empty() {
            break;
        }
        seen.extend(events);
    }
    assert_eq!(seen.len(), stored.len());
    for (seen, stored) in seen.iter().zip(&stored) {
        let read = Envelope::from_cloud_event(seen.to_string().as_bytes()).unwrap();
        assert_eq!((read.position, read.id, &read.name), (stored.position, stored.id, &stored.name));
    }
    let text = json!(seen).to_string();
    assert!(!text.contains(&member.email) && !text.contains("Lovelace"), "personal data is sealed");
    let refused = client.get(RECORD, Some(&session.token)).await.unwrap();
    assert_eq!(refused.status, 403, "the record of authentications is for auditors");
    assert!(!store.stream(aggregates::Kind::User, analyst.user_id.0).await.unwrap().is_empty());
}
