//! What third parties tell us: kept first, then acted on; at once where there is a free place, else by a worker.
//!
//! A sender may repeat a delivery, and send in any order. Each is acted on until that has succeeded once, and acting is
//! to look at the sender's own resource, or a command that may be repeated.

use providers::webhooks::{Delivery, HeaderMap, Purpose, Source};
use store::webhooks::DeliveryMark;
use uuid::Uuid;

use crate::{Error, Origin, System, identity, network};

/// Deliveries acted on at the same time by one process that received them. Beyond, they are left to a worker.
pub(crate) const AT_ONCE: usize = 32;

/// What the sender is told beside "received". Empty unless it asked something.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// JSON.
    pub body: String,
    pub headers: Vec<(&'static str, String)>,
}

/// Takes a delivery in. Once this returns a value the delivery is stored; or was before, and is not acted on again. A
/// question is answered instead.
pub async fn receive(
    system: &System,
    source: &str,
    headers: &HeaderMap,
    body: &[u8],
    origin: &Origin,
) -> Result<Answer, Error> {
    let (name, source) =
        system.providers.webhooks.get_key_value(source).ok_or(Error::NotFound { what: "webhook_source" })?;
    let delivery = source.verifier.verify(headers, body, crate::now()).map_err(|refused| {
        tracing::info!(source = name, reason = refused.as_str(), "a webhook was refused");
        count(name, refused.as_str());
        Error::WebhookRefused
    })?;
    let Delivery { id, is_question } = delivery;
    if is_question {
        // Answered at once, and by the log: what was answered before is found there, so there is nothing to keep.
        count(name, "asked");
        return act(system, source, body, origin).await;
    }
    let mark = id.as_deref().map_or(DeliveryMark::Body, DeliveryMark::Id);
    let stored = system.store.put_webhook(name, mark, body).await?;
    count(name, if stored.is_some() { "stored" } else { "repeated" });
    if let Some(delivery) = stored {
        begin(system, source.clone(), delivery, body.to_vec(), origin.clone());
    }
    Ok(Answer::default())
}

/// Acts on a stored delivery, if nobody has.
pub async fn finish(system: &System, delivery: Uuid, origin: &Origin) -> Result<(), Error> {
    let Some(stored) = system.store.open_webhook(delivery).await? else { return Ok(()) };
    // A source that was taken out of the configuration may come back before the body's time is over.
    let source = system.providers.webhooks.get(stored.source.as_str());
    let source = source.ok_or(Error::NotFound { what: "webhook_source" })?;
    act(system, source, &stored.body, origin).await?;
    Ok(system.store.webhook_handled(delivery).await?)
}

/// Acts on a delivery beside the request. What fails, or a crash cuts off, a worker finds.
fn begin(system: &System, source: Source, delivery: Uuid, body: Vec<u8>, origin: Origin) {
    let Ok(place) = system.webhook_places.clone().try_acquire_owned() else { return };
    let system = system.clone();
    let body = zeroize::Zeroizing::new(body);
    tokio::spawn(async move {
        let acted = async {
            act(&system, &source, &body, &origin).await?;
            system.store.webhook_handled(delivery).await?;
            Ok::<_, Error>(())
        };
        if let Err(error) = acted.await {
            tracing::warn!(%delivery, %error, "a webhook could not be acted on yet");
        }
        drop(place);
    });
}

/// What a delivery means, by what its source is for.
async fn act(system: &System, source: &Source, body: &[u8], origin: &Origin) -> Result<Answer, Error> {
    match source.purpose {
        Purpose::Kyc => identity::heard(system, body, origin).await.map(|()| Answer::default()),
        Purpose::Issuing(issuer) => network::heard(system, issuer, body, origin).await,
    }
}

fn count(source: &'static str, outcome: &'static str) {
    metrics::counter!("webhooks_received_total", "source" => source, "outcome" => outcome).increment(1);
}
