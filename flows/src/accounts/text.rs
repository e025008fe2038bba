use crate::Error;

const LONGEST_EMAIL: usize = 254;
const LONGEST_NAME: usize = 100;

/// Addresses are compared without regard to case: nobody runs two mailboxes that differ in it.
pub(crate) fn normalised_email(email: &str) -> Result<String, Error> {
    let email = email.trim().to_lowercase();
    let parts = email.split_once('@').filter(|(local, domain)| {
        !local.is_empty() && domain.contains('.') && !domain.starts_with('.') && !domain.ends_with('.')
    });
    let odd = |c: char| c.is_whitespace() || c.is_control();
    match parts {
        Some((_, domain)) if !domain.contains('@') && email.len() <= LONGEST_EMAIL && !email.contains(odd) => Ok(email),
        _ => Err(Error::invalid("email", "is not an e-mail address")),
    }
}

pub(crate) fn name(field: &'static str, name: &str) -> Result<String, Error> {
    let name = name.trim();
    match (1..=LONGEST_NAME).contains(&name.chars().count()) && !name.contains(char::is_control) {
        true => Ok(name.to_owned()),
        false => Err(Error::invalid(field, format!("has 1 to {LONGEST_NAME} characters"))),
    }
}
