//! The business flows: what spans aggregates and third parties.
//!
//! Every flow has the same shape. The intent is appended first; then a third party is called, with an idempotency
//! key that is the aggregate's own id; then the outcome is appended. Between the two appends a process may die: the
//! intent is in the log, and `finish` of the same flow, called by a worker, brings it to its end. A third party whose
//! answer is not known is asked again, never assumed to have done or not done something.
//!
//! This crate never speaks HTTP, SQL or Redis itself, and never calls a third party inside a transaction or while
//! holding a lock.

pub mod accounts;
mod apart;
pub mod api_keys;
pub mod audit;
pub mod cards;
pub mod clients;
pub mod consents;
mod error;
mod evenly;
pub mod export;
pub mod factors;
mod holders;
pub mod identity;
pub mod lockout;
pub mod mail;
pub mod network;
pub mod notifications;
pub mod oauth;
pub mod overview;
pub mod passwords;
pub mod payments;
mod people;
pub mod reveal;
pub mod screening;
pub mod sessions;
pub mod social;
pub mod staff;
pub mod step_up;
mod turns;
pub mod webhooks;

use std::{sync::Arc, time::Duration};

use aggregates::{Actor, Context, Currency, Money};
use chrono::{DateTime, SubsecRound, TimeDelta, Utc};
use store::authentications::{Action, Authentication, Outcome};
use tokio::sync::Semaphore;
use uuid::Uuid;

pub use apart::apart;
pub use error::Error;
pub use factors::Principal;

/// What a flow needs of the world. Cheap to clone.
#[derive(Clone)]
pub struct System {
    pub store: store::Store,
    pub providers: providers::Providers,
    pub views: projections::Views,
    pub settings: Arc<Settings>,
    passwords: Arc<passwords::Policy>,
    turns: Arc<turns::Turns>,
    approvals: Arc<network::Heard>,
    webhook_places: Arc<Semaphore>,
    picture_places: Arc<Semaphore>,
    session_cache: Option<Arc<dyn sessions::SessionCache>>,
}

impl System {
    /// Waits until the relational tables show what stands at `position`, as the views do by themselves: whoever is
    /// answered from the tables, because Redis is away, sees their own writes all the same.
    async fn tables_at(&self, position: Option<i64>) -> Result<(), Error> {
        let Some(wanted) = position else { return Ok(()) };
        let deadline = tokio::time::Instant::now() + TABLES_PATIENCE;
        while self.store.read_tables().position().await? < wanted {
            if tokio::time::Instant::now() >= deadline {
                return Err(Error::Behind { position: wanted });
            }
            tokio::time::sleep(TABLES_PAUSE).await;
        }
        Ok(())
    }

    pub fn new(
        store: store::Store,
        providers: providers::Providers,
        views: projections::Views,
        settings: Settings,
    ) -> System {
        System {
            store,
            providers,
            views,
            settings: Arc::new(settings),
            passwords: Arc::new(passwords::Policy::built_in()),
            turns: Arc::new(turns::Turns::new()),
            approvals: Arc::default(),
            webhook_places: Arc::new(Semaphore::new(webhooks::AT_ONCE)),
            picture_places: Arc::new(Semaphore::new(identity::PICTURES_AT_ONCE)),
            session_cache: None,
        }
    }

    /// The same system, which tells `cache` of every session that ends.
    #[must_use]
    pub fn with_session_cache(self, cache: Arc<dyn sessions::SessionCache>) -> System {
        System { session_cache: Some(cache), ..self }
    }

    /// With the list of common passwords that the settings name, if they name one.
    pub fn with_common_passwords(mut self) -> std::io::Result<System> {
        if let Some(path) = &self.settings.passwords.common_file {
            self.passwords = Arc::new(passwords::Policy::from_file(path)?);
        }
        Ok(self)
    }
}

