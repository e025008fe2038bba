//! Step-up: a second proof for one sensitive operation, however long ago the login was.
//!
//! A step-up is good once, for five minutes, for one person in one session and for one operation. That of a payment
//! is bound to amount, card and payee (PSD2 RTS, article 5), that of a reveal to card and device: change any of them,
//! and it no longer serves.

mod policy;

use std::time::Duration;

use aggregates::{CardId, Money, SessionId, card::Controls, user::User};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};
use store::{
    authentications::{Action, Outcome},
    one_time::Purpose,
};
use webauthn_rs::prelude::PasskeyAuthentication;

use crate::{
    Error, Origin, System,
    factors::{Principal, SecondProof, Verdict, passkeys, record, verify},
    payments, reveal,
};

pub use policy::{Demand, Policy};

/// How long a challenge waits for its proof, and a step-up for its operation.
const WITHIN: Duration = Duration::from_secs(5 * 60);

/// How often a proof may be tried for one challenge.
const ATTEMPTS: u32 = 5;

/// What a step-up is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Operation {
    CardRequest,
    CardReveal(reveal::Wanted),
    /// Loosening what a card may be used for.
    LimitRaise(Raise),
    /// How the person logs in.
    Account,
    Payment(Linked),
}

/// The payment that a step-up is linked to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Linked {
    pub card_id: CardId,
    pub amount: Money,
    /// The payee.
    pub merchant: String,
}

/// The card and the very controls that a step-up lets it have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Raise {
    pub card_id: CardId,
    pub monthly_limit: Money,
    /// SHA-256, hexadecimal, of the controls in their normal form.
    controls: String,
}

impl Raise {
    pub fn new(card_id: CardId, controls: &Controls, monthly_limit: Money) -> Result<Raise, Error> {
        let text = serde_json::to_vec(&controls.clone().normalized()).map_err(|e| Error::Internal(Box::new(e)))?;
        let controls = Sha256::digest(text).iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(Raise { card_id, monthly_limit, controls })
    }
}

/// What is to be proven.
pub struct Challenge {
    pub ticket: SecretString,
    pub expires_in: Duration,
    pub totp: bool,
    pub recovery_code: bool,
    /// What a passkey has to sign, where the account has one.
    pub passkey_options: Option<Value>,
    pub operation: Operation,
}

/// A step-up that was proven.
pub struct Granted {
    pub token: SecretString,
    pub expires_in: Duration,
    pub operation: Operation,
}

/// What a challenge's ticket stands for.
#[derive(Serialize, Deserialize)]
struct Challenged {
    session_id: SessionId,
    operation: Operation,
    ceremony: Option<PasskeyAuthentication>,
}

/// What a step-up token stands for.
#[derive(Serialize, Deserialize)]
struct Allowed {
    session_id: SessionId,
    operation: Operation,
}

impl Operation {
    pub const fn name(&self) -> &'static str {
        match self {
            Operation::CardRequest => "card_request",
            Operation::CardReveal(_) => "card_reveal",
            Operation::LimitRaise(_) => "limit_raise",
            Operation::Account => "account",
            Operation::Payment(_) => "payment",
        }
    }
}

impl Challenge {
    /// What the account has, by name.
    pub fn factors(&self) -> Vec<&'static str> {
        let passkey = self.passkey_options.is_some();
        let factors = [(self.totp, "totp"), (passkey, "passkey"), (self.recovery_code, "recovery_code")];
        factors.into_iter().filter_map(|(there, name)| there.then_some(name)).collect()
    }
}

/// Asks for a second proof, for one operation.
pub async fn begin(system: &System, principal: Principal, operation: Operation) -> Result<Challenge, Error> {
    if let Operation::Payment(Linked { amount, merchant, .. }) = &operation {
        payments::check_linked(*amount, merchant)?;
    }
    let user_id = principal.user_id;
    let person = system.store.load_latest::<User>(user_id).await?;
    if !person.has_second_factor() {
        return Err(Error::SecondFactorRequired);
    }
    let (passkey_options, ceremony) = passkeys::challenge(system, user_id, &person).await?.unzip();
    let challenged = Challenged { session_id: principal.session_id, operation, ceremony };
    let data = passkeys::json(&challenged)?;
    let ticket = system.store.issue_one_time(Purpose::StepUpChallenge, Some(user_id), &data, WITHIN).await?;
    Ok(Challenge {
        ticket,
        expires_in: WITHIN,
        totp: person.has_totp(),
        recovery_code: person.recovery_codes() > 0,
        passkey_options,
        operation: challenged.operation,
    })
}

