use crate::{Money, PaymentId};

use super::{
    Authority, Card, Event, HoldKind, IssuerStatus, Purpose, Reason, Status,
    state::{Answer, Details, Stage},
    usage::Tally,
};

impl Card {
    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::Requested {
                user_id,
                card_type,
                monthly_limit,
                purpose,
                controls,
                needs_activation,
                replaces,
                at,
            } => {
                self.usage = replaces.as_ref().map(|replaced| replaced.used.clone()).unwrap_or_default();
                self.details = Some(Details {
                    owner: *user_id,
                    card_type: *card_type,
                    monthly_limit: *monthly_limit,
                    requested_at: *at,
                    purpose: purpose.clone(),
                    controls: controls.as_ref().clone(),
                    controls_version: 0,
                    needs_activation: *needs_activation,
                    stage: Stage::Requested,
                    freezes: vec![],
                    answer: None,
                    ended_for: None,
                    replaces: replaces.clone(),
                    successor: None,
                    payment: None,
                    at_issuer: None,
                    transitions: 0,
                    expiry_announced: false,
                });
            }
            Event::Held { amount, window: _, payment_id, kind, slot, at } => {
                let tally = Tally { amount: amount.minor_units, count: kind.payments() };
                self.usage.hold(slot.unwrap_or(super::Slot::utc(*at)), tally);
                self.change(|details| details.begin(*payment_id, *kind));
            }
            Event::HoldReleased { amount, window, payment_id, slot, partial, at: _ } => {
                self.usage.release(*window, *slot, released(*amount, *partial));
                self.change(|details| details.payment = details.payment.filter(|of| *partial || of != payment_id));
            }
            Event::Revealed { session_id: _, at: _ } => {}
            Event::Issued { .. }
            | Event::IssueFailed { .. }
            | Event::LockedToMerchant { .. }
            | Event::ControlsSet { .. }
            | Event::Activated { .. }
            | Event::Frozen { .. }
            | Event::Unfrozen { .. }
            | Event::Terminated { .. }
            | Event::Expired { .. }
            | Event::ExpiryAnnounced { .. }
            | Event::Replaced { .. }
            | Event::IssuerStatusRecorded { .. } => self.change(|details| details.live(event)),
        }
    }

    fn change(&mut self, change: impl FnOnce(&mut Details)) {
        if let Some(details) = &mut self.details {
            change(details);
        }
    }
}

/// What goes back to the limits.
fn released(amount: Money, partial: bool) -> Tally {
    Tally { amount: amount.minor_units, count: u32::from(!partial) }
}

impl Details {
    fn begin(&mut self, payment_id: PaymentId, kind: HoldKind) {
        if self.purpose == Purpose::SingleUse && kind == HoldKind::Authorization {
            self.payment = Some(payment_id);
        }
    }

    /// What happens to the card itself.
    fn live(&mut self, event: &Event) {
        let before = self.status();
        self.take(event);
        if self.status() != before {
            self.transitions = self.transitions.saturating_add(1);
        }
    }

    fn take(&mut self, event: &Event) {
        match event {
            Event::Issued { issuer, issuer_reference, last_four, expiry, status, at: _ } => {
                self.stage = if *status == Status::Inactive { Stage::Inactive } else { Stage::Active };
                self.answer = Some(Answer::Issued {
                    issuer: issuer.clone(),
                    issuer_reference: issuer_reference.clone(),
                    last_four: last_four.clone(),
                    expiry: *expiry,
                });
                // Issuers are asked for cards that work.
                self.at_issuer = Some(IssuerStatus::Active);
            }
            Event::IssueFailed { issuer, reason, at: _ } => {
                self.stage = Stage::IssueFailed;
                self.answer = Some(Answer::Failed { issuer: issuer.clone(), reason: reason.clone() });
            }
            Event::LockedToMerchant { merchant, at: _ } => {
                self.purpose = Purpose::MerchantLocked { merchant: Some(merchant.clone()) };
            }
            Event::ControlsSet { controls, monthly_limit, at: _ } => {
                self.controls = controls.as_ref().clone();
                self.monthly_limit = *monthly_limit;
                self.controls_version = self.controls_version.saturating_add(1);
            }
            Event::Activated { by: _, at: _ } => self.stage = Stage::Active,
            Event::Frozen { by, reason: _, at: _ } => self.freeze_stands(*by),
            Event::Unfrozen { by: _, whose, reason: _, status: _, at: _ } => {
                self.freezes.retain(|freeze| freeze != whose);
            }
            Event::Terminated { by: _, reason, at: _ } => self.end(Stage::Terminated, *reason),
            Event::Expired { at: _ } => self.end(Stage::Expired, Some(Reason::Expired)),
            Event::ExpiryAnnounced { at: _ } => self.expiry_announced = true,
            Event::Replaced { successor, by: _, reason: _, at: _ } => self.successor = Some(*successor),
            Event::IssuerStatusRecorded { status, at: _ } => self.at_issuer = Some(*status),
            Event::Requested { .. } | Event::Held { .. } | Event::HoldReleased { .. } | Event::Revealed { .. } => {}
        }
    }

    fn freeze_stands(&mut self, by: Authority) {
        if !self.freezes.contains(&by) {
            self.freezes.push(by);
        }
    }

    fn end(&mut self, stage: Stage, reason: Option<Reason>) {
        (self.stage, self.ended_for) = (stage, reason);
        self.freezes.clear();
    }
}
