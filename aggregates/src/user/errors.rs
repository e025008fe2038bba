use crate::Role;

/// The rules of an account.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    #[error("no such account")]
    NotRegistered,
    #[error("the account exists already with another e-mail address")]
    AlreadyRegistered,
    #[error("no such open session")]
    NoSuchSession,
    #[error("the e-mail address is not verified")]
    EmailNotVerified,
    #[error("the new e-mail address is the old one")]
    EmailUnchanged,
    #[error("no such change of e-mail address")]
    NoSuchEmailChange,
    #[error("an account has at most {limit} passkeys")]
    TooManyPasskeys { limit: usize },
    #[error("no such passkey")]
    NoSuchPasskey,
    #[error("no such second factor")]
    NoSuchFactor,
    #[error("recovery codes go with a second factor")]
    NoFactorToRecover,
    #[error("no such role")]
    NoSuchRole,
    #[error("the role {role} is not for people")]
    RoleNotForPeople { role: Role },
    #[error("an account has at most {limit} API keys")]
    TooManyApiKeys { limit: usize },
    #[error("no such API key")]
    NoSuchApiKey,
    #[error("this right cannot be handed on")]
    ScopeNotAllowed,
    #[error("an account has at most {limit} linked identities")]
    TooManyIdentities { limit: usize },
    #[error("no such linked identity")]
    NoSuchIdentity,
    #[error("no such consent")]
    NoSuchConsent,
    #[error("the account is closed")]
    Closed,
    #[error("the account has to be closed first")]
    NotClosed,
}
