use crate::Failure;

pub(crate) fn run(secret: &str, offset: i64) -> Result<(), Failure> {
    let code = flows::factors::totp::code(secret, offset);
    println!("{}", code.ok_or_else(|| Failure::Other("the secret is not base 32 of at least 128 bits".into()))?);
    Ok(())
}
