use aggregates::{CardId, Money};
use flows::step_up::{self, Challenge, Granted, Linked, Operation, Raise};
use poem_openapi::{ApiResponse, Enum, Object, OpenApi, types::Example};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use uuid::{Uuid, uuid};

use super::{
    Tag,
    cards::controls::Controls,
    payments::Amount,
    proofs::{self, PasskeyOptions, StepUpProof},
};
use crate::{
    auth::{Caller, rights::SecurityManage},
    json::{self, Json},
    limits::Policy,
    money,
    problem::{Failure, Problem, refusals},
};

#[derive(Default)]
pub struct StepUps;

/// What a step-up is for.
#[derive(Clone, Copy, Enum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case")]
enum StepUpOperation {
    CardRequest,
    CardReveal,
    /// The very controls of a card that are named beside it.
    LimitRaise,
    /// How the caller logs in: factors and recovery codes.
    Account,
    /// The one payment that is named beside it.
    Payment,
}

/// The payment that a step-up is linked to: for any other amount, card or payee it is refused.
#[derive(Object, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields)]
struct LinkedPayment {
    card_id: Uuid,
    #[serde(deserialize_with = "json::object")]
    amount: Amount,
    #[oai(validator(min_length = 1, max_length = 200))]
    merchant: String,
}

/// The card and the controls that a step-up is linked to: for any others it is refused.
#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields)]
struct LinkedControls {
    card_id: Uuid,
    #[serde(deserialize_with = "json::object")]
    controls: Controls,
}

#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none, example)]
struct StepUpRequest {
    operation: StepUpOperation,
    /// Where the operation is `payment`, and only there.
    #[serde(default, deserialize_with = "json::maybe_object")]
    #[oai(nullable)]
    payment: Option<LinkedPayment>,
    /// Where the operation is `limit_raise`, and only there: what the card is to be set to.
    #[serde(default, deserialize_with = "json::maybe_object")]
    #[oai(nullable)]
    limit_raise: Option<LinkedControls>,
}

/// Asks for a second proof. The app shows what it is for.
#[derive(Object, Serialize)]
#[oai(skip_serializing_if_is_none)]
struct StepUpChallenge {
    /// Sent back with the proof.
    ticket: String,
    /// Seconds for which it is good.
    expires_in: u64,
    operation: StepUpOperation,
    #[serde(skip_serializing_if = "Option::is_none")]
    payment: Option<LinkedPayment>,
    /// What the account has: `totp`, `passkey`, `recovery_code`.
    factors: Vec<String>,
    /// What a passkey is to sign, where the account has one.
    #[serde(skip_serializing_if = "Option::is_none")]
    passkey: Option<PasskeyOptions>,
}

/// A proven step-up.
#[derive(Object, Serialize)]
#[oai(skip_serializing_if_is_none)]
struct StepUp {
    /// Send it as `X-Step-Up-Token`. Good once.
    step_up_token: String,
    /// Seconds for which it is good.
    expires_in: u64,
    operation: StepUpOperation,
    #[serde(skip_serializing_if = "Option::is_none")]
    payment: Option<LinkedPayment>,
}

#[derive(ApiResponse)]
enum BeginResponse {
    /// What is to be proven.
    #[oai(status = 200)]
    Challenge(Json<StepUpChallenge>),
}

#[derive(ApiResponse)]
enum CompleteResponse {
    /// The token for the operation.
    #[oai(status = 200)]
    Granted(Json<StepUp>),
}

refusals!(Begin, V2, [400, 401, 403, 408, 413, 415, 422, 429, 500, 503, 504]);
refusals!(Complete, V2, [400, 401, 403, 408, 409, 413, 415, 422, 429, 500, 503, 504]);

#[OpenApi(prefix_path = "/api/v2/auth", tag = "Tag::Authentication")]
impl StepUps {
    /// Begin a step-up
    ///
    /// Asks for a second proof for one sensitive operation. For a payment it is linked to amount, card and payee.
    #[oai(path = "/step-up", method = "post", operation_id = "beginStepUp")]
    async fn begin(
        &self,
        caller: Caller<SecurityManage>,
        body: Json<StepUpRequest>,
    ) -> Result<BeginResponse, Failure<Begin>> {
        let challenge = step_up::begin(&caller.service.system, caller.principal(), body.0.read()?).await?;
        Ok(BeginResponse::Challenge(Json(challenge.into())))
    }

