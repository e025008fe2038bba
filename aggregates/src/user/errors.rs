/// The rules of an account.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("no such account")]
    NotRegistered,
    #[error("the account exists already with another e-mail address")]
    AlreadyRegistered,
    #[error("no such open session")]
    NoSuchSession,
}
