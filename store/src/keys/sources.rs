//! Where symmetric keys come from, beside the directory: other files, the environment, and programs, by which a key
//! management service hands a key out or opens one that lies here encrypted.
//!
//! Each is asked once, at the start. What goes wrong is told with the key's name, and never with anything of the key.

use std::{
    collections::BTreeMap,
    io::Read,
    path::PathBuf,
    process::{Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use zeroize::Zeroizing;

use super::{DataKey, SecretText, read, symmetric};
use crate::Error;

/// How long a program may take.
const PATIENCE: Duration = Duration::from_secs(10);
/// Between two looks at whether it has ended.
const PAUSE: Duration = Duration::from_millis(5);
/// What a program may print; a key takes 45 bytes.
const LONGEST: u64 = 4096;

/// Which keys are not in the directory, and where they are instead.
#[derive(Clone, Debug, Default, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Sources {
    /// Key-encryption keys by their number, beside those in the directory.
    pub kek: BTreeMap<String, Place>,
    /// In place of `index.key`.
    pub index: Option<Place>,
}

/// Where one key is, as base64 of 32 bytes.
#[derive(Clone, Debug, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Place {
    File(PathBuf),
    /// A variable of the environment, whose name does not begin with `VC_`.
    Env(String),
    /// A program with its arguments, which prints the key. It has 10 seconds.
    Command(Vec<String>),
}

/// Somewhere a key can be had from. The reason of a refusal has nothing of the key.
trait Source {
    fn fetch(&self) -> Result<SecretText, String>;
}

struct Variable<'a>(&'a str);

/// What it is, and the variables that it does not get.
struct Program<'a>(&'a [String], &'a [&'a str]);

impl Sources {
    /// The numbers of the key-encryption keys.
    pub fn numbers(&self) -> Result<Vec<u32>, Error> {
        self.kek.keys().map(|number| parse(number)).collect()
    }

    pub(super) fn keks(&self) -> Result<BTreeMap<u32, DataKey>, Error> {
        let variables = self.variables();
        let fetch = |(number, place): (&String, &Place)| {
            let number = parse(number)?;
            Ok((number, place.key(&format!("kek-{number}"), &variables)?))
        };
        self.kek.iter().map(fetch).collect()
    }

    /// The variables of the environment that hold keys.
    pub(super) fn variables<'a>(&'a self) -> Vec<&'a str> {
        let of = |place: &'a Place| match place {
            Place::Env(variable) => Some(variable.as_str()),
            Place::File(_) | Place::Command(_) => None,
        };
        self.kek.values().chain(&self.index).filter_map(of).collect()
    }
}

fn parse(number: &str) -> Result<u32, Error> {
    number.parse().map_err(|_| Error::Keys(format!("keys.kek.{number}: a key's name is its number, such as 2")))
}

impl Place {
    /// A program gets the environment without `hidden`.
    pub(super) fn key(&self, name: &str, hidden: &[&str]) -> Result<DataKey, Error> {
        let refused = |reason: String| Error::Keys(format!("{name}: {reason}"));
        let text = match self {
            // Its errors name the path.
            Place::File(path) => read(path)?,
            Place::Env(variable) => Variable(variable).fetch().map_err(refused)?,
            Place::Command(words) => Program(words, hidden).fetch().map_err(refused)?,
        };
        symmetric(name, &text)
    }
}

impl Source for Variable<'_> {
    fn fetch(&self) -> Result<SecretText, String> {
        let value = std::env::var(self.0).map(SecretText::new);
        value.map_err(|_| format!("the environment has no variable {}", self.0))
    }
}

