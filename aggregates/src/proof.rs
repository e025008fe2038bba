//! By which methods somebody proved who they are.

use std::collections::BTreeSet;

use crate::named::named;

named! {
    /// How somebody proved who they are.
    pub enum Proof {
        Password = "password",
        Totp = "totp",
        RecoveryCode = "recovery_code",
        /// User verification included: two factors in one.
        Passkey = "passkey",
        /// An OpenID provider vouched for them.
        Federated = "federated",
        /// A client's secret or an API key.
        Secret = "secret",
    }
}

impl Proof {
    /// Whether these proofs are two factors: a passkey is two in one.
    pub fn are_two_factors(proofs: &[Proof]) -> bool {
        proofs.contains(&Proof::Passkey) || proofs.len() > 1
    }

    /// Authentication method references of what was proven, as `amr` lists them: those of RFC 8176 §2, and `fed`, which
    /// it has no word for. A passkey may live in software, so it proves possession of a key and no more. A secret of a
    /// program is no method of a person.
    pub fn amr(proofs: &[Proof]) -> Vec<&'static str> {
        let mut references = BTreeSet::new();
        for proof in proofs {
            references.extend(match proof {
                Proof::Password => Some("pwd"),
                Proof::Totp | Proof::RecoveryCode => Some("otp"),
                Proof::Passkey => Some("pop"),
                Proof::Federated => Some("fed"),
                Proof::Secret => None,
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
        assert_eq!(Proof::amr(&[Proof::Passkey]), ["mfa", "pop"]);
    }
}
