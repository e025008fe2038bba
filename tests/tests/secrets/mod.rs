//! What must never be in an event: personal data under each person's key, card numbers, passwords (invariant 5).

mod ended;
mod fields;
mod keys;
mod passwords;
mod people;
mod second_factors;
mod sessions;
mod vault;
