//! Fraud screening: what is known of a person's payments, and how suspicious one more looks.
//!
//! Everything here is pure and counts in whole numbers, so that the live projection, a rebuild and a replay years
//! later come to the same state and the same score on every machine. This crate never performs I/O, reads a clock
//! or draws a random number, and it decides nothing but the score: declining is the payment flow's affair.

#[cfg(test)]
mod examples;
mod features;
mod rules;
mod window;

pub use features::PersonState;
pub use rules::{Attempt, Policy, RULES_VERSION, Threshold, assess};
