use aggregates::{Proof, Role};
use serde_json::json;
use tests::system::TestSystem;

use super::{code, path, pay, post, read};
use crate::members::Member;

fn admin(card_id: &str, rest: &str) -> String {
    format!("/api/v2/admin/cards/{card_id}{rest}")
}

#[tokio::test]
async fn who_froze_a_card_decides_who_may_unfreeze_it() {
    let system = TestSystem::start().await;
    let holder = system.a_cardholder(1_000).await;
    let mut client = system.client();
    let support = Member::new(&system.store(), &[Role::Support]).await;
    let token = support.log_in(&system.store(), &[Proof::Password, Proof::Totp]).await.token;
    let reason = json!({ "reason": "suspected_fraud" });
    let freeze = admin(&holder.card_id, "/freeze");
    let frozen = client.post(&freeze, Some(&token), &reason).await.unwrap();
    assert_eq!((frozen.status.as_u16(), &frozen.json()["status"]), (200, &json!("frozen")), "{}", frozen.text());

    let own = path(&holder.card_id, "/unfreeze");
    let refused = post(&mut client, &holder.person, &own, &json!({})).await;
    assert_eq!(code(&refused), (403, "card.frozen_by_others".into()));
    // Both have frozen it: lifting one's own is not enough.
    post(&mut client, &holder.person, &path(&holder.card_id, "/freeze"), &json!({})).await;
    let lifted = post(&mut client, &holder.person, &own, &json!({})).await;
    assert_eq!((lifted.status.as_u16(), &lifted.json()["status"]), (200, &json!("frozen")), "{}", lifted.text());
    assert_eq!(pay(&mut client, &holder, "1.00", "shop.example").await, "card_frozen");

    let lift = json!({ "freeze_of": "operator", "reason": "resolved" });
    let lifted = client.post(&admin(&holder.card_id, "/unfreeze"), Some(&token), &lift).await.unwrap();
    assert_eq!(lifted.json()["status"], "active", "{}", lifted.text());
    assert_eq!(pay(&mut client, &holder, "1.00", "shop.example").await, "success");

    let steps = client.get(&admin(&holder.card_id, "/transitions"), Some(&token)).await.unwrap().json();
    let frozen = &steps["transitions"][2];
    assert_eq!((&frozen["by"], &frozen["reason"]), (&json!("operator"), &json!("suspected_fraud")), "{steps}");
    assert_eq!(frozen["actor"], format!("person:{}", support.user_id));
    let shown = read(&mut client, &holder.person, &path(&holder.card_id, "/transitions")).await;
    assert!(shown["transitions"][2].get("actor").is_none(), "its owner does not learn which of our people it was");
}

#[tokio::test]
async fn looking_after_cards_is_a_right_of_its_own() {
    let system = TestSystem::start().await;
    let holder = system.a_cardholder(100).await;
    let mut client = system.client();
    let auditor = Member::new(&system.store(), &[Role::Auditor]).await;
    let auditor = auditor.log_in(&system.store(), &[Proof::Password, Proof::Totp]).await.token;
    let reason = json!({ "reason": "misuse" });
    for token in [&auditor, &holder.person.token] {
        let answer = client.post(&admin(&holder.card_id, "/terminate"), Some(token), &reason).await.unwrap();
        assert_eq!(answer.status, 403, "{}", answer.text());
    }
    assert_eq!(pay(&mut client, &holder, "1.00", "shop.example").await, "success");
}
