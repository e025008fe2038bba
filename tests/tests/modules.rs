//! Each module can be served alone, by instances that know nothing of each other but what PostgreSQL, Redis and the bus
//! say.

use hyper::Method;
use serde_json::json;
use tests::{
    client::Client,
    processes::{Environment, Process, Role},
    router::{Router, Table},
    system::{TestSystem, an_email},
};

/// As an operator would divide them.
const SHARES: [&str; 3] = ["auth,users,oauth,admin", "kyc,cards,fraud", "payments,notifications"];

/// Three instances of some modules each, in the order of [`SHARES`].
async fn divided(system: &TestSystem) -> Vec<Process> {
    let mut instances = Vec::new();
    for modules in SHARES {
        instances.push(system.another_api(&[("VC_API__MODULES", modules)]).await);
    }
    instances
}

fn table(instances: &[Process]) -> Table {
    let [people, cards, money] = [0, 1, 2].map(|i: usize| instances[i].address());
    vec![
        ("/api/v1/kyc", cards),
        ("/api/v1/cards", cards),
        ("/api/v2/cards", cards),
        ("/api/v1/payments", money),
        ("/api/v1/transactions", money),
        ("/api/v1/notifications", money),
        ("/api/v2/payments", money),
        ("/", people),
    ]
}

/// From registration to what is read of the payment, always through an instance that has not written what is read.
#[tokio::test]
async fn a_persons_whole_way_leads_through_instances_of_one_module_each() {
    let system = TestSystem::start().await;
    let instances = divided(&system).await;
    let router = Router::start(table(&instances)).await.unwrap_or_else(|failure| panic!("{failure}"));
    let mut client = Client::new(router.address()).with_mailbox(system.processes.sandbox.address());

    let holder = client.onboard(&an_email(), 1_000).await.unwrap_or_else(|failure| panic!("{failure}"));
    let token = Some(holder.person.token.as_str());
    for i in 1..=5 {
        let paid = client.post_prepared(&holder.payment("1.50", "shop.example"), None).await.unwrap().json();
        assert_eq!(paid["transaction"]["status"], "success", "{paid}");
        // The payment was written by one instance, and the card is read through another.
        let card = client.get(&format!("/api/v1/cards/{}", holder.card_id), token).await.unwrap().json();
        assert_eq!(card["card"]["used_this_month"], 1.5 * f64::from(i), "{card}");
    }
    let listed = client.get("/api/v1/transactions", token).await.unwrap().json();
    assert_eq!(listed["transactions"].as_array().map(Vec::len), Some(5));
    let me = client.get("/api/v1/users/me", token).await.unwrap().json();
    assert_eq!(me["user"]["email"], json!(holder.person.email));

    // A logout at one instance holds at all.
    client.post("/api/v1/auth/logout", token, &json!({})).await.unwrap();
    for instance in &instances {
        let mut direct = Client::new(instance.address());
        for path in ["/api/v1/users/me", "/api/v1/cards", "/api/v1/transactions"] {
            let status = direct.get(path, token).await.unwrap().status.as_u16();
            assert!(matches!(status, 401 | 404), "{path}: {status}");
        }
    }
}

#[tokio::test]
async fn an_instance_says_what_it_does_not_serve() {
    let system = TestSystem::start().await;
    let instances = divided(&system).await;
    let person = system.a_person().await;
    let paths =
        [("/api/v1/users/me", 0, "users"), ("/api/v1/cards", 1, "cards"), ("/api/v1/transactions", 2, "payments")];
    for (path, share, module) in paths {
        for (i, instance) in instances.iter().enumerate() {
            let answer = Client::new(instance.address()).get(path, Some(&person.token)).await.unwrap();
            if i == share {
                assert_eq!(answer.status, 200, "{path} at {}", SHARES[i]);
                continue;
            }
            let (status, problem) = (answer.status.as_u16(), answer.json());
            assert_eq!((status, &problem["code"]), (404, &json!("request.module_not_here")), "{path} at {}", SHARES[i]);
            assert!(problem["detail"].as_str().unwrap().contains(module), "{problem}");
        }
    }
    for instance in &instances {
        let mut client = Client::new(instance.address());
        for path in ["/healthz", "/readyz", "/metrics", "/.well-known/jwks.json", "/api/v1/docs"] {
            assert_eq!(client.get(path, None).await.unwrap().status, 200, "{path}");
        }
    }
}

/// Through any instance, without a word about positions.
#[tokio::test]
async fn a_person_reads_through_another_instance_what_they_wrote() {
    let system = TestSystem::start_with(2, &[]).await;
    let holder = system.a_cardholder(1_000).await;
    let token = Some(holder.person.token.as_str());
    let mut clients = [system.client_of(0), system.client_of(1)];
    for i in 0..8 {
        let paid = clients[i % 2].post_prepared(&holder.payment("1.50", "shop.example"), None).await.unwrap().json();
        let list = clients[(i + 1) % 2].request(Method::GET, "/api/v1/transactions", token, None, &[]).await.unwrap();
        assert_eq!(list.json()["transactions"][0], paid["transaction"], "{}", list.text());
    }
}

#[tokio::test]
async fn a_module_that_does_not_exist_is_refused_at_the_start() {
    let system = TestSystem::start().await;
    let environment: Environment = system.environment.clone().set("VC_API__MODULES", "payments,loans");
    let Err(failure) = environment.start(Role::Api).await else { panic!("it started") };
    let said = failure.to_string();
    assert!(said.contains("`loans`") && said.contains("notifications"), "{said}");
}
