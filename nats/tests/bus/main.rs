#![allow(clippy::unwrap_used)]
mod server;
mod server_facts;
mod scratch;
