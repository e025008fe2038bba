use std::{
    collections::VecDeque,
    sync::{Mutex, PoisonError},
};

use aggregates::PaymentId;

/// How many are remembered; the oldest makes room. A repetition comes within seconds.
const KEPT: usize = 1_024;

/// The approvals that this process gave in time: a repetition of such a question is told the same.
#[derive(Default)]
pub(crate) struct Heard(Mutex<VecDeque<(PaymentId, u32)>>);

impl Heard {
    pub fn remember(&self, payment: PaymentId, number: u32) {
        let mut approvals = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if approvals.len() == KEPT {
            approvals.pop_front();
        }
        approvals.push_back((payment, number));
    }

    pub fn knows(&self, payment: PaymentId, number: u32) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(&(payment, number))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::payment_id;

    #[test]
    fn the_newest_approvals_are_remembered_each_by_its_request() {
        let heard = Heard::default();
        let payment = |n: usize| payment_id("stripe", &format!("iauth_{n}"));
        (0..=KEPT).for_each(|n| heard.remember(payment(n), 0));
        assert!(!heard.knows(payment(0), 0) && heard.knows(payment(1), 0) && heard.knows(payment(KEPT), 0));
        assert!(!heard.knows(payment(KEPT), 1));
    }
}
