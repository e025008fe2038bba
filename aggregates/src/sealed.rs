use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Personal data encrypted under the person's own key, as text (base64). Only `store` can open it, and nobody can
/// once the key is destroyed. Prints as `Sealed(…)`.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct Sealed(String);

impl Sealed {
    /// Takes ciphertext as `store` wrote it. Sealing itself happens there.
    pub fn from_ciphertext(text: String) -> Self {
        Self(text)
    }

    pub fn ciphertext(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Sealed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Sealed(…)")
    }
}

/// A keyed hash (hex) by which equal values are found without being known, such as a person's e-mail address.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(transparent)]
pub struct BlindIndex(pub String);
