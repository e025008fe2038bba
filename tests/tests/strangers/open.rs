//! What may be called by anybody, each with the reason. Everything else wants a token.

pub const OPEN: &[(&str, &str)] = &[
    ("post /api/v1/auth/register", "who registers has no account yet"),
    ("post /api/v2/auth/register", "who registers has no account yet"),
    ("post /api/v1/auth/verify-email", "who has the mailed token may be anywhere"),
    ("post /api/v2/auth/verify-email", "who has the mailed token may be anywhere"),
    ("post /api/v1/auth/verify-email/resend", "who waits for the mail cannot log in yet"),
    ("post /api/v2/auth/verify-email/resend", "who waits for the mail cannot log in yet"),
    ("post /api/v2/auth/password-reset", "who has forgotten the password cannot log in"),
    ("post /api/v2/auth/password-reset/complete", "who has the mailed token cannot log in"),
    ("post /api/v1/auth/login", "who logs in has no token yet"),
    ("post /api/v2/auth/login", "who logs in has no token yet"),
    ("post /api/v1/auth/login/mfa", "the second step of a login; wants its ticket"),
    ("post /api/v2/auth/login/second-factor", "the second step of a login; wants its ticket"),
    ("post /api/v2/auth/login/second-factor/passkey-options", "for the second step of a login; wants its ticket"),
    ("post /api/v2/auth/passkey/options", "says nothing about anybody"),
    ("post /api/v2/auth/passkey", "who logs in has no token yet"),
    (
        "post /api/v2/auth/confirm-email-change",
        "the mailed token is the proof, and either mailbox may be read elsewhere",
    ),
    ("post /api/v1/auth/refresh", "the refresh token in the body is the proof"),
    ("post /api/v2/auth/refresh", "the refresh token in the body is the proof"),
    ("post /api/v2/auth/social/{provider}/start", "who logs in has no token yet"),
    ("post /api/v2/auth/social/{provider}/complete", "what the provider vouches for is the proof"),
];
