/// The rules of a client.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("no such client")]
    NotRegistered,
    #[error("the client is registered already, otherwise")]
    AlreadyRegistered,
    #[error("a client with redirections needs at least one address")]
    NoRedirectUri,
    #[error("a service has no redirections")]
    UnwantedRedirectUri,
    #[error("a client has at most {limit} addresses")]
    TooManyRedirectUris { limit: usize },
    #[error("an address is not absolute, is too long, has a fragment or could be overheard")]
    BadRedirectUri,
    #[error("this right is not given to such a client")]
    ScopeNotAllowed,
    #[error("a public client has no secret")]
    PublicClient,
    #[error("a client has at most {limit} secrets")]
    TooManySecrets { limit: usize },
    #[error("no such secret")]
    NoSuchSecret,
    #[error("the client is disabled")]
    Disabled,
}
