#![allow(clippy::unwrap_used)]

mod apply;
mod cost;
mod cuts;
mod folds;
mod generations;
mod history;
mod inbox;
mod poison;
mod reads;
mod redis_server;
