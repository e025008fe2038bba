//! What fraud screening knows of each person: `fraud`'s own state, stepped by each of the person's payment events.

use aggregates::{
    Envelope, UserId,
    envelope::AnyEvent,
    payment::{Event, Tally},
};
use fraud::PersonState;

use crate::{
    ReadError, Views,
    fold::Needs,
    transactions::Transaction,
    workspace::{Document, FoldError, Workspace},
};

impl Document for PersonState {
    const ROOM: &'static str = "fraud";
}

impl Views {
    /// None for a person who never tried to pay. On the way of every payment: one question, no waiting.
    pub async fn fraud_state(&self, user: UserId) -> Result<Option<PersonState>, ReadError> {
        self.document(user, None).await
    }
}

pub(crate) fn needs(needs: &mut Needs, workspace: &mut Workspace, envelope: &Envelope, event: &AnyEvent) {
    if let AnyEvent::Payment(event) = event {
        // A document that cannot be read is met again, and reported, when the event is folded.
        if let Ok(Some((user, _))) = payer(workspace, envelope, event) {
            needs.load(PersonState::key(user));
        }
    }
}

pub(crate) fn fold(workspace: &mut Workspace, envelope: &Envelope, event: &AnyEvent) -> Result<(), FoldError> {
    if let AnyEvent::Payment(event) = event
        && let Some((user, before)) = payer(workspace, envelope, event)?
    {
        workspace.edit_or_default::<PersonState>(user)?.step(event, before);
    }
    Ok(())
}

/// Whose payment it is, and what its events add up to so far. Only its first event says whose; for the others its
/// document does, and none is left of a payment that made room in the index before its outcome came.
fn payer(workspace: &mut Workspace, envelope: &Envelope, event: &Event) -> Result<Option<(UserId, Tally)>, FoldError> {
    match event {
        Event::Initiated { user_id, .. } => Ok(Some((*user_id, Tally::default()))),
        // Nothing to learn from.
        Event::Resumed { .. } => Ok(None),
        Event::Authorized { .. }
        | Event::Incremented { .. }
        | Event::IncrementDeclined { .. }
        | Event::Captured { .. }
        | Event::Declined { .. }
        | Event::Reversed { .. }
        | Event::Expired { .. }
        | Event::Refunded { .. } => {
            let payment = workspace.get::<Transaction>(envelope.aggregate_id)?;
            Ok(payment.map(|payment| (payment.user_id, payment.tally)))
        }
    }
}
