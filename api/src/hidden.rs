//! A secret that a client sends.

use poem_openapi::{
    registry::MetaSchema,
    types::{ParseError, ParseFromJSON, ParseResult, ToJSON},
};
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::Value;

use crate::schema::described;

/// A password in a body. Overwritten in memory when dropped, however the request ends; prints nothing, and can stand in
/// no answer.
#[derive(Deserialize)]
#[serde(transparent)]
pub struct Hidden(SecretString);

described!(Hidden, MetaSchema::new("string"));

impl From<Hidden> for SecretString {
    fn from(hidden: Hidden) -> SecretString {
        hidden.0
    }
}

/// For examples in the document.
impl From<&str> for Hidden {
    fn from(text: &str) -> Hidden {
        Hidden(SecretString::from(text))
    }
}

/// For the bounds in the document.
impl AsRef<str> for Hidden {
    fn as_ref(&self) -> &str {
        self.0.expose_secret()
    }
}

impl ParseFromJSON for Hidden {
    fn parse_from_json(_: Option<Value>) -> ParseResult<Self> {
        Err(ParseError::custom("bodies are read by serde"))
    }
}

/// For examples in the document; answers are written by serde, which this type has no way into.
impl ToJSON for Hidden {
    fn to_json(&self) -> Option<Value> {
        Some(self.0.expose_secret().into())
    }
}
