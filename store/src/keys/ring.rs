//! Adding keys and choosing among them, in the files that [`super::Keys`] reads at start.

use std::{fs, io::Write, path::Path};

use base64::prelude::{BASE64_STANDARD, Engine};

use super::{DataKey, current, new_signing_pem, numbered, write_new};
use crate::Error;

/// An empty file with this ending stands where a key was.
const RETIRED: &str = ".retired";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyKind {
    /// Signs access tokens.
    Signing,
    /// Wraps data keys.
    Kek,
}

/// All keys of a kind in one directory.
pub struct KeyRing<'a> {
    directory: &'a Path,
    kind: KeyKind,
    /// Keys that are not in the directory.
    elsewhere: Vec<u32>,
}

impl KeyKind {
    const fn parts(self) -> (&'static str, &'static str) {
        match self {
            KeyKind::Signing => ("signing", ".pem"),
            KeyKind::Kek => ("kek", ".key"),
        }
    }
}

impl<'a> KeyRing<'a> {
    pub fn new(directory: &'a Path, kind: KeyKind) -> KeyRing<'a> {
        KeyRing { directory, kind, elsewhere: Vec::new() }
    }

    /// With keys that are configured elsewhere, and may be chosen like the others.
    #[must_use]
    pub fn with(self, elsewhere: Vec<u32>) -> KeyRing<'a> {
        KeyRing { elsewhere, ..self }
    }

    /// In ascending order.
    pub fn numbers(&self) -> Result<Vec<u32>, Error> {
        let (name, suffix) = self.kind.parts();
        let mut numbers: Vec<u32> = numbered(self.directory, &format!("{name}-"), suffix)?.into_keys().collect();
        numbers.extend(&self.elsewhere);
        numbers.sort_unstable();
        Ok(numbers)
    }

    /// The number of the key in use.
    pub fn current(&self) -> Result<u32, Error> {
        current(self.directory, self.kind.parts().0, self.numbers()?.into_iter())
    }

    /// Writes the next key, above `highest` at least; its number. The one in use stays in use, also where it was so
    /// only for being alone.
    pub fn add(&self, highest: u32) -> Result<u32, Error> {
        let numbers = self.numbers()?;
        let in_use = current(self.directory, self.kind.parts().0, numbers.iter().copied())?;
        // First, so that there is no moment at which the new key is taken for the one in use.
        self.choose(in_use)?;
        let (name, suffix) = self.kind.parts();
        // What was retired counts too: a number is never given twice.
        let retired = numbered(self.directory, &format!("{name}-"), RETIRED)?.into_keys().max();
        let number = numbers.last().copied().max(retired).unwrap_or(0).max(highest) + 1;
        write_new(&self.directory.join(format!("{name}-{number}{suffix}")), || match self.kind {
            KeyKind::Signing => new_signing_pem(),
            KeyKind::Kek => Ok(BASE64_STANDARD.encode(DataKey::generate().as_bytes())),
        })?;
        Ok(number)
    }

    /// Removes a key that was just added, and that nobody has used.
    pub fn take_back(&self, number: u32) -> Result<(), Error> {
        let (name, suffix) = self.kind.parts();
        let path = self.directory.join(format!("{name}-{number}{suffix}"));
        fs::remove_file(&path).map_err(|e| Error::Keys(format!("{}: {e}", path.display())))
    }

    /// Takes a key out of the directory for good. False: it is configured elsewhere, and has to be taken out there.
    ///
    /// The file is only unlinked: what the disk keeps of it, and copies elsewhere, are the operator's to destroy.
    pub fn discard(&self, number: u32) -> Result<bool, Error> {
        if number == self.current()? {
            return Err(Error::Keys(format!("{}-{number} is in use", self.kind.parts().0)));
        }
        let (name, suffix) = self.kind.parts();
        let file = |suffix| self.directory.join(format!("{name}-{number}{suffix}"));
        write_new(&file(RETIRED), || Ok(String::new()))?;
        match fs::remove_file(file(suffix)) {
            Ok(()) => Ok(true),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(Error::Keys(format!("{}: {error}", file(suffix).display()))),
        }
    }

    /// Makes a key that is there the one in use.
    pub fn choose(&self, number: u32) -> Result<(), Error> {
        let (name, _) = self.kind.parts();
        if !self.numbers()?.contains(&number) {
            return Err(Error::Keys(format!("there is no {name}-{number} in {}", self.directory.display())));
        }
        // Whole or not at all, whenever somebody reads it.
        let path = self.directory.join(format!("{name}-current"));
        let fresh = path.with_extension("new");
        let written = fs::File::create(&fresh).and_then(|mut file| {
            writeln!(file, "{number}")?;
            file.sync_all()?;
            fs::rename(&fresh, &path)
        });
        written.map_err(|e| Error::Keys(format!("{}: {e}", path.display())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_key_is_not_used_before_it_is_chosen() -> Result<(), Error> {
        let directory = std::env::temp_dir().join(format!("vc-keys-{}", crate::new_id()));
        fs::create_dir(&directory).map_err(|e| Error::Keys(e.to_string()))?;
        let ring = KeyRing::new(&directory, KeyKind::Kek);
        write_new(&directory.join("kek-1.key"), || Ok(BASE64_STANDARD.encode([7; 32])))?;
        assert_eq!(ring.add(0)?, 2);
        assert_eq!((ring.current()?, ring.numbers()?), (1, vec![1, 2]));
        ring.choose(2)?;
        assert_eq!(ring.add(0)?, 3);
        assert_eq!(ring.current()?, 2);
        assert!(ring.choose(9).is_err());
        // Brought without the number in use, keys are of no use: the newest might not be everywhere yet.
        let pinned = directory.join("kek-current");
        fs::rename(&pinned, directory.join("aside")).map_err(|e| Error::Keys(e.to_string()))?;
        assert!(matches!(ring.current(), Err(Error::Keys(reason)) if reason.contains("kek-current")));
        assert!(ring.add(0).is_err());
        fs::rename(directory.join("aside"), &pinned).map_err(|e| Error::Keys(e.to_string()))?;
        assert_eq!(ring.current()?, 2);
        // The number of a key that is gone is not given again.
        assert!(ring.discard(3)? && ring.discard(2).is_err());
        assert_eq!((ring.numbers()?, ring.add(0)?), (vec![1, 2], 4));
        assert_eq!(KeyRing::new(&directory, KeyKind::Kek).with(vec![7]).add(0)?, 8);
        // Nor one that another machine gave.
        assert_eq!(ring.add(11)?, 12);
        ring.take_back(12)?;
        assert_eq!(ring.numbers()?, [1, 2, 4, 8]);
        fs::remove_dir_all(&directory).map_err(|e| Error::Keys(e.to_string()))
    }
}
