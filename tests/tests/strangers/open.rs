//! What may be called by anybody, each with the reason. Everything else wants a token.

pub const OPEN: [(&str, &str); 6] = [
    ("post /api/v1/auth/register", "who registers has no account yet"),
    ("post /api/v1/auth/login", "who logs in has no token yet"),
    ("post /api/v1/auth/refresh", "the refresh token in the body is the proof"),
    ("post /api/v2/auth/login", "who logs in has no token yet"),
    (
        "post /api/v2/auth/confirm-email-change",
        "the mailed token is the proof, and either mailbox may be read elsewhere",
    ),
    ("post /api/v2/auth/refresh", "the refresh token in the body is the proof"),
];
