//! What a card may be used for.

mod refusal;

pub use refusal::{Period, Refusal};