    /// Complete a step-up
    ///
    /// Gives the token out for an authenticator app's code, a recovery code or a passkey. Five attempts.
    #[oai(path = "/step-up/complete", method = "post", operation_id = "completeStepUp")]
    async fn complete(
        &self,
        caller: Caller<SecurityManage>,
        body: Json<StepUpProof>,
    ) -> Result<CompleteResponse, Failure<Complete>> {
        caller.strict(Policy::StepUp, Some(&caller.user_id.to_string())).await?;
        let StepUpProof { ticket, totp, recovery_code, passkey } = body.0;
        let (ticket, proof) = (SecretString::from(ticket), proofs::only(totp, recovery_code, passkey)?);
        let (system, origin) = (&caller.service.system, caller.origin());
        let granted = step_up::complete(system, caller.principal(), &ticket, proof, &origin).await?;
        Ok(CompleteResponse::Granted(Json(granted.into())))
    }
}

impl StepUpRequest {
    fn read(self) -> Result<Operation, Problem> {
        match (self.operation, self.limit_raise) {
            (StepUpOperation::LimitRaise, Some(linked)) if self.payment.is_none() => return linked.read(),
            (StepUpOperation::LimitRaise, None) => {
                return Err(Problem::invalid("limit_raise", "is required for this operation"));
            }
            (StepUpOperation::LimitRaise, Some(_)) | (_, None) => {}
            (_, Some(_)) => return Err(Problem::invalid("limit_raise", "is for the operation limit_raise alone")),
        }
        match (self.operation, self.payment) {
            (StepUpOperation::Payment, Some(payment)) => payment.read().map(Operation::Payment),
            (StepUpOperation::Payment, None) => Err(Problem::invalid("payment", "is required for this operation")),
            (_, Some(_)) => Err(Problem::invalid("payment", "is for the operation payment alone")),
            (StepUpOperation::CardRequest, None) => Ok(Operation::CardRequest),
            (StepUpOperation::CardReveal, None) => Ok(Operation::CardReveal),
            (StepUpOperation::LimitRaise, None) => {
                Err(Problem::invalid("limit_raise", "is required for this operation"))
            }
            (StepUpOperation::Account, None) => Ok(Operation::Account),
        }
    }
}

impl LinkedPayment {
    fn read(self) -> Result<Linked, Problem> {
        let currency = money::currency(&self.amount.currency);
        let currency = currency.map_err(|problem| problem.of_field("payment.amount.currency"))?;
        let amount = Money::new(self.amount.minor_units, currency);
        Ok(Linked { card_id: CardId(self.card_id), amount, merchant: self.merchant })
    }
}

impl LinkedControls {
    fn read(self) -> Result<Operation, Problem> {
        let new = self.controls.read().map_err(|problem| problem.of_field("limit_raise.controls"))?;
        let raise = Raise::new(CardId(self.card_id), &new.controls, new.monthly_limit)?;
        Ok(Operation::LimitRaise(raise))
    }
}

/// The operation by name, and the payment if it is one.
fn shown(operation: Operation) -> (StepUpOperation, Option<LinkedPayment>) {
    match operation {
        Operation::CardRequest => (StepUpOperation::CardRequest, None),
        Operation::CardReveal => (StepUpOperation::CardReveal, None),
        Operation::LimitRaise(_) => (StepUpOperation::LimitRaise, None),
        Operation::Account => (StepUpOperation::Account, None),
        Operation::Payment(Linked { card_id, amount, merchant }) => {
            let payment = LinkedPayment { card_id: card_id.0, amount: amount.into(), merchant };
            (StepUpOperation::Payment, Some(payment))
        }
    }
}

impl From<Challenge> for StepUpChallenge {
    fn from(challenge: Challenge) -> StepUpChallenge {
        let factors = challenge.factors().into_iter().map(String::from).collect();
        let (operation, payment) = shown(challenge.operation);
        StepUpChallenge {
            ticket: challenge.ticket.expose_secret().into(),
            expires_in: challenge.expires_in.as_secs(),
            operation,
            payment,
            factors,
            passkey: challenge.passkey_options.map(PasskeyOptions),
        }
    }
}

impl From<Granted> for StepUp {
    fn from(granted: Granted) -> StepUp {
        let (operation, payment) = shown(granted.operation);
        let step_up_token = granted.token.expose_secret().into();
        StepUp { step_up_token, expires_in: granted.expires_in.as_secs(), operation, payment }
    }
}

impl Example for StepUpRequest {
    fn example() -> StepUpRequest {
        StepUpRequest {
            operation: StepUpOperation::Payment,
            payment: Some(LinkedPayment {
                card_id: uuid!("0199f5a4-7c10-7d45-8f3b-2b6e9a1c7f02"),
                amount: Money::new(99_900, aggregates::Currency::USD).into(),
                merchant: "example-merchant.com".into(),
            }),
            limit_raise: None,
        }
    }
}
