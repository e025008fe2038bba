//! The bus against a real nats-server, each test with one of its own.
#![allow(clippy::unwrap_used)]

mod consume;
mod cost;
mod fixtures;
mod publish;
mod relay;
mod server;
mod server_facts;
