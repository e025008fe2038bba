//! The API over a real socket, without PostgreSQL: what has to hold before a handler runs, and what clients see of
//! refusals. Whole flows are tested with the whole system.
#![allow(clippy::unwrap_used)]

mod cost;
mod documents;
mod gateway;
mod harness;
mod limiting;
mod problems;
mod refusals;
mod serving;
mod sessions;
mod tokens;
