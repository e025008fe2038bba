//! What makes a password unacceptable. No rules of composition (NIST SP 800-63B-4 §3.1.1.2, OWASP ASVS 5.0 §6.2):
//! length, and not being what an attacker would try first.

use std::{collections::HashSet, fs, path::Path};

use secrecy::{ExposeSecret, SecretString};

/// Characters.
const SHORTEST: usize = 12;
/// Bytes; keeps the cost of hashing bounded.
pub(crate) const LONGEST: usize = 256;

/// A part of a name or an address that is shorter may stand in any word.
const TELLING: usize = 4;

/// The name of the programme, which every phisher would try.
const OUR_NAME: [&str; 2] = ["virtualcard", "virtual card"];

const BUILT_IN: &str = include_str!("common.txt");

/// Why a password is not acceptable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("has at least {SHORTEST} characters")]
    TooShort,
    #[error("has at most {LONGEST} bytes")]
    TooLong,
    #[error("is one that many people use, or a simple variation of one")]
    Common,
    #[error("holds a part of the name or address of its owner, or our name")]
    Personal,
    #[error("is one of the last four")]
    Reused,
}

/// The list of common passwords, in memory.
pub struct Policy {
    common: HashSet<Box<str>>,
}

impl Policy {
    /// With the list that we ship.
    pub fn built_in() -> Policy {
        Policy::of(BUILT_IN)
    }

    /// With a list of the operator's own, one password a line. Read whole, into memory.
    pub fn from_file(path: &Path) -> std::io::Result<Policy> {
        Ok(Policy::of(&fs::read_to_string(path)?))
    }

    fn of(list: &str) -> Policy {
        let words = list.lines().map(|line| line.trim().to_lowercase()).filter(|line| !line.is_empty());
        Policy { common: words.map(String::into_boxed_str).collect() }
    }

    /// Whether somebody may have this password. `personal`: their address and names, as far as they are known.
    pub fn check(&self, password: &SecretString, personal: &[&str]) -> Result<(), Refusal> {
        let password = password.expose_secret();
        if password.chars().count() < SHORTEST {
            return Err(Refusal::TooShort);
        }
        if password.len() > LONGEST {
            return Err(Refusal::TooLong);
        }
        let password = zeroize::Zeroizing::new(password.to_lowercase());
        if self.is_common(&password) {
            return Err(Refusal::Common);
        }
        let plain = unleet(&password, 'i');
        let holds = |part: &str| password.contains(part) || plain.contains(part);
        match personal.iter().any(|text| parts(text).any(|part| holds(&part)))
            || OUR_NAME.iter().any(|name| holds(name))
        {
            true => Err(Refusal::Personal),
            false => Ok(()),
        }
    }

    /// Listed, or what a listed one becomes by digits and symbols around it, by repetition, or by spelling it oddly.
    fn is_common(&self, password: &str) -> bool {
        if is_run(password) {
            return true;
        }
        let unit = repeated(password);
        if unit.is_some_and(|unit| unit.chars().count() <= 4) {
            return true;
        }
        [Some(password), unit].into_iter().flatten().any(|text| {
            let core = text.trim_matches(|c: char| !c.is_alphabetic());
            [text, core].into_iter().any(|text| {
                self.common.contains(text)
                    || ['i', 'l'].into_iter().any(|one| self.common.contains(&**unleet(text, one)))
            })
        })
    }
}

/// Each character follows the one before, up or down, or is the same: `abcdefghijkl`, `098765432109`.
fn is_run(text: &str) -> bool {
    let steps = |step: i32| {
        text.chars().zip(text.chars().skip(1)).all(|(a, b)| {
            let (a, b) = (a as i32, b as i32);
            let wrapped = (a, b, step) == ('9' as i32, '0' as i32, 1) || (a, b, step) == ('0' as i32, '9' as i32, -1);
            b - a == step || wrapped
        })
    };
    [-1, 0, 1].into_iter().any(steps)
}

/// What `text` is a repetition of, at least twice, the last time perhaps cut short.
fn repeated(text: &str) -> Option<&str> {
    let half = text.len() / 2;
    let ends = text.char_indices().map(|(at, _)| at).skip(1).take_while(|at| *at <= half);
    ends.map(|end| text.split_at(end))
        .find(|(unit, rest)| unit.repeat(rest.len() / unit.len() + 1).starts_with(rest))
        .map(|(unit, _)| unit)
}

/// Letters for the digits and symbols that are written in their place.
fn unleet(text: &str, one: char) -> zeroize::Zeroizing<String> {
    let letter = |c| match c {
        '0' => 'o',
        '1' | '!' | '|' => one,
        '3' => 'e',
        '4' | '@' => 'a',
        '5' | '$' => 's',
        '7' | '+' => 't',
        '8' => 'b',
        '9' => 'g',
        c => c,
    };
    zeroize::Zeroizing::new(text.chars().map(letter).collect())
}

/// The telling parts of a name, or of what stands before the `@` of an address.
fn parts(text: &str) -> impl Iterator<Item = String> + '_ {
    let own = text.split_once('@').map_or(text, |(local, _)| local);
    own.split(|c: char| !c.is_alphanumeric()).filter(|part| part.chars().count() >= TELLING).map(str::to_lowercase)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(password: &str) -> Result<(), Refusal> {
        Policy::built_in()
            .check(&SecretString::from(password), &["ada.lovelace+cards@example.com", "Ada", "Núñez-King"])
    }

    #[test]
    fn length_counts_characters_and_bytes() {
        assert_eq!(check("elevenchars"), Err(Refusal::TooShort));
        assert_eq!(check("ёлки зелёные"), Ok(()));
        assert_eq!(check(&"ж б".repeat(52)), Err(Refusal::TooLong));
    }

    #[test]
    fn what_attackers_try_first_is_refused_in_all_its_usual_dresses() {
        for common in [
            "1q2w3e4r5t6y",
            "Password1234",
            "P@ssw0rd2026!",
            "!!DRAGON!!!!",
            "passwordpassword",
            "letmeinletmein",
            "aaaaaaaaaaaaaaa",
            "abcabcabcabcab",
            "123456789012",
            "zyxwvutsrqpon",
            "qwertyuiop12",
            "1111ilovey0u",
        ] {
            assert_eq!(check(common), Err(Refusal::Common), "{common}");
        }
    }

    #[test]
    fn what_is_known_of_its_owner_is_no_password() {
        for personal in ["my lovelace secret", "l0velace is my name", "the king of núñez", "VirtualCards rock"] {
            assert_eq!(check(personal), Err(Refusal::Personal), "{personal}");
        }
    }

    #[test]
    fn what_is_long_and_unusual_is_accepted_without_any_rule_of_composition() {
        for good in ["correct horse battery staple", "securePassword123", "tram adagio violet", "83650172948536"] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
    }

    #[test]
    fn an_operators_own_list_takes_the_place_of_ours() {
        let policy = Policy::of("Hunter2hunter\n\n");
        assert_eq!(policy.check(&"hunter2Hunter".into(), &[]), Err(Refusal::Common));
        assert_eq!(policy.check(&"Password1234".into(), &[]), Ok(()));
    }
}
