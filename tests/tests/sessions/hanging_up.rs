use std::time::Duration;

use aggregates::Proof;
use redis::AsyncCommands;
use serde_json::json;
use tests::{client::PASSWORD, eventually::eventually, system::TestSystem};
use tokio::{io::AsyncWriteExt, net::TcpStream};

use super::status;
use crate::members::Member;

/// The login that is one too many ends the oldest session. A client that goes away at any moment of it does not leave
/// that session open in Redis when PostgreSQL has ended it.
#[tokio::test]
async fn a_client_that_hangs_up_leaves_no_ended_session_open() {
    let system = TestSystem::start().await;
    let (store, mut client, mut redis) = (system.store(), system.client(), system.redis().await);
    let mut ended = 0;
    for milliseconds in [0, 2, 5, 10, 20, 40, 80, 160, 320, 640] {
        let member = Member::new(&store, &[]).await;
        let oldest = member.log_in(&store, &[Proof::Password]).await;
        for _ in 1..aggregates::user::MAX_SESSIONS {
            member.log_in(&store, &[Proof::Password]).await;
        }
        assert_eq!(status(&mut client, &oldest.token).await, 200, "Redis remembers it now");

        let body = json!({ "email": member.email, "password": PASSWORD }).to_string();
        let request = format!(
            "POST /api/v2/auth/login HTTP/1.1\r\nHost: test\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        );
        let mut stream = TcpStream::connect(system.processes.api()).await.unwrap();
        stream.write_all(request.as_bytes()).await.unwrap();
        // Not to wait for anything: each time the login is cut off somewhere else.
        tokio::time::sleep(Duration::from_millis(milliseconds)).await;
        drop(stream);

        let id = oldest.session.session_id;
        let key = format!("{{{}}}:session:{id}", system.addresses().namespace);
        eventually("Redis knows of the end that PostgreSQL knows", async || {
            let open = store.session(id).await.unwrap().is_some();
            let cached: Option<String> = redis.get(&key).await.unwrap();
            (open || cached.as_deref() == Some("revoked")).then_some(())
        })
        .await;
        ended += u32::from(store.session(id).await.unwrap().is_none());
    }
    assert!(ended > 0, "some logins came far enough to end a session");
}
