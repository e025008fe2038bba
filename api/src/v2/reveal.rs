use aggregates::CardId;
use base64::prelude::{BASE64_URL_SAFE_NO_PAD, Engine};
use flows::reveal::{self, DeviceKey, Wanted};
use poem_openapi::{
    ApiResponse, Object, OpenApi,
    param::{Header, Path},
    registry::MetaSchema,
    types::Example,
};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::Tag;
use crate::{
    auth::{Caller, rights::Revealing},
    json::Json,
    parameters::StepUpToken,
    problem::{Failure, Problem, refusals},
    schema::{described, read_by_serde},
};

#[derive(Default)]
pub struct Reveals;

/// A device's X25519 key.
#[derive(Serialize, Deserialize)]
#[serde(transparent)]
pub struct PublicKey(pub String);

described!(
    PublicKey,
    MetaSchema {
        description: Some(
            "The public key of a pair that the device made for this one reveal: X25519 (RFC 7748), 32 bytes in base \
             64 for URLs without padding."
        ),
        pattern: Some("^[A-Za-z0-9_-]{43}$".into()),
        ..MetaSchema::new("string")
    }
);
read_by_serde!(PublicKey);

#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields, example)]
struct RevealTokenRequest {
    public_key: PublicKey,
}

/// Buys the card's secrets, for the device whose key it was made for.
#[derive(Object, Serialize)]
#[oai(example)]
struct RevealToken {
    /// Good once.
    reveal_token: String,
    /// Seconds for which it is good.
    expires_in: u64,
}

#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields, example)]
struct RevealRequest {
    reveal_token: String,
    public_key: PublicKey,
}

/// The card's secrets, which the device's private key opens.
///
/// HPKE (RFC 9180) in base mode, with DHKEM(X25519, HKDF-SHA256), HKDF-SHA256 and ChaCha20Poly1305. `info` is the text
/// `virtual-cards card reveal v1`, `aad` the text `<card_id>.<reveal_token>`. Inside is JSON:
/// `{"card_number":"4532…","cvv":"987","expiry":"10/29"}`.
///
/// The example opens with the private key `AAIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eH2A`.
#[derive(Object, Serialize)]
#[oai(example)]
struct RevealedCard {
    card_id: Uuid,
    /// HPKE's `enc`, in base 64 for URLs without padding.
    encapsulated_key: String,
    /// Likewise.
    ciphertext: String,
}

#[derive(ApiResponse)]
enum AllowResponse {
    /// The token.
    #[oai(status = 201)]
    Allowed(Json<RevealToken>),
}

#[derive(ApiResponse)]
enum RevealResponse {
    /// Number, CVV and expiry, encrypted for the device. The token is used up.
    #[oai(status = 200)]
    Revealed(Json<RevealedCard>, #[oai(header = "X-Position")] i64),
}

refusals!(Allow, V2, [400, 401, 403, 404, 408, 409, 413, 415, 422, 429, 500, 503, 504]);
refusals!(Reveal, V2, [400, 401, 403, 404, 408, 409, 413, 415, 422, 429, 500, 503, 504]);

#[OpenApi(prefix_path = "/api/v2", tag = "Tag::Cards")]
impl Reveals {
    /// Ask to see a card's number
    ///
    /// The device makes a key pair for this one time, and a step-up for `card_reveal` is proven that names the card and
    /// the public key. The token is good for a minute, once, in this session, for this card and this key. Only a card
    /// that can be paid with is shown: not a frozen, terminated or expired one.
    #[oai(path = "/cards/:card_id/reveal-tokens", method = "post", operation_id = "createRevealToken")]
    async fn allow(
        &self,
        caller: Caller<Revealing>,
        card_id: Path<Uuid>,
        #[oai(name = "X-Step-Up-Token")] step_up: Header<Option<StepUpToken>>,
        body: Json<RevealTokenRequest>,
    ) -> Result<AllowResponse, Failure<Allow>> {
        let (system, wanted) = (&caller.service.system, wanted(card_id.0, &body.0.public_key)?);
        let step_up = StepUpToken::secret(&step_up.0);
        let allowed = reveal::allow(system, caller.principal(), step_up, wanted, &caller.origin()).await?;
        let reveal_token = allowed.token.expose_secret().into();
        Ok(AllowResponse::Allowed(Json(RevealToken { reveal_token, expires_in: allowed.expires_in.as_secs() })))
    }

