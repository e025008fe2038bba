use chrono::{DateTime, Utc};

use crate::card::Slot;

use super::{
    Event, Payment,
    decide::named,
    ledger::{Ledger, Named},
    state::Intent,
};

impl Payment {
    pub fn apply(&mut self, event: &Event) {
        match event {
            Event::Initiated { .. } => self.begin(event),
            Event::Resumed { at: _ } => {
                if let Some(intent) = &mut self.intent {
                    intent.resumed = true;
                }
            }
            Event::Authorized { reference, amount, at } => self.change(*at, |intent| {
                intent.ledger.learn(Named::Authorization, reference);
                intent.ledger.unruled -= amount.minor_units.min(intent.ledger.unruled);
            }),
            Event::Incremented { reference, amount, forced, slot, at } => self.change(*at, |intent| {
                intent.closed = false;
                intent.ledger.learn(Named::Authorization, reference);
                match intent.is_request(reference) {
                    // It is what remains of a ruling after all that was forced before it.
                    true if *forced => intent.ledger.unruled = 0,
                    false if *forced => {
                        intent.ledger.unruled = intent.ledger.unruled.saturating_add(amount.minor_units);
                    }
                    true | false => {}
                }
                let counted = *forced && !intent.ledger.is_counted();
                intent.ledger.hold(Some(reference), *slot, amount.minor_units, counted);
            }),
            Event::IncrementDeclined { reference, amount: _, reason: _, at } => {
                self.change(*at, |intent| intent.ledger.learn(Named::Declined, reference));
            }
            Event::Captured { gateway, gateway_reference, is_final, amount: _, at } => self.change(*at, |intent| {
                intent.gateway = Some(gateway.clone());
                intent.gateway_reference = Some(gateway_reference.clone());
                intent.closed |= *is_final;
                intent.ledger.learn(Named::Capture, gateway_reference);
            }),
            Event::Declined { reason, at } => self.change(*at, |intent| {
                intent.declined = Some(reason.clone());
                intent.ledger.release(i64::MAX, None);
            }),
            Event::Reversed { reference, amount, cause, at } => self.change(*at, |intent| {
                intent.ledger.learn(named(*cause), reference);
                intent.ledger.release(amount.minor_units, cause.withdraws().then_some(reference.as_str()));
            }),
            Event::Expired { amount, at } => {
                self.change(*at, |intent| intent.ledger.release(amount.minor_units, None));
            }
            Event::Refunded { reference, amount: _, at } => {
                self.change(*at, |intent| intent.ledger.learn(Named::Refund, reference));
            }
        }
        if let Some(intent) = &mut self.intent {
            intent.ledger.tally.step(event);
        }
    }

    fn begin(&mut self, event: &Event) {
        let Event::Initiated {
            user_id,
            card_id,
            amount,
            merchant,
            merchant_category,
            device_id,
            screening,
            hold,
            slot,
            request_digest,
            network,
            at,
        } = event
        else {
            return;
        };
        let hold = slot.or(hold.map(|_| Slot::utc(*at)));
        let mut ledger = Ledger::default();
        if let Some(slot) = hold {
            let request = network.as_ref().map(|network| network.authorization.as_str());
            ledger.hold(request, slot, amount.minor_units, true);
        }
        self.intent = Some(Intent {
            user_id: *user_id,
            card_id: *card_id,
            amount: *amount,
            merchant: merchant.clone(),
            merchant_category: merchant_category.clone(),
            device_id: device_id.clone(),
            screening: screening.clone(),
            hold,
            request_digest: request_digest.clone(),
            network: network.clone(),
            initiated_at: *at,
            changed_at: *at,
            resumed: false,
            closed: false,
            declined: None,
            gateway: None,
            gateway_reference: None,
            ledger,
        });
    }

    fn change(&mut self, at: DateTime<Utc>, change: impl FnOnce(&mut Intent)) {
        if let Some(intent) = &mut self.intent {
            intent.changed_at = at;
            change(intent);
        }
    }
}
