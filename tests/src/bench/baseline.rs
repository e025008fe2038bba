//! The same payment on plain postgres-es, as its documentation has it: one CQRS command at a time, each loading its
//! aggregate and inserting its events in a transaction of its own.
//!
//! It is spared what the real system does besides: HTTP in front, authentication, screening, the vault, the bus and the
//! read models. The gateway is the same one, called over HTTP by the same client between intent and outcome.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use aggregates::{
    CardId, Currency, Money, PaymentId, UserId,
    card::{self, Card, CardType, Channel, Expiry, HoldKind, Purchase, Slot, Terms},
    payment::{self, Check, Checks, Payment, RiskLevel, Screening},
};
use chrono::Utc;
use cqrs_es::Aggregate;
use postgres_es::{PostgresCqrs, postgres_cqrs};
use providers::{
    CardNumber, Cvv, Providers,
    gateway::{Charge, ChargeResult},
};
use sqlx::{PgPool, postgres::PgPoolOptions};
use tokio::task::JoinSet;
use uuid::Uuid;

use crate::{processes::Failure, scratch::Scratch};

/// The table as postgres-es documents it; left alone by autovacuum, which would do its work while the next leg is
/// measured.
const EVENTS: &str = "CREATE TABLE events (
    aggregate_type text                         NOT NULL,
    aggregate_id   text                         NOT NULL,
    sequence       bigint CHECK (sequence >= 0) NOT NULL,
    event_type     text                         NOT NULL,
    event_version  text                         NOT NULL,
    payload        json                         NOT NULL,
    metadata       json                         NOT NULL,
    PRIMARY KEY (aggregate_type, aggregate_id, sequence)) WITH (autovacuum_enabled = off)";

/// Connections at most: more have not made it faster.
const CONNECTIONS: usize = 64;

const PRICE: Money = Money::new(100, Currency::USD);

pub struct Baseline {
    database: Scratch,
    pool: PgPool,
    shop: Arc<Shop>,
}

struct Shop {
    cards: PostgresCqrs<Card>,
    payments: PostgresCqrs<Payment>,
    providers: Providers,
    number: CardNumber,
    cvv: Cvv,
    expiry: Expiry,
}

/// Who pays, and with which card.
type Payer = (UserId, CardId);

impl Baseline {
    pub async fn prepare(database: Scratch, providers_url: &str, concurrency: usize) -> Result<Baseline, Failure> {
        let connections = u32::try_from(concurrency.min(CONNECTIONS))?;
        let pool = PgPoolOptions::new().max_connections(connections).connect(&database.url()).await?;
        sqlx::query(EVENTS).execute(&pool).await?;
        let shop = Shop {
            cards: cqrs(&pool),
            payments: cqrs(&pool),
            providers: Providers::sandbox(providers_url, &providers::Config::default())?,
            number: CardNumber::parse("4111111111111111")?,
            cvv: Cvv::parse("123")?,
            expiry: Expiry::new(12, 2090).ok_or_else(|| Failure("not a date".into()))?,
        };
        Ok(Baseline { database, pool, shop: Arc::new(shop) })
    }

    /// Payments a second, with as many new cards as the real system has people.
    pub async fn run(&self, people: usize, concurrency: usize, time: Duration) -> Result<f64, Failure> {
        let payers = self.shop.open_cards(people).await?;
        let paid = Arc::new(AtomicU64::new(0));
        let (began, mut paying) = (Instant::now(), JoinSet::new());
        for first in 0..concurrency {
            let own: Vec<Payer> = payers.iter().skip(first % payers.len()).step_by(concurrency).copied().collect();
            let (shop, paid) = (Arc::clone(&self.shop), Arc::clone(&paid));
            paying.spawn(async move {
                for payer in own.iter().cycle() {
                    shop.pay(*payer).await?;
                    if began.elapsed() >= time {
                        break;
                    }
                    paid.fetch_add(1, Ordering::Relaxed);
                }
                Ok::<_, Failure>(())
            });
        }
        while let Some(ended) = paying.join_next().await {
            ended??;
        }
        Ok(paid.load(Ordering::Relaxed) as f64 / time.as_secs_f64())
    }

    pub async fn discard(self) -> Result<(), Failure> {
        self.pool.close().await;
        self.database.discard().await
    }
}

fn cqrs<A: Aggregate<Services = ()>>(pool: &PgPool) -> PostgresCqrs<A> {
    postgres_cqrs(pool.clone(), vec![], ())
}

impl Shop {
    async fn open_cards(&self, count: usize) -> Result<Vec<Payer>, Failure> {
        let mut payers = Vec::with_capacity(count);
        for _ in 0..count {
            let (user_id, card_id) = (UserId(Uuid::now_v7()), CardId(Uuid::now_v7()));
            let request = card::Command::Request {
                user_id,
                card_type: CardType::VirtualVisa,
                monthly_limit: Money::new(100_000_000, Currency::USD),
                terms: Terms::default(),
                now: Utc::now(),
            };
            self.cards.execute(&card_id.to_string(), request).await?;
            let issued = card::Command::RecordIssued {
                issuer: "sandbox".into(),
                issuer_reference: card_id.to_string(),
                last_four: "1111".into(),
                expiry: self.expiry,
                now: Utc::now(),
            };
            self.cards.execute(&card_id.to_string(), issued).await?;
            payers.push((user_id, card_id));
        }
        Ok(payers)
    }

    async fn pay(&self, (user_id, card_id): Payer) -> Result<(), Failure> {
        let (payment_id, now) = (PaymentId(Uuid::now_v7()), Utc::now());
        let hold = card::Command::Hold {
            user_id,
            payment_id,
            kind: HoldKind::Authorization,
            purchase: purchase(),
            earlier: 0,
            now,
        };
        self.cards.execute(&card_id.to_string(), hold).await?;
        let initiate = payment::Command::Initiate {
            user_id,
            card_id,
            amount: PRICE,
            merchant: "example-merchant.com".into(),
            merchant_category: "electronics".into(),
            device_id: None,
            screening: unsuspicious(),
            hold: Some(Slot::utc(now)),
            request_digest: None,
            network: None,
            now,
        };
        self.payments.execute(&payment_id.to_string(), initiate).await?;
        let charge = Charge {
            payment_id,
            number: &self.number,
            cvv: &self.cvv,
            expiry: self.expiry,
            amount: PRICE,
            merchant: "example-merchant.com",
        };
        let gateway = &self.providers.gateway;
        let ChargeResult::Approved { reference } = gateway.charge(&charge).await? else {
            return Err(Failure("the gateway declined".into()));
        };
        let capture = payment::Command::Capture {
            gateway: gateway.name().into(),
            gateway_reference: reference,
            amount: PRICE,
            is_final: true,
            now: Utc::now(),
        };
        Ok(self.payments.execute(&payment_id.to_string(), capture).await?)
    }
}

/// What everybody buys.
pub(super) fn purchase() -> Purchase {
    Purchase {
        amount: PRICE,
        merchant: "example-merchant.com".into(),
        merchant_category: "electronics".into(),
        mcc: None,
        country: None,
        currency: None,
        channel: Channel::Online,
    }
}

fn unsuspicious() -> Screening {
    let checks = Checks {
        amount_check: Check::Pass,
        location_check: Check::Pass,
        device_check: Check::Pass,
        velocity_check: Check::Pass,
    };
    Screening { risk_score: 0.0, risk_level: RiskLevel::Low, approved: true, checks, rules_version: 1 }
}
