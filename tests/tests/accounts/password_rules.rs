use tests::{
    client::PASSWORD,
    system::{TestSystem, an_email},
};

use super::{NEW_PASSWORD, change_password, code, complete_reset, log_in, log_in_status, registration, sql};

/// Argon2id of [`PASSWORD`] with less memory and fewer passes than today.
const OLD_HASH: &str =
    "$argon2id$v=19$m=8192,t=1,p=1$TiB8VUTsGVssfi4o5kM33Q$0g7nCR30bRrwGb1jfPdaP2KQt+Zz+DbyoQ2I9tb1g1c";

#[tokio::test]
async fn a_password_that_many_use_or_that_is_known_of_its_owner_is_refused() {
    let system = TestSystem::start().await;
    let mut client = system.client();
    let email = an_email();
    let long = "long enough but ".repeat(17);
    for (password, expected) in [
        ("elevenchars", "password.too_short"),
        (&*long, "password.too_long"),
        ("Password1234", "password.common"),
        ("P@ssw0rd2026!", "password.common"),
        ("aaaaaaaaaaaaaaaa", "password.common"),
        ("my name is lovelace", "password.personal"),
        ("virtual cards for me", "password.personal"),
    ] {
        for version in ["v1", "v2"] {
            let path = format!("/api/{version}/auth/register");
            let answer = client.post(&path, None, &registration(&email, password)).await.unwrap();
            assert_eq!(code(&answer), (422, expected.into()), "{password}: {}", answer.text());
            assert_eq!(answer.json()["errors"][0]["field"], "password");
            assert!(!answer.contains(password), "what was sent is not repeated");
        }
    }
    let twelve = registration(&email, "tram adagios");
    assert_eq!(client.post("/api/v1/auth/register", None, &twelve).await.unwrap().status, 202);
}

#[tokio::test]
async fn none_of_the_last_four_passwords_is_taken_again() {
    let system = TestSystem::start().await;
    let (person, mut client) = (system.a_person().await, system.client());
    let mut passwords = vec![PASSWORD.to_owned()];
    for i in 0..4 {
        let next = format!("another long one, number {i}");
        let current = passwords.last().unwrap();
        assert_eq!(change_password(&mut client, &person, current, &next).await.status, 204);
        passwords.push(next);
    }
    let current = passwords[4].clone();
    for recent in &passwords[1..] {
        let answer = change_password(&mut client, &person, &current, recent).await;
        assert_eq!(code(&answer), (422, "password.reused".into()), "{recent}");
        assert_eq!(answer.json()["errors"][0]["field"], "new_password");
    }
    assert_eq!(change_password(&mut client, &person, &current, &passwords[0]).await.status, 204, "the fifth last");
}

#[tokio::test]
async fn a_login_brings_an_old_hash_up_to_date() {
    let system = TestSystem::start().await;
    let (person, mut client) = (system.a_person().await, system.client());
    sql(&system, &format!("UPDATE credentials SET password_hash = '{OLD_HASH}', changed_at = '2020-01-01'")).await;
    assert_eq!(log_in_status(&mut client, &person.email, "not the password").await, 401);
    let stored = async || {
        let sql = "SELECT password_hash || ' ' || (changed_at = '2020-01-01') FROM credentials";
        sqlx::query_scalar::<_, String>(sql).fetch_one(&mut system.sql().await).await.unwrap()
    };
    assert!(stored().await.starts_with(OLD_HASH), "a wrong password changes nothing");
    for _ in 0..2 {
        assert_eq!(log_in_status(&mut client, &person.email, PASSWORD).await, 200);
    }
    let stored = stored().await;
    assert!(stored.starts_with("$argon2id$v=19$m=19456,t=2,p=1$") && stored.ends_with("true"), "{stored}");
}

/// Off by default; where a role's passwords expire, the way to a new one is mailed.
#[tokio::test]
async fn an_expired_password_lets_nobody_in_and_brings_the_way_to_a_new_one() {
    let system = TestSystem::start_with(1, &[("VC_FLOWS__PASSWORDS__EXPIRE_AFTER_DAYS__CUSTOMER", "90")]).await;
    let (person, mut client) = (system.a_person().await, system.client());
    sql(&system, "UPDATE credentials SET changed_at = now() - interval '89 days'").await;
    assert_eq!(log_in_status(&mut client, &person.email, PASSWORD).await, 200);
    sql(&system, "UPDATE credentials SET changed_at = now() - interval '91 days'").await;
    assert_eq!(
        code(&log_in(&mut client, &person.email, "not the password").await),
        (401, "auth.bad_credentials".into())
    );
    assert_eq!(code(&log_in(&mut client, &person.email, PASSWORD).await), (403, "auth.password_expired".into()));

    let token = client.mailed_token(&person.email, "Your password has expired").await.unwrap();
    assert_eq!(code(&complete_reset(&mut client, &token, PASSWORD).await), (422, "password.reused".into()));
    assert_eq!(complete_reset(&mut client, &token, NEW_PASSWORD).await.status, 204);
    assert_eq!(log_in_status(&mut client, &person.email, NEW_PASSWORD).await, 200);
}

#[tokio::test]
async fn by_default_no_password_expires() {
    let system = TestSystem::start().await;
    let person = system.a_person().await;
    sql(&system, "UPDATE credentials SET changed_at = now() - interval '10 years'").await;
    assert_eq!(log_in_status(&mut system.client(), &person.email, PASSWORD).await, 200);
}
