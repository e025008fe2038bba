use std::{
    io::{IsTerminal, Write},
    time::{Duration, Instant},
};

use aggregates::{CardId, Envelope, Kind, PaymentId, UserId, payment::Payment};
use nats::Bus;
use secrecy::ExposeSecret;
use serde::Serialize;
use store::{Store, keys::Keys};
use uuid::Uuid;

use crate::{Config, Failure};

/// How long a bus that is away is waited for.
const PATIENCE: Duration = Duration::from_secs(2);

/// Shows everything that is known of one id, part by part. What is sealed stays sealed: no key is loaded.
pub(crate) async fn run(config: &Config, id: Uuid) -> Result<(), Failure> {
    let store = Store::connect(config.database_url(), Keys::none(), &config.store)?;
    let mut events = Vec::new();
    for kind in Kind::ALL {
        events.extend(store.stream(kind, id).await?);
    }
    if events.is_empty() {
        return Err(Failure::Other(format!("the log has no events of {id}")));
    }
    events.sort_by_key(|event| event.position);
    heading("PostgreSQL: the log");
    for event in &events {
        let Envelope { position, kind, name, sequence, recorded_at, data, .. } = event;
        say(&format!("position {position}  {kind}.{name} #{sequence}  {recorded_at}\n    {data}"));
    }
    bus(config, &events).await;
    views(config, id).await?;
    tables(&store, PaymentId(id)).await
}

async fn bus(config: &Config, events: &[Envelope]) {
    heading("NATS JetStream: the messages");
    let connected = Bus::connect(&config.bus()).await;
    let Ok(bus) = connected else { return say("not reachable") };
    let deadline = Instant::now() + PATIENCE;
    while !bus.is_connected() && Instant::now() < deadline {
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    for event in events {
        match bus.stored(event.position).await {
            Ok(Some(stored)) => {
                say(&format!(
                    "sequence {}  subject {}  carries position {}",
                    stored.sequence, stored.subject, event.position
                ));
            }
            Ok(None) => say(&format!("position {} is not (or no more) in the stream", event.position)),
            Err(error) => return say(&error.to_string()),
        }
    }
}

async fn views(config: &Config, id: Uuid) -> Result<(), Failure> {
    heading("Redis: the read model");
    let redis_url = config.redis_url().expose_secret();
    let views = projections::Views::connect(redis_url, &config.namespace, &config.views)?;
    show(views.transaction(PaymentId(id), None).await);
    show(views.card(CardId(id), None).await);
    show(views.profile(UserId(id), None).await);
    Ok(())
}

async fn tables(store: &Store, payment: PaymentId) -> Result<(), Failure> {
    let Some(payer) = store.load::<Payment>(payment).await?.user_id() else { return Ok(()) };
    if let Some(row) = store.transaction_row(payer, payment).await? {
        heading("PostgreSQL: the relational read table");
        say(&format!("{row:?}"));
    }
    Ok(())
}

fn show<T: Serialize>(document: Result<Option<T>, projections::ReadError>) {
    match document {
        Ok(Some(document)) => say(&serde_json::to_string_pretty(&document).unwrap_or_default()),
        Ok(None) => {}
        Err(error) => say(&error.to_string()),
    }
}

fn heading(text: &str) {
    match std::io::stdout().is_terminal() {
        true => say(&format!("\n\x1b[1m{text}\x1b[0m")),
        false => say(&format!("\n{text}")),
    }
}

/// A reader that has gone away, such as `head`, is no failure.
fn say(text: &str) {
    let _ = writeln!(std::io::stdout(), "{text}");
}
