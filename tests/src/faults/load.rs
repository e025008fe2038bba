//! Constant load: people pay, some join, and all that they are told goes to the ledger.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use hyper::{StatusCode, header::HeaderValue};
use rand::{Rng, SeedableRng, rngs::StdRng};
use tokio::{
    task::JoinSet,
    time::{Instant, sleep, timeout},
};
use uuid::Uuid;

use super::{
    cast::Cast,
    ledger::{Ledger, Payment, Told},
};
use crate::client::{Answer, Cardholder, Client, Prepared};

const PAYERS: u64 = 12;
/// Between two payments of one payer, so that the load is the same whatever the machine can do.
const PACE: Duration = Duration::from_millis(40);
/// After a failure.
const BACK_OFF: Duration = Duration::from_millis(100);
/// Between two newcomers.
const JOINING: Duration = Duration::from_millis(700);
/// How long a payment with an idempotency key is repeated until there is an answer.
const REPEATING: Duration = Duration::from_secs(90);

/// What merchants bring about at the sandbox's gateway, and how many of a thousand payments go there.
const MERCHANTS: [(&str, u32); 4] =
    [("declined.shop", 60), ("insufficient.shop", 40), ("flaky.shop", 10), ("shop", 890)];

/// Slow to play through, so one payer does nothing else.
const TROUBLE: [&str; 3] = ["lost.shop", "flaky.shop", "slow.shop"];

/// The load, running until it is stopped.
pub struct Load {
    running: Arc<AtomicBool>,
    tasks: JoinSet<()>,
}

#[derive(Clone)]
struct Payer {
    apis: Vec<SocketAddr>,
    sandbox: SocketAddr,
    cast: Arc<Cast>,
    ledger: Arc<Ledger>,
    running: Arc<AtomicBool>,
}

impl Load {
    pub fn start(apis: &[SocketAddr], sandbox: SocketAddr, cast: &Arc<Cast>, ledger: &Arc<Ledger>, seed: u64) -> Load {
        let running = Arc::new(AtomicBool::new(true));
        let payer = Payer {
            apis: apis.to_vec(),
            sandbox,
            cast: Arc::clone(cast),
            ledger: Arc::clone(ledger),
            running: Arc::clone(&running),
        };
        let mut tasks = JoinSet::new();
        for number in 0..PAYERS {
            let random = StdRng::seed_from_u64(seed.wrapping_mul(1_000).wrapping_add(number));
            tasks.spawn(payer.clone().pay_on(random));
        }
        tasks.spawn(payer.clone().make_trouble(StdRng::seed_from_u64(seed ^ 0x7070)));
        tasks.spawn(payer.bring_newcomers(seed));
        Load { running, tasks }
    }

    /// Lets what is under way come to its end.
    pub async fn stop(self) {
        self.running.store(false, Ordering::Relaxed);
        self.tasks.join_all().await;
    }
}

impl Payer {
    fn is_running(&self) -> bool {
        self.running.load(Ordering::Relaxed)
    }

    fn client(&self, random: &mut StdRng) -> Client {
        Client::new(self.apis[random.random_range(0..self.apis.len())]).with_mailbox(self.sandbox)
    }

    async fn pay_on(self, mut random: StdRng) {
        let mut client = self.client(&mut random);
        while self.is_running() {
            let merchant = merchant(random.random_range(0..1_000));
            let due = Instant::now() + PACE;
            if !self.pay(&mut client, &mut random, merchant).await {
                // Perhaps another instance lives.
                client = self.client(&mut random);
                sleep(BACK_OFF).await;
            }
            tokio::time::sleep_until(due).await;
        }
    }

    async fn make_trouble(self, mut random: StdRng) {
        let mut client = self.client(&mut random);
        for merchant in TROUBLE.iter().cycle() {
            if !self.is_running() {
                return;
            }
            if !self.pay(&mut client, &mut random, merchant).await {
                client = self.client(&mut random);
                sleep(BACK_OFF).await;
            }
        }
    }

