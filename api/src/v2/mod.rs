//! Version 2: the modern face over the same flows. Unknown fields are refused, money is minor units, payments need an
//! idempotency key. One file a resource.

mod account;
mod admin;
mod api_keys;
mod audit;
mod auth;
mod cards;
mod clients;
mod consents;
mod factors;
mod identities;
mod kyc;
mod kyc_types;
mod me;
mod passkeys;
mod passwords;
mod payments;
mod proofs;
mod registration;
mod reveal;
mod review_types;
mod reviews;
mod second_factor;
mod sessions;
mod social;
mod step_up;
mod tokens;
mod users;

use poem_openapi::Tags;

/// All resources.
pub type Api = (
    Access,
    Cards,
    me::Me,
    account::Account,
    users::Users,
    Identity,
    payments::Payments,
    api_keys::ApiKeys,
    admin::Admin,
    audit::Audit,
);

/// Who people are.
type Identity = (kyc::Kyc, reviews::Reviews);

/// How people prove who they are. Apart only because tuples have a longest.
type Access = (
    registration::Registration,
    auth::Auth,
    tokens::Tokens,
    passwords::Passwords,
    second_factor::SecondFactors,
    step_up::StepUps,
    factors::Factors,
    passkeys::Passkeys,
    sessions::Sessions,
    Programs,
);

/// What concerns programs of third parties and other providers' logins.
type Programs = (social::Social, identities::Identities, consents::Consents, clients::Clients);

/// Cards: of the caller's own, and of others.
type Cards = (
    cards::Cards,
    cards::controls::CardControls,
    cards::life::CardLives,
    cards::operators::OperatedCards,
    reveal::Reveals,
);

#[derive(Tags)]
enum Tag {
    /// Accounts, passwords and sessions.
    Authentication,
    /// Authenticator apps, passkeys and recovery codes.
    Factors,
    /// The caller's own account.
    Account,
    /// Accounts of others.
    Users,
    /// Verifying who the caller is.
    Verification,
    /// Cases that wait for operators.
    Reviews,
    /// Cards, what they may be used for, and what becomes of them.
    Cards,
    /// Payments.
    Payments,
    /// How the caller logs in, and who else may act for them.
    Security,
    /// Keys for the caller's own programs.
    ApiKeys,
    /// For those who run the programme.
    Administration,
    /// What happened, for auditors and analysts.
    Audit,
}
