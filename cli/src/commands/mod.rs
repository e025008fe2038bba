pub(crate) mod admin;
pub(crate) mod clients;
pub(crate) mod keys;
pub(crate) mod replay;
pub(crate) mod schemas;
pub(crate) mod serve;
pub(crate) mod totp;
pub(crate) mod trace;
