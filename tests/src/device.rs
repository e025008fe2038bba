//! A device that can be shown a card's number: makes its key pair, and opens what is encrypted for it.

use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use hpke::{
    Deserializable, Kem, OpModeR, Serializable, aead::ChaCha20Poly1305, kdf::HkdfSha256, kem::X25519HkdfSha256,
    single_shot_open,
};
use hyper::StatusCode;
use serde_json::{Value, json};

use crate::client::{Answer, Client, ClientError, Person};

const INFO: &[u8] = b"virtual-cards card reveal v1";

pub struct Device {
    private: <X25519HkdfSha256 as Kem>::PrivateKey,
    pub public_key: String,
}

impl Default for Device {
    fn default() -> Device {
        Device::of(X25519HkdfSha256::gen_keypair().0)
    }
}

impl Device {
    /// With a private key of base 64 for URLs.
    pub fn with_key(private: &str) -> Option<Device> {
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(private).ok()?;
        <X25519HkdfSha256 as Kem>::PrivateKey::from_bytes(&bytes).ok().map(Device::of)
    }

    fn of(private: <X25519HkdfSha256 as Kem>::PrivateKey) -> Device {
        let public_key = BASE64_URL_SAFE_NO_PAD.encode(X25519HkdfSha256::sk_to_pk(&private).to_bytes());
        Device { private, public_key }
    }

    /// The card's number, CVV and expiry; none if it was encrypted for another device, card or token.
    pub fn open(&self, answer: &Value, card_id: &str, token: &str) -> Option<Value> {
        let bytes = |name: &str| BASE64_URL_SAFE_NO_PAD.decode(answer[name].as_str()?).ok();
        let encapsulated = bytes("encapsulated_key")?;
        let encapsulated = <X25519HkdfSha256 as Kem>::EncappedKey::from_bytes(&encapsulated).ok()?;
        let bound_to = format!("{card_id}.{token}");
        let opened = single_shot_open::<ChaCha20Poly1305, HkdfSha256, X25519HkdfSha256>(
            &OpModeR::Base,
            &self.private,
            &encapsulated,
            INFO,
            &bytes("ciphertext")?,
            bound_to.as_bytes(),
        );
        serde_json::from_slice(&opened.ok()?).ok()
    }

    /// What a step-up for this card and this device is asked for with.
    pub fn operation(&self, card_id: &str) -> Value {
        let reveal = json!({ "card_id": card_id, "public_key": self.public_key });
        json!({ "operation": "card_reveal", "reveal": reveal })
    }
}

impl Client {
    /// Buys a token for a card and a device, by a step-up.
    pub async fn reveal_token(
        &mut self,
        person: &Person,
        card_id: &str,
        device: &Device,
        step_up: &str,
    ) -> Result<Answer, ClientError> {
        let path = format!("/api/v2/cards/{card_id}/reveal-tokens");
        self.post_stepped_up(&path, person, step_up, &json!({ "public_key": device.public_key })).await
    }

    /// Uses a token.
    pub async fn reveal(
        &mut self,
        person: &Person,
        card_id: &str,
        device: &Device,
        token: &str,
    ) -> Result<Answer, ClientError> {
        let body = json!({ "reveal_token": token, "public_key": device.public_key });
        self.post(&format!("/api/v2/cards/{card_id}/reveal"), Some(&person.token), &body).await
    }

    /// The whole way, by the person's app; what the device then shows.
    pub async fn see_card(&mut self, person: &Person, card_id: &str) -> Result<Value, ClientError> {
        let device = Device::default();
        let step_up = self.step_up(person, &device.operation(card_id)).await?;
        let allowed = self.reveal_token(person, card_id, &device, &step_up).await?;
        let allowed = allowed.expect("reveal token", StatusCode::CREATED)?;
        let token = allowed["reveal_token"].as_str().unwrap_or_default();
        let answer = self.reveal(person, card_id, &device, token).await?.expect("reveal", StatusCode::OK)?;
        let unreadable = || ClientError::Unexpected { step: "reveal", answer: answer.to_string() };
        device.open(&answer, card_id, token).ok_or_else(unreadable)
    }
}
