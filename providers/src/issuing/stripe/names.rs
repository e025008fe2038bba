//! Names as Stripe takes them: latin letters without numbers, and of signs spaces, periods, commas, hyphens and
//! apostrophes. Others are written in these, as on a passport's lower lines.

use zeroize::Zeroizing;

use crate::Failure;

/// Stripe prints at most this many characters of a name on a card, and refuses longer ones.
const LONGEST_PRINTED: usize = 24;

/// A name of which nothing can be written so is refused, as Stripe would refuse it.
const NOT_LATIN: &str = "name_not_latin";

pub(super) fn latin(name: &str) -> Result<Zeroizing<String>, Failure> {
    // Measured first: a text that grows leaves copies of itself in memory.
    let length = letters(name).count();
    let mut latin = Zeroizing::new(String::with_capacity(length));
    latin.extend(letters(name));
    trim(&mut latin);
    if latin.contains(|c: char| c.is_ascii_alphabetic()) {
        Ok(latin)
    } else {
        Err(Failure::Refused { status: 400, code: NOT_LATIN.to_owned() })
    }
}

/// What stands on the card: as much of first and last name as fits.
pub(super) fn printed(first: &str, last: &str) -> Zeroizing<String> {
    let mut name = Zeroizing::new(String::with_capacity(LONGEST_PRINTED));
    name.extend(first.chars().chain([' ']).chain(last.chars()).take(LONGEST_PRINTED));
    trim(&mut name);
    name
}

fn letters(name: &str) -> impl Iterator<Item = char> {
    let spelt = name.trim().chars().filter_map(deunicode::deunicode_char).flat_map(str::chars);
    spelt.filter(|c| c.is_ascii_alphabetic() || " .,-'".contains(*c))
}

fn trim(name: &mut String) {
    let shortest = name.trim_end().len();
    name.truncate(shortest);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_name_is_written_in_plain_latin_letters() {
        for (name, expected) in [
            ("Ada", "Ada"),
            (" Ada ", "Ada"),
            ("O\u{2019}Brien-Smith, Jr.", "O'Brien-Smith, Jr."),
            ("Jos\u{e9}", "Jose"),
            ("\u{141}ukasz", "Lukasz"),
            ("M\u{fc}ller-L\u{fc}denscheidt", "Muller-Ludenscheidt"),
            ("Wei\u{df}", "Weiss"),
            ("\u{41d}\u{430}\u{442}\u{430}\u{43b}\u{44c}\u{44f}", "Natal'ia"),
            ("\u{395}\u{3bb}\u{3ad}\u{3bd}\u{3b7}", "Elene"),
            ("\u{738b}\u{5c0f}\u{660e}", "Wang Xiao Ming"),
            ("Ada 2nd", "Ada nd"),
        ] {
            assert_eq!(latin(name).unwrap().as_str(), expected, "{name}");
        }
    }

    #[test]
    fn a_name_of_signs_alone_is_refused() {
        for name in ["", "42", " - ", "\u{202e}"] {
            let refused = Failure::Refused { status: 400, code: "name_not_latin".into() };
            assert_eq!(latin(name), Err(refused), "{name:?}");
        }
    }

    #[test]
    fn as_much_of_a_name_is_printed_as_fits() {
        assert_eq!(printed("Ada Augusta", "King-Noel Lovelace").as_str(), "Ada Augusta King-Noel Lo");
        assert_eq!(printed("Twentythreecharactersxx", "Lovelace").as_str(), "Twentythreecharactersxx");
    }
}
