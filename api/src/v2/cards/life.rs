use aggregates::{
    CardId,
    card::{Authority, Reason, Replacement},
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

use super::{super::Tag, Card, CardStatus, RequestResponse, mirrors};
use crate::{
    auth::{
        Caller,
        rights::{CardsRead, CardsWrite},
    },
    json::Json,
    parameters::{MinPosition, StepUpToken},
    problem::{Failure, refusals},
};

#[derive(Default)]
pub struct CardLives;

mirrors!(CardAuthority of Authority, "Who did something to a card.");
mirrors!(CardReason of Reason, "Why something was done to a card.");

/// How a card was lost.
#[derive(Clone, Copy, Enum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case")]
enum Loss {
    Lost,
    Stolen,
}

#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields, example)]
struct LossReport {
    reason: Loss,
}

/// Why another card is to take a card's place.
#[derive(Clone, Copy, Enum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[oai(rename_all = "snake_case")]
enum ReplacementReason {
    Lost,
    Stolen,
    /// Its number may be known to others.
    Compromised,
    /// It expires.
    Expiry,
    /// Whatever else.
    Requested,
}

#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields, example)]
struct ReplacementRequest {
    reason: ReplacementReason,
}

/// A step of a card from one state to another.
#[derive(Object, Serialize)]
#[oai(rename = "CardTransition", skip_serializing_if_is_none)]
pub(super) struct Transition {
    /// The event's name, such as `frozen`.
    transition: String,
    /// What the card was then.
    status: CardStatus,
    by: CardAuthority,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<CardReason>,
    at: DateTime<Utc>,
}

#[derive(Object, Serialize)]
struct TransitionList {
    transitions: Vec<Transition>,
}

#[derive(ApiResponse)]
enum ActResponse {
    /// The card as it is now.
    #[oai(status = 200)]
    Done(Json<Card>, #[oai(header = "X-Position")] i64),
}

#[derive(ApiResponse)]
enum TransitionsResponse {
    /// The steps, the oldest first; the newest 500 at most.
    #[oai(status = 200)]
    Transitions(Json<TransitionList>),
}

refusals!(Read, V2, [400, 401, 403, 404, 429, 500, 503, 504]);
refusals!(Change, V2, [400, 401, 403, 404, 409, 429, 500, 503, 504]);
refusals!(Report, V2, [400, 401, 403, 404, 408, 409, 413, 415, 422, 429, 500, 503, 504]);
refusals!(Replace, V2, [400, 401, 403, 404, 408, 409, 413, 415, 422, 429, 500, 502, 503, 504]);

#[OpenApi(prefix_path = "/api/v2/cards", tag = "Tag::Cards")]
impl CardLives {
    /// What became of a card
    ///
    /// Each step of a card of the caller from one state to another, by whom and why.
    #[oai(path = "/:card_id/transitions", method = "get", operation_id = "listCardTransitions")]
    async fn transitions(
        &self,
        caller: Caller<CardsRead>,
        card_id: Path<Uuid>,
        #[oai(name = "X-Min-Position")] min_position: Header<Option<MinPosition>>,
    ) -> Result<TransitionsResponse, Failure<Read>> {
        let (system, at_least) = (&caller.service.system, caller.at_least(min_position.0));
        let steps = cards::transitions(system, caller.user_id, CardId(card_id.0), at_least).await?;
        let transitions = steps.into_iter().map(Transition::from).collect();
        Ok(TransitionsResponse::Transitions(Json(TransitionList { transitions })))
    }

    /// Activate a card
    ///
    /// Where an issued card waits for its owner.
    #[oai(path = "/:card_id/activate", method = "post", operation_id = "activateCard")]
    async fn activate(&self, caller: Caller<CardsWrite>, card_id: Path<Uuid>) -> Result<ActResponse, Failure<Change>> {
        Ok(act(&caller, card_id.0, Act::Activate).await?)
    }

    /// Freeze a card
    ///
    /// Payments are declined from now on, whatever the issuer does; it is told.
    #[oai(path = "/:card_id/freeze", method = "post", operation_id = "freezeCard")]
    async fn freeze(&self, caller: Caller<CardsWrite>, card_id: Path<Uuid>) -> Result<ActResponse, Failure<Change>> {
        Ok(act(&caller, card_id.0, Act::Freeze(Reason::Requested)).await?)
    }

    /// Unfreeze a card
    ///
    /// Lifts the caller's own freeze. Where others have frozen the card, too, it stays frozen.
    #[oai(path = "/:card_id/unfreeze", method = "post", operation_id = "unfreezeCard")]
    async fn unfreeze(&self, caller: Caller<CardsWrite>, card_id: Path<Uuid>) -> Result<ActResponse, Failure<Change>> {
        Ok(act(&caller, card_id.0, Act::Unfreeze(Authority::Person, Reason::Requested)).await?)
    }

    /// End a card
    ///
    /// For good. What it holds for payments under way stays held.
    #[oai(path = "/:card_id/terminate", method = "post", operation_id = "terminateCard")]
    async fn terminate(&self, caller: Caller<CardsWrite>, card_id: Path<Uuid>) -> Result<ActResponse, Failure<Change>> {
        Ok(act(&caller, card_id.0, Act::Terminate(Reason::Requested)).await?)
    }

    /// Report a card lost or stolen
    ///
    /// It is blocked for good at once. Another can be asked for in its place: `POST /api/v2/cards/{card_id}/replace`.
    #[oai(path = "/:card_id/report-loss", method = "post", operation_id = "reportCardLost")]
    async fn report(
        &self,
        caller: Caller<CardsWrite>,
        card_id: Path<Uuid>,
        body: Json<LossReport>,
    ) -> Result<ActResponse, Failure<Report>> {
        let reason = match body.0.reason {
            Loss::Lost => Reason::Lost,
            Loss::Stolen => Reason::Stolen,
        };
        Ok(act(&caller, card_id.0, Act::Terminate(reason)).await?)
    }

    /// Replace a card
    ///
    /// Ends the card and asks for another in its place, with the same controls, and with what the old one had used of
    /// its limits. Needs a step-up for `card_request`.
    #[oai(path = "/:card_id/replace", method = "post", operation_id = "replaceCard")]
    async fn replace(
        &self,
        caller: Caller<CardsWrite>,
        card_id: Path<Uuid>,
        #[oai(name = "X-Step-Up-Token")] step_up: Header<Option<StepUpToken>>,
        body: Json<ReplacementRequest>,
    ) -> Result<RequestResponse, Failure<Replace>> {
        let (card_id, why) = (CardId(card_id.0), body.0.reason.why());
        let (system, step_up) = (&caller.service.system, StepUpToken::secret(&step_up.0));
        let written = cards::replace(system, caller.principal(), step_up, card_id, why, &caller.origin()).await?;
        Ok(RequestResponse::of(caller.wrote(written)))
    }
}

async fn act(caller: &Caller<CardsWrite>, card_id: Uuid, act: Act) -> Result<ActResponse, flows::Error> {
    let (system, who) = (&caller.service.system, Who::Owner(caller.user_id));
    let (view, position) = caller.wrote(cards::act(system, who, CardId(card_id), act, &caller.origin()).await?);
    Ok(ActResponse::Done(Json(view.into()), position))
}

impl ReplacementReason {
    fn why(self) -> (Replacement, Reason) {
        match self {
            ReplacementReason::Lost => (Replacement::Reissue, Reason::Lost),
            ReplacementReason::Stolen => (Replacement::Reissue, Reason::Stolen),
            ReplacementReason::Compromised => (Replacement::Reissue, Reason::Compromised),
            ReplacementReason::Expiry => (Replacement::Renewal, Reason::Replaced),
            ReplacementReason::Requested => (Replacement::Reissue, Reason::Replaced),
        }
    }
}

impl From<TransitionRow> for Transition {
    fn from(row: TransitionRow) -> Transition {
        Transition {
            transition: row.transition,
            status: row.status.into(),
            by: row.authority.into(),
            reason: row.reason.map(CardReason::from),
            at: row.at,
        }
    }
}

impl Example for LossReport {
    fn example() -> LossReport {
        LossReport { reason: Loss::Lost }
    }
}

impl Example for ReplacementRequest {
    fn example() -> ReplacementRequest {
        ReplacementRequest { reason: ReplacementReason::Lost }
    }
}
