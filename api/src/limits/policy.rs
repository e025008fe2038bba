//! The limits by name, and for each what becomes of requests while Redis is away: the one place that says it.

use crate::config::RateLimits;

/// What a request counts as. The name stands in `RateLimit` headers, in metrics and in keys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Policy {
    /// Every request of an address.
    Address,
    /// Every authenticated request of a person.
    Person,
    /// Payments of a person.
    Payments,
    /// Requests for a person's card numbers, of which each reveal takes two.
    Reveal,
    /// Exports of a person's data.
    Export,
    /// Passwords tried.
    Login,
    /// Second factors tried during a login.
    SecondFactor,
    /// Proofs tried for a step-up.
    StepUp,
    /// Passwords given once more, within a session.
    Password,
    Register,
    /// Mailed tokens tried, of whatever purpose.
    Verify,
    /// A mail asked for again.
    Resend,
    /// A password reset asked for.
    Reset,
    /// Refresh tokens tried.
    Refresh,
    /// OAuth: token, revocation, introspection.
    Token,
    /// Webhooks of third parties, whoever sends them.
    Webhooks,
}

/// What happens to requests that a limit would count while Redis does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhileAway {
    /// Each instance counts for itself, in memory and with the same limit: what gets through is at most the limit
    /// times the number of instances.
    CountedHere,
    /// Refused with 503. For what sends mail to somebody who did not ask for it, and can wait.
    Refused,
}

impl Policy {
    pub const ALL: &[Policy] = &[
        Policy::Address,
        Policy::Person,
        Policy::Payments,
        Policy::Reveal,
        Policy::Export,
        Policy::Login,
        Policy::SecondFactor,
        Policy::StepUp,
        Policy::Password,
        Policy::Register,
        Policy::Verify,
        Policy::Resend,
        Policy::Reset,
        Policy::Refresh,
        Policy::Token,
        Policy::Webhooks,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Policy::Address => "address",
            Policy::Person => "person",
            Policy::Payments => "payments",
            Policy::Reveal => "reveal",
            Policy::Export => "export",
            Policy::Login => "login",
            Policy::SecondFactor => "second_factor",
            Policy::StepUp => "step_up",
            Policy::Password => "password",
            Policy::Register => "register",
            Policy::Verify => "verify",
            Policy::Resend => "resend",
            Policy::Reset => "reset",
            Policy::Refresh => "refresh",
            Policy::Token => "token",
            Policy::Webhooks => "webhooks",
        }
    }

    pub const fn while_away(self) -> WhileAway {
        match self {
            // Paying people matter more than exact counting, and guessers would use the moment: both are served by
            // counting on.
            Policy::Address
            | Policy::Person
            | Policy::Payments
            | Policy::Reveal
            | Policy::Export
            | Policy::Login
            | Policy::SecondFactor
            | Policy::StepUp
            | Policy::Password
            | Policy::Register
            | Policy::Verify
            | Policy::Refresh
            | Policy::Token
            | Policy::Webhooks => WhileAway::CountedHere,
            Policy::Resend | Policy::Reset => WhileAway::Refused,
        }
    }

    /// Requests in any 60 seconds; 0: no limit.
    pub const fn rate(self, rates: &RateLimits) -> u32 {
        match self {
            Policy::Address => rates.address,
            Policy::Person => rates.person,
            Policy::Payments => rates.payments,
            Policy::Reveal => rates.reveal,
            Policy::Export => rates.export,
            Policy::Login => rates.login,
            Policy::SecondFactor => rates.second_factor,
            Policy::StepUp => rates.step_up,
            Policy::Password => rates.password,
            Policy::Register => rates.register,
            Policy::Verify => rates.verify,
            Policy::Resend => rates.resend,
            Policy::Reset => rates.reset,
            Policy::Refresh => rates.refresh,
            Policy::Token => rates.token,
            Policy::Webhooks => rates.webhooks,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_limit_has_a_name_of_its_own_and_is_on_by_default() {
        let names: HashSet<_> = Policy::ALL.iter().map(|policy| policy.name()).collect();
        assert_eq!(names, RateLimits::NAMES.iter().copied().collect());
        assert_eq!(names.len(), Policy::ALL.len());
        for &policy in Policy::ALL {
            assert!(policy.rate(&RateLimits::default()) > 0, "{policy:?}");
        }
    }

    #[test]
    fn only_what_sends_mail_is_refused_while_redis_is_away() {
        let refused = Policy::ALL.iter().copied().filter(|policy| policy.while_away() == WhileAway::Refused);
        assert_eq!(refused.collect::<Vec<_>>(), [Policy::Resend, Policy::Reset]);
    }
}
