use clap::{Subcommand, ValueEnum};
use store::keys::{KeyKind, KeyRing};

use crate::{Config, Failure};

/// The keys in the directory that `keys_dir` names. To rotate without downtime: `rotate` on one machine, bring the
/// file to all and restart them, then `use` on all and restart them; when the last token that the old key signed has
/// expired, delete the old signing key. Old `kek` keys are deleted never: what they wrapped needs them.
#[derive(Subcommand)]
pub(crate) enum Keys {
    /// Show which keys there are and which is in use.
    List,
    /// Write the next key, which is not yet used: it only verifies, or unwraps.
    Rotate { kind: Kind },
    /// Use this key from the next start on.
    Use { kind: Kind, number: u32 },
}

#[derive(Clone, Copy, ValueEnum)]
pub(crate) enum Kind {
    /// Signs access tokens.
    Signing,
    /// Wraps the keys of people and cards.
    Kek,
}

pub(crate) fn run(config: &Config, command: &Keys) -> Result<(), Failure> {
    let ring = |kind: Kind| KeyRing::new(&config.keys_dir, kind.into());
    match command {
        Keys::List => {
            for (name, kind) in [("signing", KeyKind::Signing), ("kek", KeyKind::Kek)] {
                let ring = KeyRing::new(&config.keys_dir, kind);
                let current = ring.current()?;
                for number in ring.numbers()? {
                    println!("{name}-{number}{}", if number == current { "  in use" } else { "" });
                }
            }
        }
        Keys::Rotate { kind } => {
            let number = ring(*kind).add()?;
            println!("{number}");
            eprintln!("written, and not yet used: bring it to every machine and restart, then `keys use`");
        }
        Keys::Use { kind, number } => {
            ring(*kind).choose(*number)?;
            eprintln!("used from the next start on");
        }
    }
    Ok(())
}

impl From<Kind> for KeyKind {
    fn from(kind: Kind) -> KeyKind {
        match kind {
            Kind::Signing => KeyKind::Signing,
            Kind::Kek => KeyKind::Kek,
        }
    }
}