impl Source for Program<'_> {
    fn fetch(&self) -> Result<SecretText, String> {
        let (program, arguments) = self.0.split_first().ok_or("the command is empty")?;
        let mut command = Command::new(program);
        // What it says about its failure is for the operator, and goes where our own log goes.
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit());
        // It may need the rest: regions and credentials of a service. Our addresses and other keys are none of its
        // business.
        for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("VC_")) {
            command.env_remove(name);
        }
        for name in self.1 {
            command.env_remove(name);
        }
        let mut child = command.spawn().map_err(|e| format!("{program}: {e}"))?;
        let mut stdout = child.stdout.take().ok_or("the program has no output")?;
        let (sender, printed) = mpsc::channel();
        // Apart, since reading cannot be bounded in time.
        thread::spawn(move || {
            let mut text = Zeroizing::new(Vec::with_capacity(LONGEST as usize));
            let read = stdout.by_ref().take(LONGEST).read_to_end(&mut text);
            let _ = sender.send(read.map(|_| text));
        });
        let until = Instant::now() + PATIENCE;
        let late = || format!("{program} has not ended within {} s", PATIENCE.as_secs());
        let text = printed.recv_timeout(PATIENCE);
        let status = loop {
            match child.try_wait() {
                Ok(Some(status)) => break Ok(status),
                Ok(None) if Instant::now() < until && text.is_ok() => thread::sleep(PAUSE),
                Ok(None) => break Err(late()),
                Err(error) => break Err(format!("{program}: {error}")),
            }
        };
        if status.is_err() {
            let _ = child.kill();
            let _ = child.wait();
        }
        let (status, text) = (status?, text.map_err(|_| late())?);
        if !status.success() {
            return Err(format!("{program} ended with {status}"));
        }
        let text = text.map_err(|e| format!("{program}: {e}"))?;
        let text = std::str::from_utf8(&text).map_err(|_| format!("{program} printed no text"))?;
        Ok(SecretText::new(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const KEY: &str = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

    fn program(script: &str) -> Place {
        Place::Command(vec!["sh".into(), "-c".into(), script.into()])
    }

    #[test]
    fn a_key_comes_from_a_file_the_environment_or_a_program() {
        let file = std::env::temp_dir().join(format!("vc-kek-{}", crate::new_id()));
        std::fs::write(&file, format!("{KEY}\n")).unwrap();
        // The only variable that surely stands in a test's environment is no key.
        let places = [Place::File(file.clone()), program(&format!("echo {KEY}"))];
        for place in places {
            assert_eq!(place.key("kek-7", &[]).unwrap().as_bytes(), (0..32).collect::<Vec<u8>>(), "{place:?}");
        }
        std::fs::remove_file(file).unwrap();
        assert_eq!(*Variable("PATH").fetch().unwrap(), std::env::var("PATH").unwrap());
    }

    #[test]
    fn a_refusal_names_the_key_and_nothing_of_it() {
        let spoilt = &KEY[..40];
        let places = [
            Place::Env("THERE_IS_NO_SUCH_VARIABLE".into()),
            Place::File("/there/is/no/such/file".into()),
            Place::Command(vec![]),
            Place::Command(vec!["/there/is/no/such/program".into()]),
            program(&format!("echo {KEY}; exit 3")),
            program(&format!("echo {spoilt}")),
            program("head -c 100000 /dev/zero"),
        ];
        for place in places {
            let Err(error) = place.key("kek-7", &[]) else { panic!("{place:?} is a key") };
            let said = error.to_string();
            assert!(said.contains("kek-7") || said.contains("/there/is/no/such/file"), "{said}");
            assert!(!said.contains(&spoilt[..8]), "{said}");
        }
    }

    #[test]
    fn a_program_is_told_nothing_of_ours() {
        let place = program(
            "env | grep -c '^VC_' >&2; env | grep -q '^VC_' && exit 1; echo AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
        );
        assert!(place.key("kek-7", &[]).is_ok());
    }

    #[test]
    fn a_program_does_not_get_the_keys_that_are_in_the_environment() {
        // A variable that surely stands in a test's environment.
        let variable = "CARGO_MANIFEST_DIR";
        let place = program(&format!("printenv {variable} >&2 && exit 1; echo {KEY}"));
        assert!(place.key("kek-7", &[]).is_err());
        let kek = [("1".to_owned(), Place::Env(variable.into())), ("2".to_owned(), Place::File("/kek".into()))].into();
        for sources in
            [Sources { kek, index: None }, Sources { kek: [].into(), index: Some(Place::Env(variable.into())) }]
        {
            assert_eq!(sources.variables(), [variable]);
            assert!(place.key("kek-7", &sources.variables()).is_ok());
        }
    }

    #[test]
    fn numbers_are_numbers() {
        let sources = |number: &str| Sources { kek: [(number.to_owned(), program("true"))].into(), index: None };
        assert_eq!(sources("12").numbers().unwrap(), [12]);
        assert!(sources("kek-12").numbers().is_err());
    }
}