    async fn bring_newcomers(self, seed: u64) {
        let mut random = StdRng::seed_from_u64(seed);
        while self.is_running() {
            let email = format!("{}@example.com", Uuid::now_v7().simple());
            let mut client = self.client(&mut random);
            if self.cast.join(&mut client, &self.ledger, &email).await.is_err() {
                self.ledger.entries().unanswered += 1;
            }
            sleep(JOINING).await;
        }
    }

    /// One payment, of every second one with an idempotency key and repeated until it is answered. Whether there was
    /// an answer.
    async fn pay(&self, client: &mut Client, random: &mut StdRng, merchant: &str) -> bool {
        let Some(cardholder) = self.cast.pick(random) else { return false };
        let minor_units: i64 = random.random_range(50..2_000);
        let request = cardholder.payment(&format!("{}.{:02}", minor_units / 100, minor_units % 100), merchant);
        let key = random.random_bool(0.5).then(|| Uuid::from_u128(random.random()).to_string());
        let answered = match key {
            None => self.ask(client, &request, None).await,
            Some(key) => self.ask_until_answered(client, random, &request, &key).await,
        };
        let Some((payment_id, told)) = answered else {
            self.ledger.entries().unanswered += 1;
            return false;
        };
        let card_id = cardholder.card_id.parse().unwrap_or_default();
        self.ledger.note(payment_id, Payment { card_id, minor_units, told });
        if random.random_ratio(1, 10) {
            self.look(client, &cardholder, payment_id, told).await;
        }
        true
    }

    async fn ask(&self, client: &mut Client, request: &Prepared, key: Option<&str>) -> Option<(Uuid, Told)> {
        let key = key.and_then(|key| HeaderValue::try_from(key).ok());
        acknowledged(&client.post_prepared(request, key).await.ok()?)
    }

    async fn ask_until_answered(
        &self,
        client: &mut Client,
        random: &mut StdRng,
        request: &Prepared,
        key: &str,
    ) -> Option<(Uuid, Told)> {
        let mut answer = match random.random_ratio(1, 20) {
            // An impatient client hangs up, and asks again later.
            true => {
                let patience = Duration::from_millis(random.random_range(0..20));
                timeout(patience, self.ask(client, request, Some(key))).await.unwrap_or_default()
            }
            false => self.ask(client, request, Some(key)).await,
        };
        let deadline = Instant::now() + REPEATING;
        while answer.is_none() && Instant::now() < deadline {
            sleep(BACK_OFF).await;
            *client = self.client(random);
            answer = self.ask(client, request, Some(key)).await;
        }
        // Now and then once more: the same key, the same payment.
        let (first, _) = answer?;
        if random.random_ratio(1, 20)
            && let Some((second, _)) = self.ask(client, request, Some(key)).await
            && second != first
        {
            let contradiction = format!("idempotency key {key}: payment {first}, then {second}");
            self.ledger.entries().contradictions.push(contradiction);
        }
        answer
    }

    /// Who was told of a payment must find it.
    async fn look(&self, client: &mut Client, cardholder: &Cardholder, payment_id: Uuid, told: Told) {
        let path = format!("/api/v1/transactions/{payment_id}");
        let Ok(answer) = client.get(&path, Some(&cardholder.person.token)).await else { return };
        let shown = match answer.status {
            StatusCode::OK => told == Told::Pending || acknowledged(&answer).map(|(_, told)| told) == Some(told),
            // Not now, and saying so.
            status => status.is_server_error(),
        };
        if !shown {
            let stale = format!("payment {payment_id}, told {told:?}: {} {}", answer.status, answer.text());
            self.ledger.entries().stale_reads.push(stale);
        }
    }
}

/// What an answer promises, if it promises anything.
fn acknowledged(answer: &Answer) -> Option<(Uuid, Told)> {
    if !matches!(answer.status, StatusCode::OK | StatusCode::ACCEPTED) {
        return None;
    }
    let transaction = &answer.json()["transaction"];
    let told = Told::parse(transaction["status"].as_str()?)?;
    Some((transaction["transaction_id"].as_str()?.parse().ok()?, told))
}

fn merchant(mut draw: u32) -> &'static str {
    for (merchant, share) in MERCHANTS {
        match draw.checked_sub(share) {
            Some(rest) => draw = rest,
            None => return merchant,
        }
    }
    MERCHANTS[MERCHANTS.len() - 1].0
}
