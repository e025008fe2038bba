//! What each operation demands, in the OpenAPI documents.
//!
//! poem-openapi knows security schemes, not rights, and takes only a scheme's name from an extractor. So `Caller`
//! names its permission there, and the finished document is gone through once: each such name becomes the schemes by
//! which the right can be proven, with the permission and the roles that have it beside.

use std::fmt::Write;

use aggregates::{Permission, Role};
use poem_openapi::registry::{MetaOAuthFlow, MetaOAuthFlows, MetaOAuthScope, MetaSecurityScheme, Registry};

const TOKEN: &str = "accessToken";
const OAUTH: &str = "oauth2";

pub fn register_schemes(registry: &mut Registry) {
    let none = || MetaSecurityScheme {
        ty: "http",
        description: None,
        name: None,
        key_in: None,
        scheme: None,
        bearer_format: None,
        flows: None,
        openid_connect_url: None,
    };
    let token = MetaSecurityScheme {
        description: Some(
            "The access token that login answers with: good for 15 to 30 minutes, and until logout. Or an API key \
             (`vck_…`). `x-permission` names the right that the operation demands, `x-roles` the roles that have it.",
        ),
        scheme: Some("bearer"),
        bearer_format: Some("JWT"),
        ..none()
    };
    registry.create_security_scheme(TOKEN, token);
    let oauth = MetaSecurityScheme {
        ty: "oauth2",
        description: Some("The access token of a third party's program or of a service, limited to its scopes."),
        flows: Some(MetaOAuthFlows {
            implicit: None,
            password: None,
            client_credentials: Some(flow(None, is_for_services)),
            authorization_code: Some(flow(Some("/oauth/authorize"), Permission::is_consentable)),
        }),
        ..none()
    };
    registry.create_security_scheme(OAUTH, oauth);
}

fn flow(authorization_url: Option<&'static str>, allowed: fn(Permission) -> bool) -> MetaOAuthFlow {
    let scopes = Permission::ALL.into_iter().filter(|permission| allowed(*permission));
    MetaOAuthFlow {
        authorization_url,
        token_url: Some("/oauth/token"),
        refresh_url: None,
        scopes: scopes.map(|p| MetaOAuthScope { name: p.as_str(), description: Some(meaning(p)) }).collect(),
    }
}

fn is_for_services(permission: Permission) -> bool {
    Role::Service.permits(permission)
}

/// The document with the rights in it. Works on poem-openapi's own layout, one entry a line, so that everything else
/// stays in its place.
pub fn with_rights(document: &str) -> String {
    let mut written = String::with_capacity(document.len() + document.len() / 8);
    let mut named = None;
    for line in document.lines() {
        let text = line.trim_start();
        let indent = &line[..line.len() - text.len()];
        let permission = text.strip_prefix('"').and_then(|text| text.strip_suffix("\": []"));
        // Writing to a String cannot fail.
        let _ = match (permission.and_then(Permission::parse), named) {
            (Some(permission), _) => {
                named = Some(permission);
                writeln!(written, "{indent}\"{TOKEN}\": []{}", alternative(permission, indent))
            }
            (None, Some(permission)) if text.starts_with(']') => {
                named = None;
                let end = if text.ends_with(',') { "," } else { "" };
                writeln!(written, "{indent}],\n{}{end}", extensions(permission, indent))
            }
            _ => writeln!(written, "{line}"),
        };
    }
    written.truncate(written.trim_end().len());
    written
}

/// The second way to prove the right, where programs may have it.
fn alternative(permission: Permission, indent: &str) -> String {
    if !permission.is_delegable() && !is_for_services(permission) {
        return String::new();
    }
    let outer = &indent[..indent.len() - 2];
    format!("\n{outer}}},\n{outer}{{\n{indent}\"{OAUTH}\": [\n{indent}  \"{permission}\"\n{indent}]")
}

fn extensions(permission: Permission, indent: &str) -> String {
    let roles = Role::ALL.into_iter().filter(|role| role.permits(permission));
    let roles: Vec<_> = roles.map(|role| format!("{indent}  \"{role}\"")).collect();
    format!("{indent}\"x-permission\": \"{permission}\",\n{indent}\"x-roles\": [\n{}\n{indent}]", roles.join(",\n"))
}

const fn meaning(permission: Permission) -> &'static str {
    match permission {
        Permission::ProfileRead => "Read the profile",
        Permission::ProfileWrite => "Change the profile",
        Permission::SecurityManage => "Manage sessions, passwords and second factors",
        Permission::KycRead => "See how far identity verification has come",
        Permission::KycWrite => "Submit documents for identity verification",
        Permission::CardsRead => "See the cards, without their numbers",
        Permission::CardsWrite => "Request and change cards",
        Permission::PaymentsRead => "See payments",
        Permission::PaymentsWrite => "Pay",
        Permission::NotificationsRead => "Read notifications",
        Permission::ApiKeysManage => "Issue and revoke API keys",
        Permission::UsersVerify => "Find a person by e-mail address",
        Permission::UsersRead => "Read other people's accounts and verification status",
        Permission::KycReview => "Look at cases of identity verification and decide them",
        Permission::CardsManage => "Freeze, unfreeze and end other people's cards",
        Permission::FraudCheck => "Have a payment assessed",
        Permission::NotificationsSend => "Notify people",
        Permission::AccountsManage => "Manage roles and sessions of others",
        Permission::ClientsManage => "Register OAuth clients",
        Permission::AuditRead => "Read the record of authentications",
        Permission::EventsRead => "Read the event log",
        Permission::OpenId => "Know which account is the person's",
        Permission::Profile => "Know the person's name",
        Permission::Email => "Know the person's e-mail address",
        Permission::OfflineAccess => "Go on without the person being there, by refresh tokens",
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use serde_json::{Value, json};

    use super::*;

    fn secured(permission: &str, rest: Value) -> Value {
        let mut operation = json!({ "security": [{ permission: [] }] });
        operation.as_object_mut().unwrap().extend(rest.as_object().unwrap().clone());
        let text = serde_json::to_string_pretty(&json!({ "paths": { "/x": { "get": operation } } })).unwrap();
        serde_json::from_str::<Value>(&with_rights(&text)).unwrap()["paths"]["/x"]["get"].clone()
    }

    #[test]
    fn an_operation_shows_its_right_and_who_has_it() {
        for rest in [json!({}), json!({ "tags": ["Cards"], "zeal": 1 })] {
            let operation = secured("cards:read", rest);
            assert_eq!(operation["security"], json!([{ "accessToken": [] }, { "oauth2": ["cards:read"] }]));
            assert_eq!(operation["x-permission"], "cards:read");
            assert_eq!(operation["x-roles"], json!(["customer"]));
        }
    }

    #[test]
    fn what_programs_may_not_have_is_not_offered_to_them() {
        let operation = secured("security:manage", json!({}));
        assert_eq!(operation["security"], json!([{ "accessToken": [] }]));
        assert!(operation["x-roles"].as_array().unwrap().contains(&json!("admin")));
    }
}
