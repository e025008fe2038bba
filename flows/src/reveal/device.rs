//! Encryption for a device: HPKE (RFC 9180) in base mode, with DHKEM(X25519, HKDF-SHA256), HKDF-SHA256 and
//! ChaCha20-Poly1305, one message a key.

use aggregates::card::Expiry;
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use hpke::{
    Deserializable, HpkeError, Kem, OpModeS, Serializable, aead::ChaCha20Poly1305, kdf::HkdfSha256,
    kem::X25519HkdfSha256, single_shot_seal,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use store::vault::CardSecrets;
use zeroize::Zeroizing;

use crate::Error;

/// HPKE's `info`: what the keys are derived for.
pub const INFO: &str = "virtual-cards card reveal v1";

/// Longer than any card's secrets as JSON, so that they are written without the buffer growing.
const LONGEST: usize = 256;

type PublicKey = <X25519HkdfSha256 as Kem>::PublicKey;

/// The public X25519 key of a device (RFC 7748). Travels as base 64 for URLs, without padding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceKey([u8; 32]);

/// A card's secrets as the device alone can read them.
#[derive(Debug)]
pub struct ForDevice {
    /// HPKE's `enc`.
    pub encapsulated_key: Vec<u8>,
    pub ciphertext: Vec<u8>,
}

/// What the device finds inside.
#[derive(Serialize)]
struct Plaintext<'a> {
    card_number: &'a str,
    cvv: &'a str,
    expiry: Expiry,
}

impl DeviceKey {
    /// None for what is no key, and for the few points with which no secret can be agreed (RFC 9180 §7.1.4).
    pub fn parse(text: &str) -> Option<DeviceKey> {
        let bytes: [u8; 32] = BASE64_URL_SAFE_NO_PAD.decode(text).ok()?.try_into().ok()?;
        let key = DeviceKey(bytes);
        key.seal(b"", b"").ok().map(|_| key)
    }

    pub fn text(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(self.0)
    }

    /// Encrypts for the device. `bound_to`, HPKE's `aad`, has to be given again to read it.
    pub(super) fn encrypt(&self, secrets: &CardSecrets, bound_to: &str) -> Result<ForDevice, Error> {
        let CardSecrets { number, cvv, expiry } = secrets;
        let mut plaintext = Zeroizing::new(Vec::with_capacity(LONGEST));
        let written = serde_json::to_writer(&mut *plaintext, &Plaintext { card_number: number, cvv, expiry: *expiry });
        written.map_err(|e| Error::Internal(e.into()))?;
        self.seal(&plaintext, bound_to.as_bytes()).map_err(|e| Error::Internal(e.to_string().into()))
    }

    fn seal(&self, plaintext: &[u8], bound_to: &[u8]) -> Result<ForDevice, HpkeError> {
        let key = PublicKey::from_bytes(&self.0)?;
        let sealed = single_shot_seal::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
            &OpModeS::Base,
            &key,
            INFO.as_bytes(),
            plaintext,
            bound_to,
        );
        let (encapsulated_key, ciphertext) = sealed?;
        Ok(ForDevice { encapsulated_key: encapsulated_key.to_bytes().to_vec(), ciphertext })
    }
}

impl Serialize for DeviceKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text())
    }
}

impl<'de> Deserialize<'de> for DeviceKey {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<DeviceKey, D::Error> {
        let text = String::deserialize(deserializer)?;
        DeviceKey::parse(&text).ok_or_else(|| de::Error::custom("no X25519 key"))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use hpke::{OpModeR, single_shot_open};

    use super::*;

    fn secrets() -> CardSecrets {
        CardSecrets {
            number: Zeroizing::new("4532015112830366".into()),
            cvv: Zeroizing::new("987".into()),
            expiry: Expiry::new(10, 2029).unwrap(),
        }
    }

    #[test]
    fn the_device_reads_what_was_encrypted_for_it_and_nobody_else_does() {
        let ((private, public), (stranger, _)) = (X25519HkdfSha256::gen_keypair(), X25519HkdfSha256::gen_keypair());
        let key = DeviceKey::parse(&BASE64_URL_SAFE_NO_PAD.encode(public.to_bytes())).unwrap();
        let ForDevice { encapsulated_key, ciphertext } = key.encrypt(&secrets(), "card.token").unwrap();
        let encapsulated = <X25519HkdfSha256 as Kem>::EncappedKey::from_bytes(&encapsulated_key).unwrap();
        let open = |private, info: &str, bound_to: &str| {
            single_shot_open::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
                &OpModeR::Base,
                private,
                &encapsulated,
                info.as_bytes(),
                &ciphertext,
                bound_to.as_bytes(),
            )
        };
        let read = open(&private, INFO, "card.token").unwrap();
        assert_eq!(read, br#"{"card_number":"4532015112830366","cvv":"987","expiry":"10/29"}"#);
        assert!(open(&stranger, INFO, "card.token").is_err());
        assert!(open(&private, "another use", "card.token").is_err());
        assert!(open(&private, INFO, "another card.token").is_err());
    }

    #[test]
    fn a_key_is_a_point_with_which_a_secret_can_be_agreed() {
        let good = BASE64_URL_SAFE_NO_PAD.encode([9; 32]);
        assert_eq!(DeviceKey::parse(&good).unwrap().text(), good);
        let of_low_order = BASE64_URL_SAFE_NO_PAD.encode([0; 32]);
        let short = BASE64_URL_SAFE_NO_PAD.encode([9; 31]);
        for bad in ["", "not a key", &short, &of_low_order, &format!("{good}=")] {
            assert!(DeviceKey::parse(bad).is_none(), "{bad}");
        }
    }
}
