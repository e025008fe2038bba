//! The forms that a secret can take.

use base64::prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD, Engine};

use super::Secret;

/// Shorter ones would be found by chance in a few hundred megabytes.
const SHORTEST: usize = 7;
/// Of a file.
const EXCERPT: usize = 24;
/// Excerpts of one file, spread over it.
const EXCERPTS: usize = 64;

pub(super) struct Form {
    pub name: &'static str,
    pub bytes: Vec<u8>,
}

impl Secret {
    /// Every form once, none of them too short to mean something.
    pub(super) fn forms(&self) -> Vec<Form> {
        let mut forms = match self {
            Secret::Text(text) => of_text(text),
            Secret::CardNumber(number) => of_number(number),
            Secret::Cvv(cvv) => of_cvv(cvv),
            Secret::Bytes(bytes) => of_file(bytes),
        };
        forms.retain(|form| form.bytes.len() >= SHORTEST);
        forms.sort_by(|a, b| a.bytes.cmp(&b.bytes));
        forms.dedup_by(|a, b| a.bytes == b.bytes);
        forms
    }
}

fn form(name: &'static str, bytes: impl Into<Vec<u8>>) -> Form {
    Form { name, bytes: bytes.into() }
}

fn of_text(text: &str) -> Vec<Form> {
    let mut forms = of_bytes(text.as_bytes());
    forms.push(form("lower case", text.to_lowercase()));
    forms.push(form("JSON", escaped(text)));
    forms.push(form("percent", url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>()));
    let units: Vec<u16> = text.encode_utf16().collect();
    forms.push(form("UTF-16, little endian", units.iter().flat_map(|unit| unit.to_le_bytes()).collect::<Vec<_>>()));
    forms.push(form("UTF-16, big endian", units.iter().flat_map(|unit| unit.to_be_bytes()).collect::<Vec<_>>()));
    forms
}

/// As a JSON writer does that keeps to ASCII.
fn escaped(text: &str) -> String {
    let unit = |unit: u16| match u8::try_from(unit) {
        Ok(byte) if byte.is_ascii() => char::from(byte).to_string(),
        _ => format!("\\u{unit:04x}"),
    };
    text.encode_utf16().map(unit).collect()
}

fn of_bytes(bytes: &[u8]) -> Vec<Form> {
    let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let mut forms = vec![form("plain", bytes), form("upper hex", hex.to_uppercase()), form("hex", hex)];
    forms.extend(in_base64(bytes));
    forms
}

/// Within a longer text that is encoded whole: three letters stand for three bytes of the text, from wherever the
/// secret begins. The letters at its edges also depend on its neighbours, and are left out.
fn in_base64(bytes: &[u8]) -> impl Iterator<Item = Form> {
    (0..3).flat_map(move |before| {
        let text = [&vec![0; before], bytes].concat();
        let whole = text.len() / 3 * 4;
        let from = if before == 0 { 0 } else { 4 };
        let inner = move |encoded: String| encoded.get(from..whole).unwrap_or_default().to_owned();
        [
            form("base 64", inner(BASE64_STANDARD_NO_PAD.encode(&text))),
            form("base 64 for URLs", inner(BASE64_URL_SAFE_NO_PAD.encode(&text))),
        ]
    })
}

fn of_number(number: &str) -> Vec<Form> {
    let mut forms = of_text(number);
    let groups: Vec<&str> = number.as_bytes().chunks(4).filter_map(|group| std::str::from_utf8(group).ok()).collect();
    for separator in [" ", "-", "\u{a0}"] {
        forms.push(form("in groups", groups.join(separator)));
    }
    // No truncation but to the last four digits.
    for from in 0..=number.len().saturating_sub(10) {
        forms.push(form("ten digits", &number.as_bytes()[from..from + 10]));
    }
    forms
}

fn of_cvv(cvv: &str) -> Vec<Form> {
    let beside = ["\"cvv\":\"C\"", "\"cvv\": \"C\"", "cvv: \"C\"", "cvv=C&", "cvv\\\":\\\"C\\\"", "\"cvc\":\"C\""];
    beside.iter().flat_map(|text| of_bytes(text.replace('C', cvv).as_bytes())).collect()
}

fn of_file(bytes: &[u8]) -> Vec<Form> {
    let step = (bytes.len() / EXCERPTS).max(1);
    let excerpts = (0..bytes.len().saturating_sub(EXCERPT)).step_by(step).map(|from| &bytes[from..from + EXCERPT]);
    excerpts.filter(|excerpt| is_telling(excerpt)).flat_map(of_bytes).collect()
}

/// Runs of one byte stand in many files.
fn is_telling(excerpt: &[u8]) -> bool {
    let mut different: Vec<_> = excerpt.to_vec();
    different.sort_unstable();
    different.dedup();
    different.len() >= 12
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_found_wherever_the_secret_begins() {
        for before in ["", "a", "ab", "abc", "abcd"] {
            for after in ["", "x", "xy"] {
                let encoded = BASE64_STANDARD_NO_PAD.encode(format!("{before}Zauberlehrling{after}"));
                let mut forms = in_base64(b"Zauberlehrling");
                let found = forms.any(|form| encoded.contains(&String::from_utf8_lossy(&form.bytes).into_owned()));
                assert!(found, "{before}…{after}: {encoded}");
            }
        }
    }

    #[test]
    fn no_form_is_so_short_that_chance_would_write_it() {
        let cvv = Secret::Cvv("987".into());
        for secret in [cvv, Secret::CardNumber("4532015112830366".into()), Secret::Text("Zauberlehrling".into())] {
            let forms = secret.forms();
            assert!(forms.len() >= 8 && forms.iter().all(|form| form.bytes.len() >= SHORTEST), "{secret:?}");
        }
    }
}
