//! Login through OpenID providers, and the identities there that people have linked to their accounts.
//!
//! A provider vouches for an identity of its own, not for an account of ours. Which account an identity opens is
//! decided by links alone, and a link is made only by somebody who is logged in here, or together with a new account.
//! That a provider knows an address which an account here has opens nothing: whoever can make a provider believe in an
//! address would else have the account.

mod account;
mod identities;

use std::{sync::Arc, time::Duration};

use aggregates::{Proof, SessionId, UserId};
use providers::social::{IdentityProvider, Refused, Secrets, Vouched};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use store::{
    authentications::{Action, Outcome},
    one_time::Purpose,
};
use zeroize::Zeroizing;

use crate::{
    Error, Origin, System, Written,
    accounts::{self, Entry},
};

pub use identities::{complete_linking, list, start_linking, unlink};

/// How long a person may take at the provider.
const WITHIN: Duration = Duration::from_secs(10 * 60);
const LONGEST_CODE: usize = 4096;

/// What a person comes back with.
pub struct Return {
    pub state: SecretString,
    /// What `start` gave to the program that asked, and to nobody else. Linking has the session in its place.
    pub secret: Option<SecretString>,
    pub code: SecretString,
    /// RFC 9207.
    pub issuer: Option<String>,
    pub device_id: Option<String>,
    /// For a new account, where the provider does not tell them.
    pub first_name: Option<String>,
    pub last_name: Option<String>,
}

/// What a state stands for. One is never taken for another: neither another provider nor another purpose.
#[derive(Serialize, Deserialize)]
struct Journey {
    provider: String,
    nonce: Zeroizing<String>,
    verifier: Zeroizing<String>,
    purpose: Destination,
}

#[derive(PartialEq, Serialize, Deserialize)]
enum Destination {
    /// For whoever has the secret: what a browser's address shows is not enough (RFC 9700 §2.1.1).
    LogIn {
        secret: Zeroizing<String>,
    },
    Link {
        user_id: UserId,
        session_id: SessionId,
    },
}

/// A login that has begun.
pub struct Departed {
    /// Where to send the person.
    pub authorization_url: String,
    /// To be kept by the program that began, and shown when the person comes back.
    pub secret: SecretString,
}

/// Begins a login at the provider.
pub async fn start(system: &System, provider: &str) -> Result<Departed, Error> {
    let secret = store::one_time::new_secret();
    let purpose = Destination::LogIn { secret: secret.expose_secret().to_owned().into() };
    Ok(Departed { authorization_url: depart(system, provider, purpose).await?, secret })
}

/// Lets somebody in for whom the provider vouches: to the account that the identity is linked to, or to a new one.
pub async fn complete(system: &System, provider: &str, back: Return, origin: &Origin) -> Result<Written<Entry>, Error> {
    let device_id = back.device_id.clone();
    accounts::check_device(device_id.as_deref())?;
    let outcome = async {
        let secret = back.secret.as_ref().ok_or(Error::NotVouched)?.expose_secret().to_owned();
        let purpose = Destination::LogIn { secret: secret.into() };
        let vouched = arrive(system, provider, &back, &purpose).await?;
        account::of(system, provider, &vouched, &back, origin).await
    };
    let mut entry = origin.authentication(Action::LogIn, Outcome::Success);
    entry.device_id.clone_from(&device_id);
    let entered = match outcome.await {
        Ok(user_id) => {
            entry.user_id = Some(user_id);
            accounts::enter(system, user_id, accounts::Proven::by(Proof::Federated), device_id, origin).await
        }
        Err(error) => Err(error),
    };
    accounts::concluded(&mut entry, entered.as_ref().map(|written| &written.value));
    system.store.record_authentication(&entry).await?;
    entered
}

async fn depart(system: &System, provider: &str, purpose: Destination) -> Result<String, Error> {
    let known = named(system, provider)?;
    let Secrets { nonce, verifier } = Secrets::generate();
    let journey = Journey { provider: provider.into(), nonce, verifier, purpose };
    let user = match &journey.purpose {
        Destination::LogIn { .. } => None,
        Destination::Link { user_id, .. } => Some(*user_id),
    };
    let data = Zeroizing::new(serde_json::to_vec(&journey).map_err(|error| Error::Internal(error.into()))?);
    let state = system.store.issue_one_time(Purpose::SocialLogin, user, &data, WITHIN).await?;
    let secrets = Secrets { nonce: journey.nonce, verifier: journey.verifier };
    known.authorization_url(&state, &secrets).await.map_err(refused)
}

/// Whom the provider vouches for, if the way there began here, for this provider and this purpose. The state is used
/// up whatever comes of it.
async fn arrive(system: &System, provider: &str, back: &Return, purpose: &Destination) -> Result<Vouched, Error> {
    let known = named(system, provider)?;
    let redeemed = system.store.redeem_one_time(Purpose::SocialLogin, &back.state).await?.ok_or(Error::NotVouched)?;
    let journey: Journey = serde_json::from_slice(&redeemed.data).map_err(|error| Error::Internal(error.into()))?;
    if journey.provider != provider || journey.purpose != *purpose {
        return Err(Error::NotVouched);
    }
    if !(1..=LONGEST_CODE).contains(&back.code.expose_secret().len()) {
        return Err(Error::NotVouched);
    }
    let secrets = Secrets { nonce: journey.nonce, verifier: journey.verifier };
    known.vouch(&back.code, back.issuer.as_deref(), &secrets).await.map_err(refused)
}

fn named(system: &System, provider: &str) -> Result<Arc<dyn IdentityProvider>, Error> {
    system.providers.social.get(provider).cloned().ok_or(Error::NotFound { what: "identity_provider" })
}

fn refused(refused: Refused) -> Error {
    // The text speaks of the protocol, never of a person.
    match refused {
        Refused::NotVouched(why) => {
            tracing::info!(why, "an OpenID provider does not vouch");
            Error::NotVouched
        }
        Refused::Failed(why) => {
            tracing::warn!(why, "an OpenID provider failed");
            Error::Provider { vendor: "The identity provider" }
        }
    }
}
