use clap::{Subcommand, ValueEnum};
use indicatif::{ProgressBar, ProgressStyle};
use store::{
    Rewrapped, Store,
    keys::{KeyKind, KeyRing},
};

use crate::{Config, Failure};

/// The keys in the directory that `keys_dir` names, and those that are configured under `keys`. To rotate without
/// downtime: `rotate` on one machine, bring the new file and `kek-current` (or `signing-current`) to all and restart
/// them, then `use` on all and restart them. Where there are several keys and no such file, nothing starts. When the
/// last token that an old signing key signed has expired, delete its file. An old `kek` goes in two more steps:
/// `rewrap`, then `retire`.
#[derive(Subcommand)]
pub(crate) enum Keys {
    /// Show which keys there are and which is in use.
    List,
    /// Write the next key, which is not yet used: it only verifies, or unwraps. For a kek the database is asked for the
    /// next number and told the key's check, so that no other machine makes a different key of the same number.
    Rotate { kind: Kind },
    /// Use this key from the next start on.
    Use { kind: Kind, number: u32 },
    /// Wrap all keys of people and cards anew, under the kek that is in use, while everything goes on. May be broken
    /// off, and run again. Fails as long as an old kek wraps anything, and says how much.
    Rewrap,
    /// Show how many keys each kek wraps.
    Status,
    /// Take a kek out for good, once it wraps nothing: nothing can be wrapped with it from then on, and its file goes.
    /// Backups from before the `rewrap` need it to be of use.
    Retire { number: u32 },
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Kind {
    /// Signs access tokens.
    Signing,
    /// Wraps the keys of people and cards.
    Kek,
}

pub(crate) async fn run(config: &Config, command: &Keys) -> Result<(), Failure> {
    match command {
        Keys::List => list(config)?,
        Keys::Rotate { kind } => {
            let number = match kind {
                Kind::Signing => ring(config, KeyKind::Signing)?.add(0)?,
                Kind::Kek => rotate_kek(config).await?,
            };
            println!("{number}");
            eprintln!(
                "written, and not yet used: bring it and the -current file to every machine and restart, then `keys use`"
            );
        }
        Keys::Use { kind, number } => {
            ring(config, (*kind).into())?.choose(*number)?;
            eprintln!("used from the next start on");
        }
        Keys::Rewrap => rewrap(config).await?,
        Keys::Status => status(config).await?,
        Keys::Retire { number } => {
            let ring = ring(config, KeyKind::Kek)?;
            if !ring.numbers()?.contains(number) {
                return Err(Failure::Other(format!("there is no kek-{number}")));
            }
            store(config).await?.retire_kek(*number).await?;
            match ring.discard(*number)? {
                true => println!("kek-{number} is retired, and its file here deleted: delete it everywhere else"),
                false => println!("kek-{number} is retired: take it out of the configuration, and destroy it"),
            }
        }
    }
    Ok(())
}

fn ring(config: &Config, kind: KeyKind) -> Result<KeyRing<'_>, Failure> {
    let elsewhere = match kind {
        KeyKind::Kek => config.keys.numbers()?,
        KeyKind::Signing => vec![],
    };
    Ok(KeyRing::new(&config.keys_dir, kind).with(elsewhere))
}

/// With keys that are the same as everywhere else.
async fn store(config: &Config) -> Result<Store, Failure> {
    let store = Store::connect(config.database_url(), config.load_keys()?, &config.store)?;
    store.check_keks().await?;
    Ok(store)
}

async fn rotate_kek(config: &Config) -> Result<u32, Failure> {
    let ring = ring(config, KeyKind::Kek)?;
    let number = ring.add(store(config).await?.highest_kek().await?)?;
    // Puts the new key down. Another machine may have done so with one of its own since we asked for the number.
    match store(config).await {
        Ok(_) => Ok(number),
        Err(failure) => {
            ring.take_back(number)?;
            Err(failure)
        }
    }
}

fn list(config: &Config) -> Result<(), Failure> {
    for (name, kind) in [("signing", KeyKind::Signing), ("kek", KeyKind::Kek)] {
        let ring = ring(config, kind)?;
        let current = ring.current()?;
        for number in ring.numbers()? {
            println!("{name}-{number}{}", if number == current { "  in use" } else { "" });
        }
    }
    Ok(())
}

/// With a progress bar on a terminal.
async fn rewrap(config: &Config) -> Result<(), Failure> {
    let store = store(config).await?;
    let bar = ProgressBar::new(store.keys_to_rewrap().await?).with_style(style());
    let rewrapped = store.rewrap(|more| bar.inc(more)).await?;
    bar.finish();
    println!("{} keys wrapped anew", rewrapped.done);
    let left = match rewrapped {
        Rewrapped { left: 0, .. } => return Ok(()),
        Rewrapped { left, failed: 0, .. } => {
            format!("{left} keys are left, written meanwhile by who still uses an old kek")
        }
        Rewrapped { left, failed, .. } => {
            format!("{left} keys are left, of which {failed} do not open and stay as they are; the log names them")
        }
    };
    Err(Failure::Other(left))
}

fn style() -> ProgressStyle {
    ProgressStyle::with_template("rewrap [{bar:40}] {human_pos}/{human_len} keys, {per_sec}, {eta} left")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
}

async fn status(config: &Config) -> Result<(), Failure> {
    let (ring, wrapped) = (ring(config, KeyKind::Kek)?, store(config).await?.wrapped_keys().await?);
    let (current, numbers) = (ring.current()?, ring.numbers()?);
    for number in &numbers {
        let tables = wrapped.get(&format!("kek-{number}"));
        let parts: Vec<_> = tables.into_iter().flatten().map(|(table, keys)| format!("{keys} in {table}")).collect();
        let parts = if parts.is_empty() { "wraps nothing".to_owned() } else { format!("wraps {}", parts.join(", ")) };
        println!("kek-{number}  {parts}{}", if *number == current { "  in use" } else { "" });
    }
    let known: Vec<_> = numbers.iter().map(|number| format!("kek-{number}")).collect();
    let missing: Vec<_> = wrapped.keys().filter(|kek_id| !known.contains(kek_id)).cloned().collect();
    match missing.is_empty() {
        true => Ok(()),
        false => Err(Failure::Other(format!("keys are wrapped that are missing here: {}", missing.join(", ")))),
    }
}

impl From<Kind> for KeyKind {
    fn from(kind: Kind) -> KeyKind {
        match kind {
            Kind::Signing => KeyKind::Signing,
            Kind::Kek => KeyKind::Kek,
        }
    }
}