    /// See a card's number
    ///
    /// Uses the token up, and answers with number, CVV and expiry, encrypted for the device: nobody on the way can read
    /// them. Each time is an event of the card. Where the answer is lost, begin again.
    #[oai(path = "/cards/:card_id/reveal", method = "post", operation_id = "revealCard")]
    async fn reveal(
        &self,
        caller: Caller<Revealing>,
        card_id: Path<Uuid>,
        body: Json<RevealRequest>,
    ) -> Result<RevealResponse, Failure<Reveal>> {
        let (system, wanted) = (&caller.service.system, wanted(card_id.0, &body.0.public_key)?);
        let token = SecretString::from(body.0.reveal_token);
        let written = reveal::reveal(system, caller.principal(), &token, &wanted, &caller.origin()).await?;
        let (sealed, position) = caller.wrote(written);
        let revealed = RevealedCard {
            card_id: card_id.0,
            encapsulated_key: BASE64_URL_SAFE_NO_PAD.encode(sealed.encapsulated_key),
            ciphertext: BASE64_URL_SAFE_NO_PAD.encode(sealed.ciphertext),
        };
        Ok(RevealResponse::Revealed(Json(revealed), position))
    }
}

/// The card and the device, if the key is one.
pub fn wanted(card_id: Uuid, public_key: &PublicKey) -> Result<Wanted, Problem> {
    let device_key = DeviceKey::parse(&public_key.0);
    let device_key = device_key.ok_or_else(|| Problem::invalid("public_key", "is not an X25519 key in base 64"))?;
    Ok(Wanted { card_id: CardId(card_id), device_key })
}

/// What the examples belong to.
mod sample {
    use uuid::{Uuid, uuid};

    pub const CARD: Uuid = uuid!("0199f5a4-7c10-7d45-8f3b-2b6e9a1c7f02");
    pub const PUBLIC_KEY: &str = "B6N8vBQgk8i3VdwbEOhstCY3StFqqFPtC9_AsrhtHHw";
    pub const TOKEN: &str = "gV1oJ7Qm2yXc0bq5nTfHsKd9uLw3ReZp8iAaC6xBvEk";
    pub const ENCAPSULATED_KEY: &str = "uSVNxceavdKTDTlnnaiuUIzeQK-4L3RpK9zXDC8BknE";
    pub const CIPHERTEXT: &str =
        "sLCwBB4CW8_WmcbaRmMWsYDMHnnULx_BSI9SCoUuKSX5v1NqFDR9t1eNWkCvqJXZi6E1Sc3_Cl6NVG-WaFvtLN5q3GCeClKuS366dQ2cUw";
}

impl Example for RevealTokenRequest {
    fn example() -> RevealTokenRequest {
        RevealTokenRequest { public_key: PublicKey(sample::PUBLIC_KEY.into()) }
    }
}

impl Example for RevealToken {
    fn example() -> RevealToken {
        RevealToken { reveal_token: sample::TOKEN.into(), expires_in: 60 }
    }
}

impl Example for RevealRequest {
    fn example() -> RevealRequest {
        RevealRequest { reveal_token: sample::TOKEN.into(), public_key: PublicKey(sample::PUBLIC_KEY.into()) }
    }
}

impl Example for RevealedCard {
    fn example() -> RevealedCard {
        RevealedCard {
            card_id: sample::CARD,
            encapsulated_key: sample::ENCAPSULATED_KEY.into(),
            ciphertext: sample::CIPHERTEXT.into(),
        }
    }
}
