//! A database for one run, without a template: whoever uses it brings the schema.

use std::str::FromStr;

use sqlx::{Connection, PgConnection, postgres::PgConnectOptions};

use crate::processes::Failure;

pub struct Scratch {
    server_url: String,
    name: String,
}

impl Scratch {
    /// `server_url` is of a role that may create databases; `name` is plain.
    pub async fn create(server_url: &str, name: &str) -> Result<Scratch, Failure> {
        execute(server_url, &format!("CREATE DATABASE {name}")).await?;
        Ok(Scratch { server_url: server_url.into(), name: name.into() })
    }

    pub fn url(&self) -> String {
        let (address, parameters) = match self.server_url.split_once('?') {
            Some((address, parameters)) => (address, format!("?{parameters}")),
            None => (self.server_url.as_str(), String::new()),
        };
        // postgres://user@host:port/database
        let server = match address.rfind('/') {
            Some(slash) if !address[..slash].ends_with('/') => &address[..slash],
            _ => address,
        };
        format!("{server}/{}{parameters}", self.name)
    }

    pub async fn connect(&self) -> Result<PgConnection, Failure> {
        Ok(PgConnection::connect(&self.url()).await?)
    }

    /// Drops it, with whatever is connected to it.
    pub async fn discard(self) -> Result<(), Failure> {
        execute(&self.server_url, &format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name)).await
    }
}

/// One statement on a connection of its own.
pub async fn execute(url: &str, sql: &str) -> Result<(), Failure> {
    let mut connection = PgConnection::connect_with(&PgConnectOptions::from_str(url)?).await?;
    sqlx::query(sql).execute(&mut connection).await?;
    Ok(connection.close().await?)
}
