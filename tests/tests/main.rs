//! The system's rules, tested through the public interfaces of its parts and of the whole. Each test has its own
//! database and namespace, so all of them run side by side.
#![allow(clippy::unwrap_used)]

mod examples;
mod log;
