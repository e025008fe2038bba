//! Canaries: secrets that are known beforehand, sent through the whole system, and looked for afterwards in everything
//! that it has written, byte for byte, in every form that they could have taken.

mod forms;
mod scan;

pub use scan::{Finding, Scan};

/// A secret, and what it is called when it is found.
#[derive(Clone, Debug)]
pub struct Canary {
    pub name: String,
    pub secret: Secret,
}

#[derive(Clone, Debug)]
pub enum Secret {
    /// A text that could stand anywhere.
    Text(String),
    /// A card's number. Any ten of its digits in a row are too many.
    CardNumber(String),
    /// Too short to be looked for alone: looked for beside its name.
    Cvv(String),
    /// A file, of which any 24 bytes are looked for.
    Bytes(Vec<u8>),
}

impl Canary {
    pub fn text(name: &str, text: impl Into<String>) -> Canary {
        Canary { name: name.into(), secret: Secret::Text(text.into()) }
    }

    pub fn card_number(name: &str, number: impl Into<String>) -> Canary {
        Canary { name: name.into(), secret: Secret::CardNumber(number.into()) }
    }

    pub fn cvv(name: &str, cvv: impl Into<String>) -> Canary {
        Canary { name: name.into(), secret: Secret::Cvv(cvv.into()) }
    }

    pub fn bytes(name: &str, bytes: impl Into<Vec<u8>>) -> Canary {
        Canary { name: name.into(), secret: Secret::Bytes(bytes.into()) }
    }
}
