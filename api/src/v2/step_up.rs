use aggregates::{CardId, Money};
use flows::{
    reveal::Wanted,
    step_up::{self, Challenge, Granted, Linked, Operation, Raise},
};
use poem_openapi::{ApiResponse, Enum, Object, OpenApi, types::Example};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use uuid::{Uuid, uuid};

use super::{
    Tag,
    cards::controls::Controls,
    payments::Amount,
    proofs::{self, PasskeyOptions, StepUpProof},
    reveal::{self, PublicKey},
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
    /// The numbers of the one card that is named beside it, for the one device.
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

/// The card and the device that a step-up is linked to: for any other of either it is refused.
#[derive(Object, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields)]
struct LinkedReveal {
    card_id: Uuid,
    public_key: PublicKey,
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
    /// Where the operation is `card_reveal`, and only there.
    #[serde(default, deserialize_with = "json::maybe_object")]
    #[oai(nullable)]
    reveal: Option<LinkedReveal>,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    reveal: Option<LinkedReveal>,
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
    #[serde(skip_serializing_if = "Option::is_none")]
    reveal: Option<LinkedReveal>,
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
    /// Asks for a second proof for one sensitive operation. For a payment it is linked to amount, card and payee, for
    /// a reveal to the card and the device's key. Only our own app can get one, with the person there: programs of third
    /// parties and API keys cannot.
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
        use StepUpOperation as Asked;
        let required = |field| Err(Problem::invalid(field, "is required for this operation"));
        let foreign = |field| Err(Problem::invalid(field, "is for another operation"));
        match (self.operation, self.payment, self.reveal, self.limit_raise) {
            (Asked::Payment, Some(payment), None, None) => payment.read().map(Operation::Payment),
            (Asked::CardReveal, None, Some(reveal), None) => reveal.read().map(Operation::CardReveal),
            (Asked::LimitRaise, None, None, Some(controls)) => controls.read().map(Operation::LimitRaise),
            (Asked::CardRequest, None, None, None) => Ok(Operation::CardRequest),
            (Asked::Account, None, None, None) => Ok(Operation::Account),
            (Asked::Payment, None, ..) => required("payment"),
            (Asked::CardReveal, _, None, _) => required("reveal"),
            (Asked::LimitRaise, .., None) => required("limit_raise"),
            (Asked::CardReveal | Asked::LimitRaise | Asked::CardRequest | Asked::Account, Some(_), ..) => {
                foreign("payment")
            }
            (Asked::Payment | Asked::LimitRaise | Asked::CardRequest | Asked::Account, _, Some(_), _) => {
                foreign("reveal")
            }
            (Asked::Payment | Asked::CardReveal | Asked::CardRequest | Asked::Account, .., Some(_)) => {
                foreign("limit_raise")
            }
        }
    }
}

impl LinkedReveal {
    fn read(self) -> Result<Wanted, Problem> {
        reveal::wanted(self.card_id, &self.public_key).map_err(|problem| problem.of_field("reveal.public_key"))
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
    fn read(self) -> Result<Raise, Problem> {
        let new = self.controls.read().map_err(|problem| problem.of_field("limit_raise.controls"))?;
        Ok(Raise::new(CardId(self.card_id), &new.controls, new.monthly_limit)?)
    }
}

/// The operation by name, with what it is linked to.
fn shown(operation: Operation) -> (StepUpOperation, Option<LinkedPayment>, Option<LinkedReveal>) {
    match operation {
        Operation::CardRequest => (StepUpOperation::CardRequest, None, None),
        Operation::CardReveal(Wanted { card_id, device_key }) => {
            let reveal = LinkedReveal { card_id: card_id.0, public_key: PublicKey(device_key.text()) };
            (StepUpOperation::CardReveal, None, Some(reveal))
        }
        Operation::LimitRaise(_) => (StepUpOperation::LimitRaise, None, None),
        Operation::Account => (StepUpOperation::Account, None, None),
        Operation::Payment(Linked { card_id, amount, merchant }) => {
            let payment = LinkedPayment { card_id: card_id.0, amount: amount.into(), merchant };
            (StepUpOperation::Payment, Some(payment), None)
        }
    }
}

impl From<Challenge> for StepUpChallenge {
    fn from(challenge: Challenge) -> StepUpChallenge {
        let factors = challenge.factors().into_iter().map(String::from).collect();
        let (operation, payment, reveal) = shown(challenge.operation);
        StepUpChallenge {
            ticket: challenge.ticket.expose_secret().into(),
            expires_in: challenge.expires_in.as_secs(),
            operation,
            payment,
            reveal,
            factors,
            passkey: challenge.passkey_options.map(PasskeyOptions),
        }
    }
}

impl From<Granted> for StepUp {
    fn from(granted: Granted) -> StepUp {
        let (operation, payment, reveal) = shown(granted.operation);
        let step_up_token = granted.token.expose_secret().into();
        StepUp { step_up_token, expires_in: granted.expires_in.as_secs(), operation, payment, reveal }
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
            reveal: None,
            limit_raise: None,
        }
    }
}
