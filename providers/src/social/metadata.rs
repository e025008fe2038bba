use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use openidconnect::{
    AdditionalProviderMetadata, IssuerUrl, ProviderMetadata,
    core::{
        CoreAuthDisplay, CoreClaimName, CoreClaimType, CoreClientAuthMethod, CoreGrantType, CoreJsonWebKey,
        CoreJweContentEncryptionAlgorithm, CoreJweKeyManagementAlgorithm, CoreResponseMode, CoreResponseType,
        CoreSubjectIdentifierType,
    },
};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;

use super::{Refused, transport::Transport};

/// How long metadata and keys are used without asking again.
const FRESH: Duration = Duration::from_secs(60 * 60);
/// How long they may serve when asking again fails.
const STALE: Duration = Duration::from_secs(24 * 60 * 60);
/// Between two fetches, so that neither an outage nor tokens with invented keys make us ask all the time.
const PAUSE: Duration = Duration::from_secs(10);

pub(super) type Metadata = ProviderMetadata<
    IssParameter,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

/// RFC 9207 §3.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct IssParameter {
    #[serde(default)]
    pub authorization_response_iss_parameter_supported: bool,
}

impl AdditionalProviderMetadata for IssParameter {}

/// What a provider says of itself, with its keys; fetched when needed.
#[derive(Default)]
pub(super) struct Cached {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    known: Option<(Instant, Arc<Metadata>)>,
    tried: Option<Instant>,
}

impl Cached {
    /// The metadata, not older than an hour; of up to a day while the provider cannot be reached.
    pub async fn get(&self, issuer: &IssuerUrl, transport: &Transport) -> Result<Arc<Metadata>, Refused> {
        self.not_older_than(FRESH, issuer, transport).await
    }

    /// The metadata anew, for a key that is not among those known; those known, if they were fetched just now.
    pub async fn renew(&self, issuer: &IssuerUrl, transport: &Transport) -> Result<Arc<Metadata>, Refused> {
        self.not_older_than(PAUSE, issuer, transport).await
    }

    async fn not_older_than(
        &self,
        age: Duration,
        issuer: &IssuerUrl,
        transport: &Transport,
    ) -> Result<Arc<Metadata>, Refused> {
        // Held while fetching, so that one fetch serves all who wait.
        let mut state = self.state.lock().await;
        let within = |state: &State, age| {
            state.known.as_ref().filter(|(at, _)| at.elapsed() < age).map(|(_, metadata)| metadata.clone())
        };
        if let Some(metadata) = within(&state, age) {
            return Ok(metadata);
        }
        let unreachable = Refused::Failed("its metadata cannot be had");
        if state.tried.is_some_and(|at| at.elapsed() < PAUSE) {
            return within(&state, STALE).ok_or(unreachable);
        }
        state.tried = Some(Instant::now());
        match Metadata::discover_async(issuer.clone(), transport).await {
            Ok(metadata) => {
                let metadata = Arc::new(metadata);
                *state = State { known: Some((Instant::now(), metadata.clone())), tried: None };
                Ok(metadata)
            }
            Err(_) => {
                tracing::warn!(issuer = issuer.as_str(), "an OpenID provider's metadata cannot be had");
                within(&state, STALE).ok_or(unreachable)
            }
        }
    }
}
