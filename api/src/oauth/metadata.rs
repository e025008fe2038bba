use aggregates::Permission;
use bytes::Bytes;
use serde_json::json;

use super::{AUTHORIZE, INTROSPECT, REVOKE, TOKEN, USER_INFO};

/// What the server is and can (RFC 8414 §2, OpenID Connect Discovery 1.0 §3).
pub fn document(issuer: &str) -> Bytes {
    let at = |path: &str| format!("{}{path}", issuer.trim_end_matches('/'));
    let scopes = Permission::ALL.into_iter().filter(|scope| scope.is_consentable());
    let scopes: Vec<_> = scopes.map(Permission::as_str).collect();
    let by_secret = ["client_secret_basic", "client_secret_post"];
    let by_any = ["client_secret_basic", "client_secret_post", "none"];
    let document = json!({
        "issuer": issuer,
        "authorization_endpoint": at(AUTHORIZE),
        "token_endpoint": at(TOKEN),
        "userinfo_endpoint": at(USER_INFO),
        "revocation_endpoint": at(REVOKE),
        "introspection_endpoint": at(INTROSPECT),
        "jwks_uri": at("/.well-known/jwks.json"),
        "scopes_supported": scopes,
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
        "token_endpoint_auth_methods_supported": by_any,
        "revocation_endpoint_auth_methods_supported": by_any,
        "introspection_endpoint_auth_methods_supported": by_secret,
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ["RS256"],
        "claims_supported": [
            "iss", "sub", "aud", "iat", "exp", "auth_time", "nonce", "amr", "at_hash", "email", "email_verified",
            "name", "given_name", "family_name",
        ],
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "claims_parameter_supported": false,
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
    });
    document.to_string().into()
}
