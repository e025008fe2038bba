//! The event log alone: how many units and events a second `Store::append` writes, without HTTP and third parties.

use std::{
    path::PathBuf,
    time::{Duration, Instant},
};

use aggregates::{
    Actor, CardId, Context, Currency, Money, PaymentId, UserId,
    card::{self, Card, CardType, Expiry, HoldKind, Slot, Terms},
    payment::{self, Check, Checks, Payment, RiskLevel, Screening},
};
use chrono::Utc;
use hdrhistogram::Histogram;
use serde::Serialize;
use store::{Config, Loaded, Store, Unit, new_id};
use tokio::task::JoinSet;

use super::{baseline::purchase, ground::Services, histogram};
use crate::{
    database::{keys, namespace},
    processes::Failure,
    scratch::Scratch,
};

/// Units in flight at the same time.
const WRITERS: [usize; 3] = [1, 16, 256];

const PRICE: Money = Money::new(100, Currency::USD);

#[derive(clap::Args)]
pub struct Options {
    /// How long each number of concurrent units is measured.
    #[arg(long, default_value_t = 5)]
    seconds: u64,
    /// Where to write the figures.
    #[arg(long)]
    json: Option<PathBuf>,
}

#[derive(Serialize)]
struct Measured {
    writers: usize,
    units_per_s: f64,
    events_per_s: f64,
    p50_ms: f64,
    p99_ms: f64,
}

pub async fn run(options: &Options) -> Result<bool, Failure> {
    let services = Services::from_environment()?;
    let database = Scratch::create(&services.server_url, &format!("vc_bench_append_{}", namespace())).await?;
    store::migrate(&database.url()).await?;
    let mut measured = Vec::new();
    println!("{:>8} {:>10} {:>10} {:>8} {:>8}", "writers", "units/s", "events/s", "p50 ms", "p99 ms");
    for writers in WRITERS {
        let store = Store::connect(&database.url(), keys(), &Config::default())?;
        let line = measure(&store, writers, Duration::from_secs(options.seconds.max(1))).await?;
        let Measured { units_per_s, events_per_s, p50_ms, p99_ms, .. } = line;
        println!("{writers:8} {units_per_s:10.0} {events_per_s:10.0} {p50_ms:8.2} {p99_ms:8.2}");
        measured.push(line);
    }
    if let Some(path) = &options.json {
        std::fs::write(path, serde_json::to_string_pretty(&measured)? + "\n")?;
    }
    database.discard().await?;
    Ok(true)
}

async fn measure(store: &Store, writers: usize, time: Duration) -> Result<Measured, Failure> {
    let mut writing = JoinSet::new();
    let began = Instant::now();
    for _ in 0..writers {
        let store = store.clone();
        writing.spawn(async move { write(&store, began, time).await });
    }
    let (mut units, mut events, mut latency) = (0, 0, histogram());
    while let Some(written) = writing.join_next().await {
        let written = written??;
        units += written.units;
        events += written.events;
        latency.add(&written.latency)?;
    }
    let ms = |quantile| latency.value_at_quantile(quantile) as f64 / 1000.0;
    Ok(Measured {
        writers,
        units_per_s: units as f64 / time.as_secs_f64(),
        events_per_s: events as f64 / time.as_secs_f64(),
        p50_ms: ms(0.5),
        p99_ms: ms(0.99),
    })
}

struct Written {
    units: u64,
    events: u64,
    latency: Histogram<u64>,
}

/// One writer: a card of its own, and payments with it, each in two units as the real flow writes them.
async fn write(store: &Store, began: Instant, time: Duration) -> Result<Written, Failure> {
    let (user_id, card_id) = (UserId(new_id()), CardId(new_id()));
    let mut written = Written { units: 0, events: 0, latency: histogram() };
    written.append(store, issue(user_id, card_id)?).await?;
    while began.elapsed() < time {
        let payment_id = PaymentId(new_id());
        let card = store.load::<Card>(card_id).await?;
        written.append(store, initiate(&card, user_id, payment_id)?).await?;
        let payment = store.load::<Payment>(payment_id).await?;
        let capture = payment::Command::Capture {
            gateway: "sandbox".into(),
            gateway_reference: "txn_0198c5a27b1e7c3d".into(),
            amount: PRICE,
            is_final: true,
            now: Utc::now(),
        };
        let captured = payment.decide(capture)?;
        written.append(store, (Unit::new(context(user_id)).stream(&payment, captured), 1)).await?;
    }
    Ok(written)
}

impl Written {
    async fn append(&mut self, store: &Store, (unit, events): (Unit, u64)) -> Result<(), Failure> {
        let began = Instant::now();
        store.append(unit).await?;
        self.latency.saturating_record(u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX));
        self.units += 1;
        self.events += events;
        Ok(())
    }
}

fn context(user_id: UserId) -> Context {
    Context { correlation_id: new_id(), causation_id: None, traceparent: None, actor: Actor::Person(user_id) }
}

fn issue(user_id: UserId, card_id: CardId) -> Result<(Unit, u64), Failure> {
    let card = Loaded::<Card>::new(card_id);
    let mut state = Card::clone(&card);
    let expiry = Expiry::new(12, 2090).ok_or_else(|| Failure("not a date".into()))?;
    let commands = [
        card::Command::Request {
            user_id,
            card_type: CardType::VirtualVisa,
            monthly_limit: Money::new(i64::MAX / 2, Currency::USD),
            terms: Terms::default(),
            now: Utc::now(),
        },
        card::Command::RecordIssued {
            issuer: "sandbox".into(),
            issuer_reference: card_id.to_string(),
            last_four: "1111".into(),
            expiry,
            now: Utc::now(),
        },
    ];
    let mut events = Vec::new();
    for command in commands {
        let decided = state.decide(command)?;
        decided.iter().for_each(|event| state.apply(event));
        events.extend(decided);
    }
    Ok((Unit::new(context(user_id)).stream(&card, events), 2))
}

fn initiate(card: &Loaded<Card>, user_id: UserId, payment_id: PaymentId) -> Result<(Unit, u64), Failure> {
    let now = Utc::now();
    let held = card.decide(card::Command::Hold {
        user_id,
        payment_id,
        kind: HoldKind::Authorization,
        purchase: purchase(),
        earlier: 0,
        now,
    })?;
    let payment = Loaded::<Payment>::new(payment_id);
    let checks = Checks {
        amount_check: Check::Pass,
        location_check: Check::Pass,
        device_check: Check::Pass,
        velocity_check: Check::Pass,
    };
    let initiated = payment.decide(payment::Command::Initiate {
        user_id,
        card_id: CardId(card.id),
        amount: PRICE,
        merchant: "example-merchant.com".into(),
        merchant_category: "electronics".into(),
        device_id: None,
        screening: Screening { risk_score: 0.0, risk_level: RiskLevel::Low, approved: true, checks, rules_version: 1 },
        hold: Some(Slot::utc(now)),
        request_digest: None,
        network: None,
        now,
    })?;
    Ok((Unit::new(context(user_id)).stream(&payment, initiated).stream(card, held), 2))
}