/// What an operator may set about the flows.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// How long a login lasts at most, however often it is refreshed.
    pub session_days: u32,
    /// How long a refresh token is good; a session that is not refreshed in time is over.
    pub refresh_days: u32,
    /// A card's monthly limit in major units where the request names none.
    pub default_monthly_limit: i64,
    /// Whether an issued card waits for its owner to activate it.
    pub cards_need_activation: bool,
    /// The largest monthly limit, in major units, that a request may name.
    pub highest_monthly_limit: i64,
    /// How long a request may wait for a third party, retries included. Past it the outcome is left to a worker.
    pub third_party_seconds: u64,
    /// The age from which on a worker takes over what a request left open. Above `third_party_seconds`, lest workers
    /// take over what is still going well.
    pub abandoned_after_seconds: u64,
    /// How old a payment may be for a worker to repeat its charge. Older ones are only looked up, and declined if the
    /// gateway knows nothing of them. Keep it below the time that the gateway remembers idempotency keys; at 0 workers
    /// never repeat a charge.
    pub charge_again_within_hours: u64,
    /// How old a request for a card, or to make a person known, may be for the issuer to be asked again under its
    /// idempotency key alone. Past that the issuer is looked through first for what it has made. Keep it below the time
    /// that the issuer remembers keys (Stripe: 24 hours); at 0 every request is preceded by a look.
    pub issue_again_within_hours: u32,
    /// Where the app's own pages are, for links in mail.
    pub app_url: String,
    /// Whom our mail is from.
    pub mail_from: String,
    /// Answers that must not tell whether there is an account leave at multiples of this time; 0 turns it off.
    pub answer_tick_milliseconds: u64,
    /// How long the record of authentications is kept. PCI DSS 10.5.1 demands 12 months.
    pub authentications_kept_days: u32,
    /// How long the contents of webhooks are kept, sealed. That they came is known for ever.
    pub webhooks_kept_days: u32,
    pub kyc: identity::Settings,
    /// How many days before its last one the owner of a card is told that it expires.
    pub card_expiry_notice_days: u16,
    /// How long number and CVV of a card are kept after it was terminated or has expired.
    pub card_secrets_kept_days: u32,
    pub lockout: lockout::Settings,
    pub passwords: passwords::Settings,
    pub fraud: fraud::Policy,
    pub step_up: step_up::Policy,
    pub network: network::Settings,
    pub webauthn: factors::RelyingParty,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            session_days: 30,
            refresh_days: 7,
            default_monthly_limit: 10_000,
            cards_need_activation: false,
            highest_monthly_limit: 1_000_000,
            third_party_seconds: 10,
            abandoned_after_seconds: 30,
            charge_again_within_hours: 20,
            issue_again_within_hours: 20,
            app_url: "https://app.virtualcards.com".into(),
            mail_from: "Virtual Cards <no-reply@virtualcards.com>".into(),
            answer_tick_milliseconds: 400,
            authentications_kept_days: 366,
            webhooks_kept_days: 30,
            kyc: identity::Settings::default(),
            card_expiry_notice_days: 30,
            card_secrets_kept_days: 30,
            lockout: lockout::Settings::default(),
            passwords: passwords::Settings::default(),
            fraud: fraud::Policy::default(),
            step_up: step_up::Policy::default(),
            network: network::Settings::default(),
            webauthn: factors::RelyingParty::default(),
        }
    }
}

impl Settings {
    fn limit(major_units: i64, currency: Currency) -> Money {
        Money::new(major_units.saturating_mul(10_i64.saturating_pow(currency.exponent())), currency)
    }

    fn charge_again_within(&self) -> Duration {
        Duration::from_secs(self.charge_again_within_hours.saturating_mul(3_600))
    }

    fn issue_again_within(&self) -> TimeDelta {
        TimeDelta::hours(self.issue_again_within_hours.into())
    }

    /// Whether an issuer that was first asked then knows the idempotency key still. By a clock that has run backwards it
    /// does not, which is the careful side.
    fn issuer_remembers(&self, asked_at: DateTime<Utc>) -> bool {
        let age = now() - asked_at;
        TimeDelta::zero() <= age && age < self.issue_again_within()
    }

    pub fn abandoned_after(&self) -> Duration {
        Duration::from_secs(self.abandoned_after_seconds)
    }

    fn answer_tick(&self) -> Duration {
        Duration::from_millis(self.answer_tick_milliseconds)
    }

    fn deadline(&self) -> tokio::time::Instant {
        tokio::time::Instant::now() + Duration::from_secs(self.third_party_seconds)
    }
}

/// Where a command comes from, as it is written into its events.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The request's own id.
    pub correlation_id: Uuid,
    /// W3C Trace Context `traceparent` of the request.
    pub traceparent: Option<String>,
    /// Where the request came from. Kept in the record of authentications, never in events.
    pub address: Option<std::net::IpAddr>,
}

impl Origin {
    /// The origin of work that nobody asked for just now.
    pub fn of_worker() -> Origin {
        Origin { correlation_id: store::new_id(), traceparent: None, address: None }
    }

    /// An entry for the record of authentications, to be completed by the caller.
    pub(crate) fn authentication(&self, action: Action, outcome: Outcome) -> Authentication {
        Authentication {
            action,
            outcome,
            reason: None,
            user_id: None,
            client_id: None,
            subject: None,
            session_id: None,
            device_id: None,
            address: self.address,
            request_id: self.correlation_id,
        }
    }

    fn context(&self, actor: Actor) -> Context {
        Context {
            correlation_id: self.correlation_id,
            causation_id: None,
            traceparent: self.traceparent.clone(),
            actor,
        }
    }
}

/// The answer of a write, with the position from which on every reader sees it.
#[derive(Clone, Debug)]
pub struct Written<T> {
    pub value: T,
    pub position: i64,
}

/// The time as events carry it: to the microsecond, as PostgreSQL keeps it, so that all read models agree.
fn now() -> DateTime<Utc> {
    Utc::now().trunc_subsecs(6)
}

/// How long a read waits for the tables, and between two looks at them.
const TABLES_PATIENCE: Duration = Duration::from_secs(2);
const TABLES_PAUSE: Duration = Duration::from_millis(10);

/// How often a command is decided anew after losing to a concurrent one, before [`Error::Conflict`].
const ATTEMPTS: u32 = 8;
