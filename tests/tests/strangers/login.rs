//! A login never succeeds without the right password and, where there is one, the second factor; and always with
//! them: whatever the cache says, and whether it is there at all.

use std::net::SocketAddr;

use aggregates::{Proof, user::Command};
use chrono::Utc;
use redis::AsyncCommands;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use tests::{
    client::{Client, PASSWORD},
    system::TestSystem,
};

use crate::members::Member;

#[derive(Clone, Copy, Debug)]
enum Cached {
    Nothing,
    Open,
    Revoked,
}

/// Goes on from a right password with each kind of second proof: only a right one that is not used opens anything,
/// once.
async fn second_step(address: SocketAddr, version: &str, (member, mut half): (&Member, Value), code: &str, case: &str) {
    let mut http = Client::new(address);
    let ways = [("wrong", 401), ("none", 422), ("right", 200), ("right, but the ticket is used", 401), ("used", 401)];
    for (way, expected) in ways {
        if way == "used" {
            let login = json!({ "email": member.email, "password": PASSWORD });
            half = http.post(&format!("/api/{version}/auth/login"), None, &login).await.unwrap().json();
        }
        let (path, field) = match version {
            "v1" => ("/api/v1/auth/login/mfa", "code"),
            _ => ("/api/v2/auth/login/second-factor", "recovery_code"),
        };
        let mut body = json!({ "mfa_token": half["mfa_token"] });
        match way {
            "none" => {}
            "wrong" => body[field] = json!("AAAA-BBBB-CCCC"),
            _ => body[field] = json!(code),
        }
        let answer = http.post(path, None, &body).await.unwrap();
        assert_eq!(answer.status.as_u16(), expected, "{case}, {way}: {}", answer.text());
        let given = answer.json();
        let tokens = ["token", "access_token", "refresh_token"];
        let given = tokens.iter().any(|name| given[*name].is_string());
        assert_eq!(given, expected == 200, "{case}, {way}: {}", answer.text());
    }
}

/// Nobody listens there.
const NOWHERE: &str = "redis://127.0.0.1:1";

#[tokio::test]
async fn no_state_of_the_cache_lets_anybody_in_or_keeps_anybody_out() {
    let system = TestSystem::start().await;
    let without_redis = system.another_api(&[("VC_REDIS_URL", NOWHERE)]).await;
    let (store, mut redis) = (system.store(), system.redis().await);
    for factor in [false, true] {
        for cached in [Cached::Nothing, Cached::Open, Cached::Revoked] {
            let member = Member::new(&store, &[]).await;
            let mut codes = vec![];
            if factor {
                member.decide(&store, Command::EnableTotp { now: Utc::now() }).await;
                let new = store.add_recovery_codes(member.user_id).await.unwrap();
                let issue = Command::IssueRecoveryCodes { set_id: new.set_id, count: 10, now: Utc::now() };
                member.decide(&store, issue).await;
                codes = new.codes;
            }
            let earlier = member.log_in(&store, &[Proof::Password]).await.session;
            let key = format!("{{{}}}:session:{}", system.addresses().namespace, earlier.session_id);
            let open = json!({ "user_id": member.user_id, "expires_at": earlier.expires_at }).to_string();
            match cached {
                Cached::Nothing => {}
                Cached::Open => redis.set::<_, _, ()>(&key, open).await.unwrap(),
                Cached::Revoked => redis.set::<_, _, ()>(&key, "revoked").await.unwrap(),
            }
            for (redis_up, address) in [(true, system.processes.api()), (false, without_redis.address())] {
                for (password, right) in [(PASSWORD, true), ("correct horse battery stable", false), ("", false)] {
                    for version in ["v1", "v2"] {
                        let case = format!("{version}, {cached:?}, factor {factor}, Redis {redis_up}, right {right}");
                        let body = json!({ "email": member.email, "password": password });
                        let path = format!("/api/{version}/auth/login");
                        let answer = Client::new(address).post(&path, None, &body).await.unwrap();
                        let expected = match (right, factor) {
                            (true, false) => 200,
                            (true, true) => 202,
                            (false, _) => 401,
                        };
                        assert_eq!(answer.status.as_u16(), expected, "{case}: {}", answer.text());
                        let given = answer.json();
                        let tokens = ["token", "access_token", "refresh_token"];
                        let given = tokens.iter().any(|name| given[*name].is_string());
                        assert_eq!(given, expected == 200, "{case}: {}", answer.text());
                        if expected == 202 {
                            let code = codes.pop().unwrap();
                            second_step(address, version, (&member, answer.json()), code.expose_secret(), &case).await;
                        }
                    }
                }
            }
        }
    }
}
