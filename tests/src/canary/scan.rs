//! Looks for all canaries in all files at once, as the bytes lie there.

use std::{
    fmt, fs,
    io::{self, Read},
    path::{Path, PathBuf},
};

use aho_corasick::{AhoCorasick, BuildError};

use super::{Canary, forms::Form};

const CHUNK: usize = 1 << 20;

/// Where a canary was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    pub canary: String,
    pub form: &'static str,
    pub place: PathBuf,
    pub offset: usize,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}) in {} at {}", self.canary, self.form, self.place.display(), self.offset)
    }
}

pub struct Scan {
    patterns: AhoCorasick,
    /// Of each pattern, the canary's name and the form's.
    known: Vec<(String, &'static str)>,
    longest: usize,
    pub findings: Vec<Finding>,
    pub files: usize,
    pub bytes: usize,
}

impl Scan {
    pub fn of(canaries: &[Canary]) -> Result<Scan, BuildError> {
        let (mut known, mut bytes) = (Vec::new(), Vec::new());
        for canary in canaries {
            for Form { name, bytes: form } in canary.secret.forms() {
                known.push((canary.name.clone(), name));
                bytes.push(form);
            }
        }
        let longest = bytes.iter().map(Vec::len).max().unwrap_or(1);
        let patterns = AhoCorasick::new(&bytes)?;
        Ok(Scan { patterns, known, longest, findings: Vec::new(), files: 0, bytes: 0 })
    }

    /// A file, or every file below a directory, past symbolic links. What disappears meanwhile held nothing that stays.
    pub fn path(&mut self, path: &Path) -> io::Result<()> {
        let kind = match fs::metadata(path) {
            Ok(metadata) => metadata,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        if kind.is_dir() {
            let mut entries = fs::read_dir(path)?.collect::<Result<Vec<_>, _>>()?;
            entries.sort_by_key(fs::DirEntry::path);
            return entries.iter().try_for_each(|entry| self.path(&entry.path()));
        }
        self.files += 1;
        if kind.is_file() { self.reader(path, fs::File::open(path)?) } else { Ok(()) }
    }

    /// Text that lies in no file.
    pub fn text(&mut self, place: &str, text: &[u8]) -> io::Result<()> {
        self.reader(Path::new(place), text)
    }

    /// Reads in chunks that overlap by the longest pattern.
    fn reader(&mut self, place: &Path, mut reader: impl Read) -> io::Result<()> {
        let (mut window, mut offset) = (Vec::with_capacity(CHUNK + self.longest), 0);
        loop {
            let read = reader.by_ref().take(CHUNK as u64).read_to_end(&mut window)?;
            if read == 0 {
                return Ok(());
            }
            self.bytes += read;
            self.window(place, &window, offset);
            let kept = window.len().min(self.longest - 1);
            offset += window.len() - kept;
            window.drain(..window.len() - kept);
        }
    }

    fn window(&mut self, place: &Path, window: &[u8], offset: usize) {
        for found in self.patterns.find_overlapping_iter(window) {
            let (canary, form) = &self.known[found.pattern().as_usize()];
            let finding =
                Finding { canary: canary.clone(), form, place: place.to_owned(), offset: offset + found.start() };
            // The overlap shows it twice.
            if !self.findings.contains(&finding) {
                self.findings.push(finding);
            }
        }
    }

    /// Where a canary was found.
    pub fn of_canary(&self, name: &str) -> Vec<&Finding> {
        self.findings.iter().filter(|finding| finding.canary == name).collect()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use base64::prelude::{BASE64_STANDARD, Engine};

    use super::*;

    fn planted(canary: &Canary, bytes: &[u8]) -> Vec<&'static str> {
        let mut scan = Scan::of(std::slice::from_ref(canary)).unwrap();
        scan.text("here", bytes).unwrap();
        scan.findings.iter().map(|finding| finding.form).collect()
    }

    #[test]
    fn a_planted_canary_is_found_in_every_form() {
        let text = Canary::text("name", "Zoë Zauberlehrling");
        let utf16: Vec<u8> = "Zoë Zauberlehrling".encode_utf16().flat_map(u16::to_le_bytes).collect();
        let hex = |text: &str| text.bytes().map(|byte| format!("{byte:02X}")).collect::<String>();
        for bytes in [
            "…Zoë Zauberlehrling…".as_bytes().to_vec(),
            br#"{"name":"Zo\u00eb Zauberlehrling"}"#.to_vec(),
            "zoë zauberlehrling".as_bytes().to_vec(),
            b"name=Zo%C3%AB+Zauberlehrling".to_vec(),
            BASE64_STANDARD.encode("it is Zoë Zauberlehrling").into_bytes(),
            hex("Zoë Zauberlehrling").into_bytes(),
            utf16,
        ] {
            assert!(!planted(&text, &bytes).is_empty(), "{}", String::from_utf8_lossy(&bytes));
        }
        let number = Canary::card_number("number", "4532015112830366");
        for text in ["4532015112830366", "4532 0151 1283 0366", "4532-0151-1283-0366", "453201511283", "1128300366"] {
            assert_eq!(planted(&number, text.as_bytes()).is_empty(), text == "1128300366", "{text}");
        }
        assert!(planted(&number, b"****0366 of 453201").is_empty(), "the last four digits are no secret");
        assert_eq!(planted(&Canary::cvv("cvv", "987"), br#"{"cvv":"987"}"#), ["plain"]);
        assert!(planted(&Canary::cvv("cvv", "987"), b"987 and cvv").is_empty());
        let file: Vec<u8> = (0..2_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
        assert!(!planted(&Canary::bytes("file", file.clone()), &file[700..1_000]).is_empty());
    }

    #[test]
    fn a_canary_is_found_where_two_chunks_meet() {
        let canary = Canary::text("name", "Zauberlehrling");
        for before in CHUNK - 20..CHUNK + 5 {
            let mut bytes = vec![b'.'; before];
            bytes.extend_from_slice(b"Zauberlehrling");
            bytes.extend_from_slice(&[b'.'; 100]);
            let mut scan = Scan::of(std::slice::from_ref(&canary)).unwrap();
            scan.text("here", &bytes).unwrap();
            let offsets: Vec<_> = scan.findings.iter().filter(|f| f.form == "plain").map(|f| f.offset).collect();
            assert_eq!((offsets, scan.bytes), (vec![before], bytes.len()));
        }
    }

    #[test]
    fn every_file_below_a_directory_is_read() {
        let directory = tempfile::tempdir().unwrap();
        let below = directory.path().join("a/b");
        fs::create_dir_all(&below).unwrap();
        fs::write(below.join("file"), "Zauberlehrling").unwrap();
        std::os::unix::fs::symlink(&below, directory.path().join("link")).unwrap();
        let mut scan = Scan::of(&[Canary::text("name", "Zauberlehrling")]).unwrap();
        scan.path(directory.path()).unwrap();
        assert_eq!((scan.files, scan.of_canary("name").len() >= 2), (2, true));
    }
}
