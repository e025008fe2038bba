use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use p256::ecdsa::{Signature, SigningKey, signature::Signer};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

const USER_PRESENT: u8 = 0x01;
const USER_VERIFIED: u8 = 0x04;
const ATTESTED_CREDENTIAL: u8 = 0x40;

/// An authenticator with one passkey (WebAuthn Level 3): ES256, discoverable, without attestation. Its behaviour can be
/// spoilt by the fields.
#[derive(Clone)]
pub struct Passkey {
    key: SigningKey,
    credential_id: Vec<u8>,
    user_handle: Value,
    /// The page that asks.
    pub origin: String,
    pub rp_id: String,
    /// How often it has signed. 0 stays 0, as synchronised passkeys have it.
    pub counter: u32,
    /// Whether it asks its owner for a finger or a PIN.
    pub verifies: bool,
}

impl Passkey {
    /// Makes a passkey for `PublicKeyCredentialCreationOptionsJSON`; and `RegistrationResponseJSON`.
    pub fn create(options: &Value) -> (Passkey, Value) {
        let rp_id = options["rp"]["id"].as_str().unwrap_or_default().to_owned();
        let passkey = Passkey {
            key: SigningKey::from_slice(&rand::random::<[u8; 32]>()).expect("all but 2^-32 of numbers are keys"),
            credential_id: rand::random::<[u8; 16]>().to_vec(),
            user_handle: options["user"]["id"].clone(),
            origin: format!("http://{rp_id}"),
            rp_id,
            counter: 0,
            verifies: true,
        };
        let authenticator_data = [passkey.authenticator_data(ATTESTED_CREDENTIAL), passkey.attested()].concat();
        let id = BASE64_URL_SAFE_NO_PAD.encode(&passkey.credential_id);
        let response = json!({
            "id": id, "rawId": id, "type": "public-key", "clientExtensionResults": {},
            "response": {
                "clientDataJSON": BASE64_URL_SAFE_NO_PAD.encode(passkey.client_data("webauthn.create", options)),
                "attestationObject": BASE64_URL_SAFE_NO_PAD.encode(attestation_object(&authenticator_data)),
                "transports": ["internal"],
            },
        });
        (passkey, response)
    }

    /// Signs `PublicKeyCredentialRequestOptionsJSON`; `AuthenticationResponseJSON`.
    pub fn sign(&mut self, options: &Value) -> Value {
        if self.counter > 0 {
            self.counter += 1;
        }
        let (client_data, data) = (self.client_data("webauthn.get", options), self.authenticator_data(0));
        let signed = [data.as_slice(), &Sha256::digest(&client_data)].concat();
        let signature: Signature = self.key.sign(&signed);
        let id = BASE64_URL_SAFE_NO_PAD.encode(&self.credential_id);
        json!({
            "id": id, "rawId": id, "type": "public-key", "clientExtensionResults": {},
            "response": {
                "clientDataJSON": BASE64_URL_SAFE_NO_PAD.encode(client_data),
                "authenticatorData": BASE64_URL_SAFE_NO_PAD.encode(data),
                "signature": BASE64_URL_SAFE_NO_PAD.encode(signature.to_der().as_bytes()),
                "userHandle": self.user_handle,
            },
        })
    }

    fn client_data(&self, kind: &str, options: &Value) -> Vec<u8> {
        let data = json!({ "type": kind, "challenge": options["challenge"], "origin": self.origin,
                           "crossOrigin": false });
        data.to_string().into_bytes()
    }

    /// §6.1: hash of the relying party's id, flags, counter.
    fn authenticator_data(&self, more_flags: u8) -> Vec<u8> {
        let verified = if self.verifies { USER_VERIFIED } else { 0 };
        let mut data = Sha256::digest(self.rp_id.as_bytes()).to_vec();
        data.push(USER_PRESENT | verified | more_flags);
        data.extend(self.counter.to_be_bytes());
        data
    }

    /// §6.5.1: which authenticator (none in particular), the credential's id, its public key in COSE.
    fn attested(&self) -> Vec<u8> {
        let point = self.key.verifying_key().to_sec1_point(false);
        let mut data = vec![0; 16];
        data.extend((self.credential_id.len() as u16).to_be_bytes());
        data.extend(&self.credential_id);
        // {1: 2 (EC2), 3: -7 (ES256), -1: 1 (P-256), -2: x, -3: y}
        data.extend([0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20]);
        data.extend(point.x().expect("a public key is no point at infinity"));
        data.extend([0x22, 0x58, 0x20]);
        data.extend(point.y().expect("the point is not compressed"));
        data
    }
}

/// CBOR of `{"fmt": "none", "attStmt": {}, "authData": …}`.
fn attestation_object(authenticator_data: &[u8]) -> Vec<u8> {
    let mut object = vec![0xa3, 0x63];
    object.extend(b"fmt");
    object.push(0x64);
    object.extend(b"none");
    object.push(0x67);
    object.extend(b"attStmt");
    object.extend([0xa0, 0x68]);
    object.extend(b"authData");
    object.push(0x58);
    object.push(u8::try_from(authenticator_data.len()).expect("less than 256 bytes"));
    object.extend(authenticator_data);
    object
}
