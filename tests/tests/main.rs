//! The system's rules, tested through the public interfaces of its parts and of the whole. Each test has its own
//! database and namespace, so all of them run side by side.
#![allow(clippy::unwrap_used)]

mod access;
mod account;
mod accounts;
mod api_keys;
mod canary;
mod cards;
mod contract_v1;
mod contract_v2;
mod examples;
mod faults;
mod histories;
mod hygiene;
mod idempotency;
mod kek_rotation;
mod key_rotation;
mod kyc;
mod layers;
mod leadership;
mod log;
mod members;
mod memory;
mod migrations;
mod modules;
mod money;
mod network;
mod oauth;
mod operations;
mod published;
mod rate_limits;
mod read_models;
mod read_tables;
mod reveal;
mod scenarios;
mod second_factor;
mod secrecy;
mod secrets;
mod sessions;
mod social;
mod staff;
mod step_up;
mod strangers;
mod wall;
mod webhooks;
