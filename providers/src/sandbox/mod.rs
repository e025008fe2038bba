//! A server that stands in for all kinds of third parties, for development, tests and benchmarks: the KYC
//! provider under `/kyc`, the card issuer under `/issuer`, the payment gateway under `/gateway`, the mail
//! provider with all its mailboxes under `/mail`, the card network under `/sandbox/network`, and under
//! `/sandbox/charges` what really happened at the gateway. `/healthz` answers as soon as it serves.
//!
//! What happens is chosen by magic values in the request; `providers/SANDBOX.md` has the table:
//! - KYC, by the document number's beginning: `REJECT`, `REVIEW`, `WATCH`, `SLOW`, `NEVER`, `OTHER`, `DOWN`;
//!   everything else is approved.
//!   A `SLOW` check is told of by webhook, where the settings say to whom.
//! - Issuer, by the last two digits of the limit in minor units: `13` is down, `14` loses its first answer,
//!   `15` each answer and the key.
//! - Gateway, by the merchant's beginning: `declined.`, `insufficient.`, `slow.`, `lost.`, `down.`, `flaky.`.
//! - Mail, by the address's beginning: `down.`, `flaky.`, `refused.`.
//!
//! It keeps everything in memory and forgets it when it stops. Each kind of record has a bound; beyond it new ones are
//! answered with 507. Connections are bounded by the process's open files only. It logs nothing of a request.

mod answers;
mod card_numbers;
mod gateway;
mod issuer;
mod kyc;
mod ledger;
mod mailbox;
mod network;
mod notices;

use std::{io, sync::Arc, time::Duration};

use poem::{
    Endpoint, IntoResponse, Request, Response, Route, Server, endpoint::make, get, listener::TcpAcceptor, post,
};
use secrecy::SecretString;
use serde::Deserialize;
use tokio::net::TcpListener;

use answers::Problem;

/// The key that the sandbox expects of everybody, and that adapters send, unless configured otherwise. No secret: it
/// opens nothing but the sandbox.
pub const DEFAULT_KEY: &str = "sandbox-key";

/// By which the sandbox signs its webhooks, unless configured otherwise. No secret either.
pub const DEFAULT_WEBHOOK_SECRET: &str = "sandbox-webhook-secret";

/// How long calls under way may take to finish after shutdown was asked for.
const SHUTDOWN: Duration = Duration::from_secs(1);

/// The sandbox's settings; unknown keys are refused.
#[derive(Clone, Debug, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct SandboxConfig {
    pub kyc_key: SecretString,
    pub issuer_key: SecretString,
    pub gateway_key: SecretString,
    pub mail_key: SecretString,
    /// Where the system is that is told of checks, and asked about purchases, by webhook, such as
    /// `http://127.0.0.1:8080`. Empty: nobody is told.
    pub webhooks_url: String,
    /// By which these webhooks are signed.
    pub kyc_webhook_secret: SecretString,
    /// By which the issuer's webhooks are signed.
    pub issuer_webhook_secret: SecretString,
    /// How many months after this one a card's last is; below zero it has expired when it is made.
    pub cards_expire_in_months: i32,
    /// How many checks, cards, charges and mailboxes are kept, of each; a new one beyond is answered with 507.
    pub max_records: usize,
    /// How late the gateway answers for merchants `slow.…`. The charge is made at once.
    pub slow_answer_ms: u64,
    /// How long a check of a document `SLOW…` takes.
    pub slow_check_ms: u64,
}

impl Default for SandboxConfig {
    fn default() -> Self {
        SandboxConfig {
            kyc_key: DEFAULT_KEY.into(),
            issuer_key: DEFAULT_KEY.into(),
            gateway_key: DEFAULT_KEY.into(),
            mail_key: DEFAULT_KEY.into(),
            webhooks_url: String::new(),
            kyc_webhook_secret: DEFAULT_WEBHOOK_SECRET.into(),
            issuer_webhook_secret: DEFAULT_WEBHOOK_SECRET.into(),
            cards_expire_in_months: 36,
            max_records: 1_000_000,
            slow_answer_ms: 10_000,
            slow_check_ms: 2_000,
        }
    }
}

/// Serves until `shutdown` is done; then finishes the calls under way, for a second at most.
pub async fn serve(
    listener: TcpListener,
    config: SandboxConfig,
    shutdown: impl Future<Output = ()> + Send,
) -> io::Result<()> {
    let acceptor = TcpAcceptor::from_tokio(listener)?;
    Server::new_with_acceptor(acceptor).run_with_graceful_shutdown(routes(&config), shutdown, Some(SHUTDOWN)).await
}

fn routes(config: &SandboxConfig) -> Route {
    let kyc = Arc::new(kyc::Kyc::new(config));
    let issuer = Arc::new(issuer::Issuer::new(config));
    let gateway = Arc::new(gateway::Gateway::new(config));
    let mail = Arc::new(mailbox::Mailboxes::new(config));
    let network = Arc::new(network::Network::new(config, issuer.clone()));
    let purchases = Route::new()
        .at("/", post(on(&network, network::purchase)))
        .at("/:id/increment", post(on(&network, network::increment)))
        .at("/:id/capture", post(on(&network, network::capture)))
        .at("/:id/refund", post(on(&network, network::refund)))
        .at("/:id/reverse", post(on(&network, network::reverse)))
        .at("/:id/expire", post(on(&network, network::expire)))
        .at("/:id/forget", post(on(&network, network::forget)));
    Route::new()
        .at("/healthz", get(make(async |_| "ok")))
        .at("/kyc/v1/documents", post(on(&kyc, kyc::upload)))
        .at("/kyc/v1/checks", post(on(&kyc, kyc::submit)).get(on(&kyc, kyc::look_up)).delete(on(&kyc, kyc::forget)))
        .at("/sandbox/kyc/hits", post(on(&kyc, kyc::hit)))
        .at("/issuer/v1/cards", post(on(&issuer, issuer::issue)).get(on(&issuer, issuer::find)))
        .at("/issuer/v1/cards/:card_id/status", post(on(&issuer, issuer::set_status)).get(on(&issuer, issuer::look_up)))
        .at("/issuer/v1/authorizations/:id", get(on(&network, network::look_up)))
        .at("/sandbox/cards/:card_id", get(on(&issuer, issuer::status)))
        .at("/gateway/v1/transactions", post(on(&gateway, gateway::charge)).get(on(&gateway, gateway::look_up)))
        .at("/mail/v1/messages", post(on(&mail, mailbox::send)).get(on(&mail, mailbox::read)))
        .at("/sandbox/network", post(on(&network, network::target)))
        .nest("/sandbox/network/purchases", purchases)
        .at("/sandbox/network/force-posts", post(on(&network, network::force_post)))
        .at("/sandbox/network/cards", post(on(&network, network::card)))
        .at("/sandbox/network/deliver", post(on(&network, network::deliver)))
        .at("/sandbox/charges", get(on(&gateway, gateway::summary)))
        .at("/sandbox/charges/:key", get(on(&gateway, gateway::entry)))
}

fn on<S, H, F>(state: &Arc<S>, handler: H) -> impl Endpoint<Output = Response> + 'static
where
    S: Send + Sync + 'static,
    H: Fn(Arc<S>, Request) -> F + Send + Sync + 'static,
    F: Future<Output = Result<Response, Problem>> + Send + 'static,
{
    let state = Arc::clone(state);
    make(move |request| {
        let answer = handler(Arc::clone(&state), request);
        async move { answer.await.unwrap_or_else(IntoResponse::into_response) }
    })
}
