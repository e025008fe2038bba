use secrecy::{ExposeSecret, SecretString};
use sha2::{Digest, Sha256};

/// Names accounts in rate-limit keys without telling who they are. The same on all instances.
pub struct AccountKey([u8; 32]);

impl AccountKey {
    /// Derived from a secret that all instances share, so that it is one more use and not one more secret.
    pub fn derive(secret: &SecretString) -> AccountKey {
        let hash = Sha256::new_with_prefix(b"virtual-cards login limit\0").chain_update(secret.expose_secret());
        AccountKey(hash.finalize().into())
    }

    /// A keyed hash of the address, spelt as logins compare it. Half of SHA-256 is enough to tell accounts apart,
    /// and cutting it keeps the key from being extended.
    pub fn name(&self, email: &str) -> String {
        let email = email.trim().to_lowercase();
        let hash: [u8; 32] = Sha256::new_with_prefix(self.0).chain_update(email).finalize().into();
        let mut half = [0; 16];
        half.copy_from_slice(&hash[..16]);
        format!("{:032x}", u128::from_be_bytes(half))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_account_has_one_name_however_it_is_spelt() {
        let key = AccountKey::derive(&"secret".into());
        assert_eq!(key.name("Ann@Example.com "), key.name("ann@example.com"));
        assert_ne!(key.name("ann@example.com"), key.name("bob@example.com"));
        assert_ne!(key.name("ann@example.com"), AccountKey::derive(&"other".into()).name("ann@example.com"));
    }
}
