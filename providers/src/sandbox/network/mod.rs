//! The card network: purchases at merchants with the cards of the sandbox's issuer, asked and told of by signed
//! webhooks in Stripe's form. Everything below `/sandbox/network` needs no key.

mod deliver;
mod shape;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use aggregates::card::IssuerStatus;
use chrono::Utc;
use poem::{Request, Response};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    SandboxConfig,
    answers::{self, Problem},
    issuer::Issuer,
};
use crate::issuing::stripe::StripeWebhooks;
use deliver::Deliveries;
use shape::{Authorization, Purchase, event};

pub(super) struct Network {
    authorizations: Mutex<HashMap<String, Authorization>>,
    max_records: usize,
    deliveries: Arc<Deliveries>,
    issuer: Arc<Issuer>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Target {
    url: String,
}

/// What happens next to an authorisation. Amounts are minor units; none: all of it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Step {
    #[serde(default)]
    amount: Option<i64>,
    /// Whether a capture ends the authorisation.
    #[serde(default)]
    more_to_come: bool,
    #[serde(default)]
    withhold: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Release {
    #[serde(default)]
    newest_first: bool,
    #[serde(default)]
    times: Option<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CardStep {
    card_id: Uuid,
    status: IssuerStatus,
}

impl Network {
    pub fn new(config: &SandboxConfig, issuer: Arc<Issuer>) -> Network {
        let signer = StripeWebhooks::new(config.issuer_webhook_secret.clone());
        Network {
            authorizations: Mutex::default(),
            max_records: config.max_records,
            deliveries: Arc::new(Deliveries::new(signer, &config.webhooks_url)),
            issuer,
        }
    }

    fn tell(&self, kind: &str, object: Value, previous: Option<Value>, withhold: bool) {
        let told = event(&new_id("evt"), kind, object, previous, now());
        self.deliveries.clone().tell(told, withhold);
    }

    /// Changes an authorisation, and gives what is to be told of it.
    fn change<T>(
        &self,
        id: &str,
        change: impl FnOnce(&mut Authorization) -> Result<T, Problem>,
    ) -> Result<(T, Authorization), Problem> {
        let mut all = self.authorizations.lock().unwrap_or_else(PoisonError::into_inner);
        let authorization = all.get_mut(id).ok_or(Problem::NO_SUCH_TRANSACTION)?;
        let changed = change(authorization)?;
        Ok((changed, authorization.clone()))
    }

    async fn ask(&self, id: &str, amount: i64) -> Result<Response, Problem> {
        let ((), asked) = self.change(id, |_| Ok(()))?;
        let question = event(&new_id("evt"), "issuing_authorization.request", asked.object(Some(amount)), None, now());
        let mut heard = self.deliveries.ask(&question, asked.purchase.stand_in).await;
        if asked.purchase.deaf {
            heard = heard.lost(asked.purchase.stand_in);
        }
        let (before, after) = self.change(id, |authorization| {
            let before = authorization.amount;
            authorization.ruled(amount, heard.approved, heard.reason, now());
            Ok(before)
        })?;
        let (kind, previous) = match after.history.len() {
            1 => ("issuing_authorization.created", None),
            _ => ("issuing_authorization.updated", Some(json!({ "amount": before }))),
        };
        self.tell(kind, after.object(None), previous, after.purchase.withhold);
        Ok(answers::json(&json!({
            "authorization": id, "approved": heard.approved, "reason": heard.reason, "status": heard.status,
            "milliseconds": heard.took.as_millis() as u64, "question": question,
        })))
    }
}

/// `POST /sandbox/network`: where webhooks go from now on, such as `http://127.0.0.1:8080`.
pub(super) async fn target(network: Arc<Network>, mut request: Request) -> Result<Response, Problem> {
    let Target { url } = read(&mut request).await?;
    network.deliveries.send_to(&url);
    Ok(answers::json(&json!({})))
}

/// `POST /sandbox/network/purchases`: somebody shows the card at a merchant.
pub(super) async fn purchase(network: Arc<Network>, mut request: Request) -> Result<Response, Problem> {
    let purchase: Purchase = read(&mut request).await?;
    let (id, amount) = (new_id("iauth"), purchase.amount);
    {
        let mut all = network.authorizations.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() >= network.max_records {
            return Err(Problem::FULL);
        }
        all.insert(id.clone(), Authorization::new(id.clone(), purchase, now()));
    }
    network.ask(&id, amount).await
}

/// `POST /sandbox/network/purchases/:id/increment`: the merchant asks for more.
pub(super) async fn increment(network: Arc<Network>, mut request: Request) -> Result<Response, Problem> {
    let (id, step) = step(&mut request).await?;
    network.ask(&id, step.amount.ok_or(Problem::INVALID_REQUEST)?).await
}

/// `POST …/:id/capture`: the merchant charges, all or `amount`, which may be more than was approved.
pub(super) async fn capture(network: Arc<Network>, mut request: Request) -> Result<Response, Problem> {
    let (id, step) = step(&mut request).await?;
    let transaction = new_id("ipi");
    let ((moved, previous), after) = network.change(&id, |authorization| {
        let amount = step.amount.unwrap_or(authorization.amount);
        let previous = json!({ "status": authorization.status, "transactions": authorization.transactions });
        let moved = authorization.purchase.transaction(&transaction, "capture", amount, Some(&id), now());
        authorization.transactions.push(moved.clone());
        if !step.more_to_come {
            authorization.status = "closed";
        }
        Ok((moved, previous))
    })?;
    network.tell("issuing_transaction.created", moved.clone(), None, step.withhold);
    network.tell("issuing_authorization.updated", after.object(None), Some(previous), step.withhold);
    Ok(answers::json(&moved))
}

/// `POST …/:id/refund`: the merchant gives money back.
pub(super) async fn refund(network: Arc<Network>, mut request: Request) -> Result<Response, Problem> {
    let (id, step) = step(&mut request).await?;
    let transaction = new_id("ipi");
    let (moved, _) = network.change(&id, |authorization| {
        let amount = step.amount.unwrap_or(authorization.amount);
        let moved = authorization.purchase.transaction(&transaction, "refund", amount, Some(&id), now());
        authorization.transactions.push(moved.clone());
        Ok(moved)
    })?;
    network.tell("issuing_transaction.created", moved.clone(), None, step.withhold);
    Ok(answers::json(&moved))
}

/// `POST …/:id/reverse`: the merchant gives up the approval, or part of it.
pub(super) async fn reverse(network: Arc<Network>, mut request: Request) -> Result<Response, Problem> {
    let (id, step) = step(&mut request).await?;
    give_up(&network, &id, step.amount, step.withhold)
}

/// `POST …/:id/expire`: nobody charges it in time. Stripe's API of our version says `reversed` of that, too.
pub(super) async fn expire(network: Arc<Network>, mut request: Request) -> Result<Response, Problem> {
    let (id, step) = step(&mut request).await?;
    give_up(&network, &id, None, step.withhold)
}

/// `POST …/:id/forget`: the issuer knows nothing of it any more.
pub(super) async fn forget(network: Arc<Network>, mut request: Request) -> Result<Response, Problem> {
    let (id, Step { .. }) = step(&mut request).await?;
    network.authorizations.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    Ok(answers::json(&json!({})))
}

/// `GET /issuer/v1/authorizations/:id`, with the issuer's key.
pub(super) async fn look_up(network: Arc<Network>, request: Request) -> Result<Response, Problem> {
    answers::authorise(&request, network.issuer.key())?;
    let id = request.path_params::<String>().map_err(|_| Problem::INVALID_REQUEST)?;
    let ((), authorization) = network.change(&id, |_| Ok(()))?;
    Ok(answers::json(&authorization.object(None)))
}

fn give_up(network: &Network, id: &str, amount: Option<i64>, withhold: bool) -> Result<Response, Problem> {
    let (previous, after) = network.change(id, |authorization| {
        let previous = json!({ "amount": authorization.amount });
        authorization.amount -= amount.unwrap_or(authorization.amount);
        if authorization.amount == 0 {
            authorization.status = "reversed";
        }
        Ok(previous)
    })?;
    network.tell("issuing_authorization.updated", after.object(None), Some(previous), withhold);
    Ok(answers::json(&after.object(None)))
}

/// `POST /sandbox/network/force-posts`: the merchant charges without having asked.
pub(super) async fn force_post(network: Arc<Network>, mut request: Request) -> Result<Response, Problem> {
    let purchase: Purchase = read(&mut request).await?;
    let moved = purchase.transaction(&new_id("ipi"), "capture", purchase.amount, None, now());
    network.tell("issuing_transaction.created", moved.clone(), None, purchase.withhold);
    Ok(answers::json(&moved))
}

/// `POST /sandbox/network/cards`: the issuer changes a card's status by itself.
pub(super) async fn card(network: Arc<Network>, mut request: Request) -> Result<Response, Problem> {
    let CardStep { card_id, status } = read(&mut request).await?;
    let status = network.issuer.change(card_id, status, None)?;
    let of_card = json!({ "card_id": card_id, "amount": 0, "currency": "USD", "merchant": "none" });
    let purchase: Purchase = serde_json::from_value(of_card).map_err(|_| Problem::INVALID_REQUEST)?;
    network.tell("issuing_card.updated", purchase.card(status.as_str()), Some(json!({ "status": "active" })), false);
    Ok(answers::json(&json!({})))
}

/// `POST /sandbox/network/deliver`: sends what was withheld.
pub(super) async fn deliver(network: Arc<Network>, mut request: Request) -> Result<Response, Problem> {
    let Release { newest_first, times } = read(&mut request).await?;
    let delivered = network.deliveries.deliver(newest_first, times.unwrap_or(1)).await;
    Ok(answers::json(&json!({ "delivered": delivered })))
}

async fn step(request: &mut Request) -> Result<(String, Step), Problem> {
    let id = request.path_params::<String>().map_err(|_| Problem::INVALID_REQUEST)?;
    Ok((id, read(request).await?))
}

async fn read<T: DeserializeOwned>(request: &mut Request) -> Result<T, Problem> {
    let body = answers::body(request).await?;
    serde_json::from_slice(&body).map_err(|_| Problem::INVALID_REQUEST)
}

fn new_id(kind: &str) -> String {
    format!("{kind}_{}", Uuid::now_v7().simple())
}

fn now() -> i64 {
    Utc::now().timestamp()
}
