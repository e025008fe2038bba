use aggregates::{
    CardId,
    card::{Authority, Reason},
};
use chrono::{DateTime, Utc};
use flows::cards::{self, Act, Who};
use poem_openapi::{
    ApiResponse, Enum, Object, OpenApi,
    param::{Header, Path},
    types::Example,
};
use serde::{Deserialize, Serialize};
use store::tables::TransitionRow;
use uuid::Uuid;

use super::{
    super::Tag,
    Card, CardStatus,
    life::{CardAuthority, CardReason},
};
use crate::{
    auth::{Caller, rights::CardsManage},
    json::Json,
    parameters::MinPosition,
    problem::{Failure, refusals},
};

#[derive(Default)]
pub struct OperatedCards;

/// Why somebody of the programme freezes or ends a card.
#[derive(Clone, Copy, Enum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case")]
enum OperatorReason {
    Lost,
    Stolen,
    Compromised,
    SuspectedFraud,
    Misuse,
    Compliance,
    /// What was in the way is cleared up.
    Resolved,
    Other,
}

#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields, example)]
struct Intervention {
    reason: OperatorReason,
}

/// Whose freeze somebody of the programme lifts. The issuer's only the issuer lifts.
#[derive(Clone, Copy, Enum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case")]
enum Lifted {
    Operator,
    Fraud,
    Person,
}

#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields, example)]
struct Lifting {
    freeze_of: Lifted,
    reason: OperatorReason,
}

/// A step of somebody's card, with who made it.
#[derive(Object, Serialize)]
#[oai(skip_serializing_if_is_none)]
struct RecordedTransition {
    transition: String,
    status: CardStatus,
    by: CardAuthority,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<CardReason>,
    /// Such as `person:` with an id, or `system:issuing`.
    actor: String,
    position: i64,
    at: DateTime<Utc>,
}

#[derive(Object, Serialize)]
struct RecordedTransitions {
    transitions: Vec<RecordedTransition>,
}

#[derive(ApiResponse)]
enum ActResponse {
    /// The card as it is now.
    #[oai(status = 200)]
    Done(Json<Card>, #[oai(header = "X-Position")] i64),
}

#[derive(ApiResponse)]
enum ReadResponse {
    /// The steps, the oldest first; the newest 500 at most.
    #[oai(status = 200)]
    Transitions(Json<RecordedTransitions>),
}

refusals!(Read, V2, [400, 401, 403, 404, 429, 500, 503, 504]);
refusals!(Intervene, V2, [400, 401, 403, 404, 408, 409, 413, 415, 422, 429, 500, 503, 504]);

#[OpenApi(prefix_path = "/api/v2/admin/cards", tag = "Tag::Administration")]
impl OperatedCards {
    /// Freeze somebody's card
    ///
    /// Its owner cannot lift this freeze.
    #[oai(path = "/:card_id/freeze", method = "post", operation_id = "freezeCardOf")]
    async fn freeze(
        &self,
        caller: Caller<CardsManage>,
        card_id: Path<Uuid>,
        body: Json<Intervention>,
    ) -> Result<ActResponse, Failure<Intervene>> {
        Ok(act(&caller, card_id.0, Act::Freeze(body.0.reason.into())).await?)
    }

    /// Lift a freeze of somebody's card
    ///
    /// Of the programme, of the fraud rules, or of the owner; the issuer's own only the issuer lifts.
    #[oai(path = "/:card_id/unfreeze", method = "post", operation_id = "unfreezeCardOf")]
    async fn unfreeze(
        &self,
        caller: Caller<CardsManage>,
        card_id: Path<Uuid>,
        body: Json<Lifting>,
    ) -> Result<ActResponse, Failure<Intervene>> {
        let whose = match body.0.freeze_of {
            Lifted::Operator => Authority::Operator,
            Lifted::Fraud => Authority::Fraud,
            Lifted::Person => Authority::Person,
        };
        Ok(act(&caller, card_id.0, Act::Unfreeze(whose, body.0.reason.into())).await?)
    }

    /// End somebody's card
    ///
    /// For good.
    #[oai(path = "/:card_id/terminate", method = "post", operation_id = "terminateCardOf")]
    async fn terminate(
        &self,
        caller: Caller<CardsManage>,
        card_id: Path<Uuid>,
        body: Json<Intervention>,
    ) -> Result<ActResponse, Failure<Intervene>> {
        Ok(act(&caller, card_id.0, Act::Terminate(body.0.reason.into())).await?)
    }

    /// What became of somebody's card
    ///
    /// Each step, with who made it.
    #[oai(path = "/:card_id/transitions", method = "get", operation_id = "listTransitionsOf")]
    async fn transitions(
        &self,
        caller: Caller<CardsManage>,
        card_id: Path<Uuid>,
        #[oai(name = "X-Min-Position")] min_position: Header<Option<MinPosition>>,
    ) -> Result<ReadResponse, Failure<Read>> {
        let at_least = caller.at_least(min_position.0);
        let steps = cards::transitions_of(&caller.service.system, CardId(card_id.0), at_least).await?;
        let transitions = steps.into_iter().map(RecordedTransition::from).collect();
        Ok(ReadResponse::Transitions(Json(RecordedTransitions { transitions })))
    }
}

async fn act(caller: &Caller<CardsManage>, card_id: Uuid, act: Act) -> Result<ActResponse, flows::Error> {
    let (system, who) = (&caller.service.system, Who::Operator(caller.user_id));
    let (view, position) = caller.wrote(cards::act(system, who, CardId(card_id), act, &caller.origin()).await?);
    Ok(ActResponse::Done(Json(view.into()), position))
}

impl From<OperatorReason> for Reason {
    fn from(reason: OperatorReason) -> Reason {
        match reason {
            OperatorReason::Lost => Reason::Lost,
            OperatorReason::Stolen => Reason::Stolen,
            OperatorReason::Compromised => Reason::Compromised,
            OperatorReason::SuspectedFraud => Reason::SuspectedFraud,
            OperatorReason::Misuse => Reason::Misuse,
            OperatorReason::Compliance => Reason::Compliance,
            OperatorReason::Resolved => Reason::Resolved,
            OperatorReason::Other => Reason::Other,
        }
    }
}

impl From<TransitionRow> for RecordedTransition {
    fn from(row: TransitionRow) -> RecordedTransition {
        RecordedTransition {
            transition: row.transition,
            status: row.status.into(),
            by: row.authority.into(),
            reason: row.reason.map(CardReason::from),
            actor: row.actor,
            position: row.position,
            at: row.at,
        }
    }
}

impl Example for Intervention {
    fn example() -> Intervention {
        Intervention { reason: OperatorReason::SuspectedFraud }
    }
}

impl Example for Lifting {
    fn example() -> Lifting {
        Lifting { freeze_of: Lifted::Operator, reason: OperatorReason::Resolved }
    }
}
