use chrono::TimeDelta;

use super::{ledger::Ledger, *};
use crate::{PaymentId, UserId, examples::low_risk, payment};

/// A card and its payments, as the flows keep them together.
pub struct Account {
    pub card: Card,
    pub events: Vec<Event>,
    payments: Vec<Payment>,
    ledger: Ledger,
    now: DateTime<Utc>,
    /// Names what third parties name.
    named: u32,
}

impl Account {
    pub fn open(now: DateTime<Utc>) -> Account {
        let events = an_active_card();
        let ledger = Ledger::new();
        Account { card: state(&events), events, payments: vec![], ledger, now, named: 0 }
    }

    pub fn step(&mut self, step: &Step) {
        match step {
            Step::Authorize { cents } => self.authorize(usd(*cents)),
            Step::Increment { which, cents, forced } => self.increment(*which, usd(*cents), *forced),
            Step::Post { cents } => self.post(usd(*cents)),
            Step::Capture { which, cents } => self.capture(*which, *cents),
            Step::Reverse { which, cents } => {
                let Some(which) = self.chosen(*which) else { return };
                let held = self.held(which);
                let (reference, amount) = (self.name(), usd(held.min(*cents)));
                let (cause, now) = (Release::Merchant, self.now);
                self.release(which, amount, Pay::Reverse { reference, amount, cause, now });
            }
            Step::Expire { which } => {
                let Some(which) = self.chosen(*which) else { return };
                let held = usd(self.held(which));
                self.release(which, held, Pay::Expire { now: self.now });
            }
            Step::Refund { which, cents } => {
                let Some(which) = self.chosen(*which) else { return };
                let (reference, amount, now) = (self.name(), usd(*cents), self.now);
                self.pay(which, Pay::Refund { reference, amount, heard: true, now });
            }
            Step::SetControls { controls, monthly } => {
                let (controls, monthly_limit, now) = (*controls.clone(), usd(*monthly), self.now);
                self.decide(Command::SetControls { controls, monthly_limit, may_loosen: true, now });
            }
            Step::Wait { seconds } => {
                self.now += TimeDelta::seconds(*seconds);
                self.ledger.in_order &= *seconds >= 0;
            }
            Step::Switch { to } => self.switch(*to),
        }
    }

    /// Looks at every limit as it stands.
    pub fn check(&self, step: &Step) {
        self.ledger.check(&self.card, self.now, step);
    }

    fn authorize(&mut self, amount: Money) {
        let Some(slot) = self.hold(self.payments.len(), amount, HoldKind::Authorization) else { return };
        let which = self.begin(amount, Some(slot));
        let (reference, now) = (format!("iauth_{which}"), self.now);
        self.pay(which, Pay::Authorize { reference, now });
    }

    fn increment(&mut self, which: usize, amount: Money, forced: bool) {
        let Some(which) = self.chosen(which) else { return };
        let (reference, now) = (format!("iauth_{which}#{}", self.name()), self.now);
        let command = |slot| Pay::Increment { reference: reference.clone(), amount, forced, slot, now };
        if self.payments[which].decide(command(Slot::utc(now))).is_err() {
            return;
        }
        let kind = if forced { self.payments[which].forced_kind() } else { HoldKind::Increment };
        if let Some(slot) = self.hold(which, amount, kind) {
            self.pay(which, command(slot));
        }
    }

    fn post(&mut self, amount: Money) {
        let which = self.begin(amount, None);
        let (reference, now) = (self.name(), self.now);
        let slot = self.hold(which, amount, HoldKind::Forced).expect("what is forced is never refused");
        self.pay(which, Pay::Increment { reference, amount, forced: true, slot, now });
        self.capture(which, amount.minor_units);
    }

    fn capture(&mut self, which: usize, cents: i64) {
        let Some(which) = self.chosen(which) else { return };
        let (gateway, gateway_reference) = ("sandbox".to_owned(), self.name());
        let amount = usd(self.held(which).min(cents));
        self.pay(which, Pay::Capture { gateway, gateway_reference, amount, is_final: false, now: self.now });
    }

    fn switch(&mut self, to: Switch) {
        let (by, reason, now) = (Authority::Person, Reason::Requested, self.now);
        self.decide(match to {
            Switch::Freeze => Command::Freeze { by, reason, now },
            Switch::Unfreeze => Command::Unfreeze { by, whose: by, reason, now },
            Switch::Terminate => Command::Terminate { by, reason, now },
        });
    }

    fn begin(&mut self, amount: Money, hold: Option<Slot>) -> usize {
        let which = self.payments.len();
        self.payments.push(Payment::default());
        let network = payment::Network {
            issuer: "sandbox".into(),
            authorization: format!("iauth_{which}"),
            mcc: None,
            country: None,
            currency: None,
            channel: Channel::Online,
            posted: hold.is_none(),
        };
        self.pay(
            which,
            Pay::Initiate {
                user_id: ALICE,
                card_id: CARD,
                amount,
                merchant: "example-merchant.com".into(),
                merchant_category: "electronics".into(),
                device_id: None,
                screening: low_risk(),
                hold,
                request_digest: None,
                network: Some(network),
                now: self.now,
            },
        );
        which
    }

    fn hold(&mut self, which: usize, amount: Money, kind: HoldKind) -> Option<Slot> {
        let earlier = self.payments.get(which).and_then(Payment::tally).map_or(0, |tally| tally.standing());
        let (user_id, payment_id, now): (UserId, _, _) = (ALICE, id(which), self.now);
        self.decide(Command::Hold { user_id, payment_id, kind, purchase: purchase(amount), earlier, now })
            .then(|| self.card.slot(now))
    }

    /// As the flows do it: what the payment gives up, the card gets back, hold by hold.
    fn release(&mut self, which: usize, amount: Money, command: Pay) {
        let parts = self.payments[which].parts(amount, command.withdraws());
        if self.pay(which, command) == 0 {
            return;
        }
        for payment::Part { slot, amount, partial } in parts {
            let released = Command::ReleaseHold { payment_id: id(which), amount, slot, partial, now: self.now };
            assert!(self.decide(released), "what is held can be given back");
        }
    }

    /// How many events came of it; none where it is refused.
    fn pay(&mut self, which: usize, command: Pay) -> usize {
        let events = self.payments[which].decide(command).unwrap_or_default();
        events.iter().for_each(|event| self.payments[which].apply(event));
        events.len()
    }

    fn decide(&mut self, command: Command) -> bool {
        let Ok(events) = self.card.decide(command) else { return false };
        for event in events {
            self.ledger.count(&event, &self.card);
            self.card.apply(&event);
            self.events.push(event);
        }
        true
    }

    fn chosen(&self, which: usize) -> Option<usize> {
        which.checked_rem(self.payments.len())
    }

    fn held(&self, which: usize) -> i64 {
        self.payments[which].held().map_or(0, |held| held.minor_units)
    }

    fn name(&mut self) -> String {
        self.named += 1;
        format!("x_{}", self.named)
    }
}

fn id(which: usize) -> PaymentId {
    PaymentId(uuid::Uuid::from_u128(which as u128 + 1))
}
