use std::{
    collections::HashSet,
    hash::{DefaultHasher, Hash, Hasher},
};

use uuid::Uuid;

use crate::card_data::check_digit;

/// The first six digits of every number, which no real card has with us.
const BIN: &str = "453212";
const ACCOUNTS: u64 = 1_000_000_000;

/// Hands out test numbers: 16 digits with a right check digit, each once, and the same for the same card unless two
/// cards collide.
#[derive(Default)]
pub(super) struct CardNumbers {
    taken: HashSet<u32>,
}

impl CardNumbers {
    pub fn take(&mut self, card: Uuid) -> String {
        let mut account = (hash(card, "number") % ACCOUNTS) as u32;
        // Ends, because far fewer numbers than ACCOUNTS are ever taken (`max_records`).
        while !self.taken.insert(account) {
            account = (account + 1) % ACCOUNTS as u32;
        }
        let payload = format!("{BIN}{account:09}");
        let check_digit = check_digit(&payload);
        format!("{payload}{check_digit}")
    }
}

/// Three digits, the same for the same card.
pub(super) fn cvv(card: Uuid) -> String {
    format!("{:03}", hash(card, "cvv") % 1000)
}

fn hash(card: Uuid, purpose: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    (card, purpose).hash(&mut hasher);
    hasher.finish()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;
    use crate::CardNumber;

    #[test]
    fn numbers_are_right_and_never_the_same() {
        let mut numbers = CardNumbers::default();
        let card = Uuid::from_u128(7);
        let taken: HashSet<String> = (0..1000).map(|_| numbers.take(card)).collect();
        assert_eq!(taken.len(), 1000);
        for number in &taken {
            assert!(number.len() == 16 && number.starts_with(BIN) && CardNumber::parse(number).is_ok(), "{number}");
        }
    }

    #[test]
    fn a_card_gets_the_same_number_from_another_sandbox() {
        let card = Uuid::from_u128(8);
        assert_eq!(CardNumbers::default().take(card), CardNumbers::default().take(card));
    }
}
