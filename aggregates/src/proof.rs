//! By which methods somebody proved who they are.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How somebody proved who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    Password,
    Totp,
    RecoveryCode,
    /// User verification included: two factors in one.
    Passkey,
    /// An OpenID provider vouched for them.
    Federated,
    /// A client's secret or an API key.
    Secret,
}

impl Proof {
    pub const ALL: [Proof; 6] =
        [Proof::Password, Proof::Totp, Proof::RecoveryCode, Proof::Passkey, Proof::Federated, Proof::Secret];

    pub const fn as_str(self) -> &'static str {
        match self {
            Proof::Password => "password",
            Proof::Totp => "totp",
            Proof::RecoveryCode => "recovery_code",
            Proof::Passkey => "passkey",
            Proof::Federated => "federated",
            Proof::Secret => "secret",
        }
    }

    pub fn parse(text: &str) -> Option<Proof> {
        Proof::ALL.into_iter().find(|proof| proof.as_str() == text)
    }

    /// Whether these proofs are two factors: a passkey is two in one.
    pub fn are_two_factors(proofs: &[Proof]) -> bool {
        proofs.contains(&Proof::Passkey) || proofs.len() > 1
    }

    /// Authentication method references of what was proven (RFC 8176 §2), as `amr` lists them.
    pub fn amr(proofs: &[Proof]) -> Vec<&'static str> {
        let mut references = BTreeSet::new();
        for proof in proofs {
            references.insert(match proof {
                Proof::Password => "pwd",
                Proof::Totp | Proof::RecoveryCode => "otp",
                Proof::Passkey => "hwk",
                Proof::Federated => "fed",
                Proof::Secret => "swk",
            });
        }
        if Proof::are_two_factors(proofs) {
            references.insert("mfa");
        }
        references.into_iter().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read_back() {
        for proof in Proof::ALL {
            assert_eq!(Proof::parse(proof.as_str()), Some(proof));
        }
    }

    #[test]
    fn two_proofs_are_multi_factor_and_a_passkey_is_so_alone() {
        assert_eq!(Proof::amr(&[Proof::Password]), ["pwd"]);
        assert_eq!(Proof::amr(&[Proof::Password, Proof::Totp]), ["mfa", "otp", "pwd"]);
        assert_eq!(Proof::amr(&[Proof::Passkey]), ["hwk", "mfa"]);
    }
}
