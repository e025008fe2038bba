//! Recovery codes: for the day on which the phone is lost. Only their keyed hashes are kept, and each counts once.
//!
//! They come in sets. The log names the one that counts; what the table has beside it is void.

use aggregates::{CredentialId, UserId};
use secrecy::{ExposeSecret, SecretString};
use sqlx::Row;
use zeroize::Zeroizing;

use crate::{Error, Store, seal::DataKey};

/// How many a person has at a time.
pub const RECOVERY_CODES: usize = 10;

/// 12 characters of 5 bits: 60 bits. Whoever has the table lacks the key of the hash; whoever asks us is locked out
/// long before.
const CHARACTERS: usize = 12;
/// Characters between two dashes.
const GROUP: usize = 4;

/// Crockford's base 32: no letter that is easily taken for another or for a digit.
const ALPHABET: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Codes that were just made. They cannot be read again.
pub struct NewCodes {
    pub set_id: CredentialId,
    pub codes: Vec<SecretString>,
}

impl Store {
    /// Makes a set of codes beside those that are there. They count once the log names the set.
    pub async fn add_recovery_codes(&self, user: UserId) -> Result<NewCodes, Error> {
        let set_id = CredentialId(crate::new_id());
        let codes: Vec<SecretString> = (0..RECOVERY_CODES).map(|_| code()).collect();
        let hashes: Vec<_> = codes.iter().map(|code| self.recovery_code_hash(user, code).to_vec()).collect();
        let sql = "INSERT INTO recovery_codes (user_id, set_id, code_hash) SELECT $1, $2, unnest($3::bytea[])";
        self.write_as(user, sqlx::query(sql).bind(user.0).bind(set_id.0).bind(hashes)).await?;
        Ok(NewCodes { set_id, codes })
    }

    /// Uses a code of this set up. False if the set has no such code (any more).
    pub async fn use_recovery_code(
        &self,
        user: UserId,
        set_id: CredentialId,
        code: &SecretString,
    ) -> Result<bool, Error> {
        let hash = self.recovery_code_hash(user, code);
        let query = sqlx::query("DELETE FROM recovery_codes WHERE user_id = $1 AND set_id = $2 AND code_hash = $3");
        let used = self.write_as(user, query.bind(user.0).bind(set_id.0).bind(hash.as_slice())).await?;
        Ok(used.rows_affected() == 1)
    }

    /// How many codes of this set are left.
    pub async fn recovery_codes_left(&self, user: UserId, set_id: CredentialId) -> Result<u32, Error> {
        let query = sqlx::query("SELECT count(*) FROM recovery_codes WHERE user_id = $1 AND set_id = $2");
        let count: i64 = self.one_row_of(user, query.bind(user.0).bind(set_id.0)).await?.try_get(0)?;
        Ok(u32::try_from(count).unwrap_or(u32::MAX))
    }

    /// Deletes the set that was `replaced`, and what was made an hour ago without the log ever naming it. An append
    /// that is under way may still name a younger one.
    pub async fn forget_recovery_codes(
        &self,
        user: UserId,
        current: Option<CredentialId>,
        replaced: Option<CredentialId>,
    ) -> Result<(), Error> {
        let query = sqlx::query(
            "DELETE FROM recovery_codes
              WHERE user_id = $1 AND set_id IS DISTINCT FROM $2
                AND (set_id = $3 OR issued_at < now() - interval '1 hour')",
        );
        let query = query.bind(user.0).bind(current.map(|set| set.0)).bind(replaced.map(|set| set.0));
        self.write_as(user, query).await?;
        Ok(())
    }

    fn recovery_code_hash(&self, user: UserId, code: &SecretString) -> [u8; 32] {
        let owned = Zeroizing::new(format!("{user}:{}", *normalised(code.expose_secret())));
        self.inner.keys.keyed_hash("recovery_code", &owned)
    }
}

fn code() -> SecretString {
    // 32 letters divide 256, so no letter is likelier than another.
    let random = DataKey::generate();
    let letters = random.as_bytes()[..CHARACTERS].iter().map(|byte| char::from(ALPHABET[usize::from(byte % 32)]));
    let mut text = String::with_capacity(CHARACTERS + CHARACTERS / GROUP);
    for (place, letter) in letters.enumerate() {
        if place > 0 && place % GROUP == 0 {
            text.push('-');
        }
        text.push(letter);
    }
    SecretString::from(text)
}

/// As people copy codes from paper: without regard to case, dashes and spaces, and with letters for digits.
fn normalised(code: &str) -> Zeroizing<String> {
    let letters = code.chars().filter(|c| !matches!(c, '-' | ' ')).take(CHARACTERS + 1);
    Zeroizing::new(
        letters
            .map(|c| match c.to_ascii_uppercase() {
                'O' => '0',
                'I' | 'L' => '1',
                other => other,
            })
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_three_groups_of_unmistakable_letters() {
        let code = code();
        let groups: Vec<_> = code.expose_secret().split('-').collect();
        assert!(groups.iter().all(|group| group.len() == GROUP) && groups.len() == CHARACTERS / GROUP);
        assert!(groups.concat().bytes().all(|letter| ALPHABET.contains(&letter)));
    }

    #[test]
    fn codes_are_read_as_people_write_them() {
        for written in ["0123-4567-1BCD", "o123 4567 lbcd", "O12345671bcd", "0i23-4567-ibcd"] {
            assert_eq!(*normalised(written), "012345671BCD", "{written}");
        }
        assert_eq!(normalised(&"A".repeat(1_000)).len(), CHARACTERS + 1);
    }
}