/// Gives the step-up out for a proof.
pub async fn complete(
    system: &System,
    principal: Principal,
    ticket: &SecretString,
    proof: SecondProof,
    origin: &Origin,
) -> Result<Granted, Error> {
    let (store, Principal { user_id, session_id }) = (&system.store, principal);
    let tried = store.attempt_one_time(Purpose::StepUpChallenge, ticket, ATTEMPTS).await?;
    let tried = tried.filter(|tried| tried.user_id == Some(user_id)).ok_or(Error::StepUpRefused)?;
    let challenged: Challenged = passkeys::read(&tried.data)?;
    if challenged.session_id != session_id {
        return Err(Error::StepUpRefused);
    }
    let verdict = verify(system, user_id, proof, challenged.ceremony.as_ref(), origin).await;
    let (outcome, reason) = Verdict::outcome(&verdict);
    let reason = reason.or(Some(challenged.operation.name()));
    record(system, principal, Action::StepUp, outcome, reason, origin).await?;
    if let Verdict::Refused(_) = verdict? {
        return Err(Error::StepUpRefused);
    }
    // Whoever comes second with this ticket is too late, however good the proof.
    store.redeem_one_time(Purpose::StepUpChallenge, ticket).await?.ok_or(Error::StepUpRefused)?;
    let allowed = Allowed { session_id, operation: challenged.operation };
    let data = passkeys::json(&allowed)?;
    let token = store.issue_one_time(Purpose::StepUp, Some(user_id), &data, WITHIN).await?;
    Ok(Granted { token, expires_in: WITHIN, operation: allowed.operation })
}

/// A step-up that is used up at the last moment, when nothing else can refuse the operation any more: nobody proves
/// anything for an answer that says to come back later.
pub(crate) struct Unused<'a> {
    principal: Principal,
    operation: Operation,
    /// None: nothing is demanded, or it is used up for this operation already.
    token: Option<&'a SecretString>,
}

impl<'a> Unused<'a> {
    /// Refuses at once whoever has to send a step-up and sent none.
    pub async fn new(
        system: &System,
        principal: Principal,
        operation: Operation,
        token: Option<&'a SecretString>,
    ) -> Result<Unused<'a>, Error> {
        if token.is_none() {
            missing(system, principal, &operation).await?;
        }
        Ok(Unused { principal, operation, token })
    }

    /// Uses it up. Whatever is wrong with it, it is void afterwards. Once it has served it serves the same operation
    /// as often as that is decided anew.
    pub async fn redeem(&mut self, system: &System, origin: &Origin) -> Result<(), Error> {
        let Some(token) = self.token else { return Ok(()) };
        spend(system, self.principal, &self.operation, token, origin).await?;
        self.token = None;
        Ok(())
    }
}

/// Uses a step-up up for an operation that nothing else can refuse.
pub(crate) async fn redeem(
    system: &System,
    principal: Principal,
    operation: &Operation,
    token: Option<&SecretString>,
    origin: &Origin,
) -> Result<(), Error> {
    Unused::new(system, principal, operation.clone(), token).await?.redeem(system, origin).await
}

async fn spend(
    system: &System,
    principal: Principal,
    operation: &Operation,
    token: &SecretString,
    origin: &Origin,
) -> Result<(), Error> {
    let redeemed = system.store.redeem_one_time(Purpose::StepUp, token).await?;
    let serves = match redeemed.filter(|redeemed| redeemed.user_id == Some(principal.user_id)) {
        Some(redeemed) => {
            let Allowed { session_id, operation: allowed } = passkeys::read(&redeemed.data)?;
            session_id == principal.session_id && allowed == *operation
        }
        None => false,
    };
    let outcome = if serves { Outcome::Success } else { Outcome::Failure };
    record(system, principal, Action::UseStepUp, outcome, Some(operation.name()), origin).await?;
    if serves { Ok(()) } else { Err(Error::StepUpRefused) }
}

/// What somebody is told who sent no step-up. A third party's program and an API key are told another thing: neither
/// can get one, since a proof that they pass on would be one that they could keep.
async fn missing(system: &System, principal: Principal, operation: &Operation) -> Result<(), Error> {
    let person = system.store.load_latest::<User>(principal.user_id).await?;
    let (has_factor, demand) = (person.has_second_factor(), system.settings.step_up.demand(operation));
    let session = system.store.session(principal.session_id).await?;
    let by_person = session.is_some_and(|session| session.client_id.is_none());
    match (has_factor, demand) {
        (true, _) | (false, Demand::Required) if !by_person => {
            Err(Error::StepUpByPersonOnly { operation: operation.name() })
        }
        (true, _) => Err(Error::StepUpRequired { operation: operation.name() }),
        (false, Demand::Required) => Err(Error::SecondFactorRequired),
        (false, Demand::IfEnrolled) => Ok(()),
    }
}
