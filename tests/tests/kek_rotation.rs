//! Key-encryption keys rotate while people go on paying, looking at their cards and logging in (PCI DSS 3.7.4, 3.7.5).

use std::{
    fs,
    path::Path,
    sync::atomic::{AtomicBool, AtomicUsize, Ordering},
};

use serde_json::json;
use sqlx::Row;
use tests::{
    client::{Cardholder, PASSWORD},
    database::keys_dir,
    device::Device,
    system::{TestSystem, an_email},
};

fn copied(from: &Path) -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(from).unwrap().flatten().filter(|entry| entry.path().is_file()) {
        fs::copy(entry.path(), directory.path().join(entry.file_name())).unwrap();
    }
    directory
}

async fn run(system: &TestSystem, arguments: &[&str]) -> String {
    let output = system.environment.run(arguments).await.unwrap_or_else(|failure| panic!("{failure}"));
    assert!(output.stderr.iter().all(|byte| *byte != 0x1b), "no progress bar where there is no terminal");
    String::from_utf8(output.stdout).unwrap()
}

async fn refused(system: &TestSystem, arguments: &[&str]) -> String {
    let Err(failure) = system.environment.run(arguments).await else { panic!("{arguments:?} succeeded") };
    failure.0
}

async fn keks(system: &TestSystem) -> Vec<String> {
    let sql = "SELECT DISTINCT kek_id FROM (SELECT kek_id FROM person_keys UNION ALL SELECT kek_id FROM card_vault) k
                ORDER BY kek_id";
    let rows = sqlx::query(sql).fetch_all(&mut system.sql().await).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

/// Pays, logs in and reads the profile, on each api, until told to stop; how often.
async fn live(system: &TestSystem, holder: &Cardholder, is_over: &AtomicBool, rounds: &AtomicUsize) {
    let mut clients = [system.client_of(0), system.client_of(1)];
    while !is_over.load(Ordering::Relaxed) {
        for client in &mut clients {
            let paid = client.post_prepared(&holder.payment("1.00", "shop.example"), None).await.unwrap();
            assert_eq!(paid.json()["transaction"]["status"], "success", "{}", paid.text());
            let me = client.get("/api/v2/me", Some(&holder.person.token)).await.unwrap();
            assert_eq!(me.json()["email"], holder.person.email.as_str(), "{}", me.text());
            let login = json!({ "email": holder.person.email, "password": PASSWORD });
            let login = client.post("/api/v1/auth/login", None, &login).await.unwrap();
            assert_eq!(login.status, 202, "{}", login.text());
            let newcomer = client.apply(&an_email()).await;
            newcomer.unwrap_or_else(|failure| panic!("{failure}"));
        }
        rounds.fetch_add(1, Ordering::Relaxed);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn keks_rotate_while_everything_goes_on() {
    let keys = copied(&keys_dir());
    let setting = [("VC_KEYS_DIR", keys.path().to_str().unwrap())];
    let mut system = TestSystem::start_with(2, &setting).await;
    let holder = system.a_cardholder(100_000).await;

    assert_eq!(run(&system, &["keys", "rotate", "kek"]).await.trim(), "2");
    for api in [0, 1] {
        system.processes.apis[api].restart().await.unwrap();
    }
    system.processes.workers[0].restart().await.unwrap();
    run(&system, &["keys", "use", "kek", "2"]).await;
    // One api has heard of it, the other has not: it goes on wrapping with the old key.
    system.processes.apis[0].restart().await.unwrap();

    let (is_over, rounds) = (AtomicBool::new(false), AtomicUsize::new(0));
    let rewrapping = async {
        while rounds.load(Ordering::Relaxed) < 3 {
            // Fails as long as one api goes on wrapping with the old key.
            if let Err(failure) = system.environment.run(&["keys", "rewrap"]).await {
                assert!(failure.0.contains("keys are left, written meanwhile"), "{failure}");
            }
        }
        is_over.store(true, Ordering::Relaxed);
    };
    tokio::join!(live(&system, &holder, &is_over, &rounds), rewrapping);

    // As long as something is left, the old key stays.
    let newcomer = an_email();
    system.client_of(1).apply(&newcomer).await.unwrap();
    let status = run(&system, &["keys", "status"]).await;
    assert!(status.contains("kek-1  wraps 1 in person_keys") || status.contains("kek-1  wraps "), "{status}");
    let said = refused(&system, &["keys", "retire", "1"]).await;
    assert!(said.contains("kek-1 still wraps"), "{said}");
    assert!(refused(&system, &["keys", "retire", "2"]).await.contains("in use"));
    assert!(keys.path().join("kek-1.key").exists());

    run(&system, &["keys", "rewrap"]).await;
    assert_eq!(keks(&system).await, ["kek-2"]);
    assert_eq!(run(&system, &["keys", "rewrap"]).await.trim(), "0 keys wrapped anew");
    run(&system, &["keys", "retire", "1"]).await;
    assert!(!keys.path().join("kek-1.key").exists());
    assert!(!run(&system, &["keys", "list"]).await.contains("kek-1"));

    // Whoever has not heard of it fails, rather than wrap what nobody could open.
    let late = system.client_of(1).apply(&an_email()).await;
    assert!(late.is_err(), "a key was wrapped with one that is gone");
    for process in system.processes.apis.iter_mut().chain(&mut system.processes.workers) {
        process.restart().await.unwrap();
    }
    let (owner, card) = (holder.person.user_id.parse().unwrap(), holder.card_id.parse().unwrap());
    for api in [0, 1] {
        let mut client = system.client_of(api);
        let me = client.get("/api/v2/me", Some(&holder.person.token)).await.unwrap();
        assert_eq!(me.json()["email"], holder.person.email.as_str(), "{}", me.text());
        client.register(&an_email()).await.unwrap();
    }
    let keys = store::keys::Keys::load(keys.path()).unwrap();
    let store = store::Store::connect(&system.database.url(), keys, &store::Config::default()).unwrap();
    let secrets = store.card_secrets(owner, card).await.unwrap().unwrap();
    assert_eq!(see(&system, &holder).await, *secrets.number);
}

/// Each machine gets a number of its own, and nobody goes on with another key than the rest has.
#[tokio::test]
async fn a_key_made_on_two_machines_is_two_keys() {
    let (here, there) = (copied(&keys_dir()), copied(&keys_dir()));
    let system = TestSystem::start_with(1, &[("VC_KEYS_DIR", here.path().to_str().unwrap())]).await;
    let elsewhere = system.environment.clone().set("VC_KEYS_DIR", there.path().to_str().unwrap());
    assert_eq!(run(&system, &["keys", "rotate", "kek"]).await.trim(), "2");
    let second = elsewhere.run(&["keys", "rotate", "kek"]).await.unwrap_or_else(|failure| panic!("{failure}"));
    assert_eq!(String::from_utf8(second.stdout).unwrap().trim(), "3");

    // Brought without the number in use, it might be used before all have it.
    let pinned = there.path().join("kek-current");
    fs::rename(&pinned, there.path().join("aside")).unwrap();
    let Err(refused) = elsewhere.run(&["keys", "status"]).await else { panic!("the newest key is taken") };
    assert!(refused.0.contains("kek-current"), "{refused}");
    fs::rename(there.path().join("aside"), &pinned).unwrap();

    // Somebody renames one all the same.
    fs::rename(there.path().join("kek-3.key"), there.path().join("kek-2.key")).unwrap();
    let Err(refused) = elsewhere.run(&["keys", "status"]).await else { panic!("all is said to be well") };
    assert!(refused.0.contains("kek-2 here is not the key that is known as kek-2"), "{refused}");
    assert!(elsewhere.start(tests::processes::Role::Api).await.is_err());
}

/// By a program, as a key management service is asked: the key lies in no file.
#[tokio::test]
async fn a_kek_may_come_from_a_program_and_from_the_environment() {
    let keys = copied(&keys_dir());
    fs::write(keys.path().join("kek-current"), "1").unwrap();
    let config = keys.path().join("config.toml");
    let key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let program = |script: &str| format!("[keys.kek.2]\ncommand = [\"sh\", \"-c\", \"{script}\"]\n");
    fs::write(&config, program(&format!("echo {key}")) + "[keys.kek.3]\nenv = \"A_KEK_OF_OURS\"\n").unwrap();
    let settings = [
        ("VC_KEYS_DIR", keys.path().to_str().unwrap()),
        ("VC_CONFIG", config.to_str().unwrap()),
        ("A_KEK_OF_OURS", "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8="),
    ];
    let mut system = TestSystem::start_with(1, &settings).await;
    let before = system.a_person().await;
    for number in ["2", "3"] {
        run(&system, &["keys", "use", "kek", number]).await;
        run(&system, &["keys", "rewrap"]).await;
        assert_eq!(keks(&system).await, [format!("kek-{number}")]);
        system.processes.apis[0].restart().await.unwrap();
        let me = system.client().get("/api/v2/me", Some(&before.token)).await.unwrap();
        assert_eq!(me.json()["email"], before.email.as_str(), "{}", me.text());
        system.a_person().await;
        assert_eq!(keks(&system).await, [format!("kek-{number}")]);
    }
    let retired = run(&system, &["keys", "retire", "2"]).await;
    assert!(retired.contains("take it out of the configuration"), "{retired}");

    // What goes wrong is told by the key's name, at the start, and with nothing of the key.
    fs::write(&config, program(&format!("echo {key}; exit 7"))).unwrap();
    let said = refused(&system, &["keys", "status"]).await;
    assert!(said.contains("kek-2") && said.contains("exit status: 7") && !said.contains(&key[..8]), "{said}");
}

/// The number, by the reveal.
async fn see(system: &TestSystem, holder: &Cardholder) -> String {
    let (mut client, device) = (system.client(), Device::default());
    let step_up = client.step_up(&holder.person, &device.operation(&holder.card_id)).await.unwrap();
    let allowed = client.reveal_token(&holder.person, &holder.card_id, &device, &step_up).await.unwrap().json();
    let token = allowed["reveal_token"].as_str().unwrap_or_else(|| panic!("{allowed}"));
    let answer = client.reveal(&holder.person, &holder.card_id, &device, token).await.unwrap().json();
    device.open(&answer, &holder.card_id, token).unwrap()["card_number"].as_str().unwrap().to_owned()
}
