//! The modules of the API, each of which can be served alone: `virtual-cards api --modules payments,cards`. Instances
//! then stand behind a router that sends them their paths.

use std::fmt;

use crate::config::ConfigError;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Module {
    /// Registration, login, sessions, factors, step-up, API keys.
    Auth,
    /// Profiles and everything of one's own that no other module has.
    Users,
    Kyc,
    Cards,
    Payments,
    Fraud,
    Notifications,
    /// Programs of third parties, and what they were permitted.
    OAuth,
    /// Roles, audit and events.
    Admin,
    /// What third parties tell us.
    Webhooks,
}

/// Which module has which paths: below `/api/v1` and `/api/v2`, or from the root. The longest beginning decides.
const PATHS: [(&str, Module); 31] = [
    ("/auth", Module::Auth),
    ("/me/api-keys", Module::Auth),
    ("/me/devices", Module::Auth),
    ("/me/email", Module::Auth),
    ("/me/factors", Module::Auth),
    ("/me/identities", Module::Auth),
    ("/me/passkeys", Module::Auth),
    ("/me/password", Module::Auth),
    ("/me/recovery-codes", Module::Auth),
    ("/me/sessions", Module::Auth),
    ("/me/totp", Module::Auth),
    ("/api-keys", Module::Auth),
    ("/sessions", Module::Auth),
    ("/me", Module::Users),
    ("/users", Module::Users),
    ("/kyc", Module::Kyc),
    ("/cards", Module::Cards),
    ("/payments", Module::Payments),
    ("/transactions", Module::Payments),
    ("/fraud", Module::Fraud),
    ("/notifications", Module::Notifications),
    ("/me/consents", Module::OAuth),
    ("/oauth", Module::OAuth),
    ("/clients", Module::OAuth),
    ("/.well-known/oauth-authorization-server", Module::OAuth),
    ("/.well-known/openid-configuration", Module::OAuth),
    ("/admin", Module::Admin),
    ("/audit", Module::Admin),
    ("/events", Module::Admin),
    ("/authentications", Module::Admin),
    ("/webhooks", Module::Webhooks),
];

impl Module {
    pub const ALL: [Module; 10] = [
        Module::Auth,
        Module::Users,
        Module::Kyc,
        Module::Cards,
        Module::Payments,
        Module::Fraud,
        Module::Notifications,
        Module::OAuth,
        Module::Admin,
        Module::Webhooks,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Module::Auth => "auth",
            Module::Users => "users",
            Module::Kyc => "kyc",
            Module::Cards => "cards",
            Module::Payments => "payments",
            Module::Fraud => "fraud",
            Module::Notifications => "notifications",
            Module::OAuth => "oauth",
            Module::Admin => "admin",
            Module::Webhooks => "webhooks",
        }
    }

    /// The module of a path or a template of one. None: it belongs to every instance, such as `/healthz`.
    pub fn of(path: &str) -> Option<Module> {
        let path = path.strip_prefix("/api/v1").or_else(|| path.strip_prefix("/api/v2")).unwrap_or(path);
        let begins =
            |start: &str| path.strip_prefix(start).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
        let fitting = PATHS.iter().filter(|(start, _)| begins(start));
        fitting.max_by_key(|(start, _)| start.len()).map(|(_, module)| *module)
    }
}

impl fmt::Display for Module {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The modules that an instance serves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Modules(u16);

impl Modules {
    /// From their names; from none: all.
    pub fn named(names: &[String]) -> Result<Modules, ConfigError> {
        let mut served = Modules(0);
        for name in names {
            let Some(module) = Module::ALL.into_iter().find(|module| module.name() == name) else {
                let known = Module::ALL.map(Module::name).join(", ");
                return Err(ConfigError::new(format!("there is no module `{name}`; there are {known}")));
            };
            served.0 |= 1 << module as u16;
        }
        Ok(if names.is_empty() { Modules(u16::MAX) } else { served })
    }

    pub fn serve(self, module: Module) -> bool {
        self.0 & (1 << module as u16) != 0
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::{docs, operations};

    /// A new path is put into the table above.
    #[test]
    fn every_operation_has_a_module() {
        for (path, method) in docs::paths() {
            assert!(Module::of(&path).is_some(), "{method} {path} belongs to no module");
        }
        for path in docs::PATHS.iter().chain(operations::PATHS) {
            assert_eq!(Module::of(path), None, "{path} belongs to every instance");
        }
    }

    #[test]
    fn the_longest_beginning_decides() {
        let table = [
            ("/api/v1/cards/{card_id}", Some(Module::Cards)),
            ("/api/v2/me", Some(Module::Users)),
            ("/api/v2/me/overview", Some(Module::Users)),
            ("/api/v2/me/passkeys/{passkey_id}", Some(Module::Auth)),
            ("/api/v2/me/consents", Some(Module::OAuth)),
            ("/api/v1/cardsharks", None),
            ("/", None),
        ];
        for (path, module) in table {
            assert_eq!(Module::of(path), module, "{path}");
        }
    }

    #[test]
    fn modules_are_served_by_name_and_all_by_default() {
        let named = |names: &[&str]| Modules::named(&names.iter().map(|name| name.to_string()).collect::<Vec<_>>());
        let some = named(&["payments", "cards"]).unwrap();
        let all = named(&[]).unwrap();
        for module in Module::ALL {
            assert_eq!(some.serve(module), matches!(module, Module::Payments | Module::Cards), "{module}");
            assert!(all.serve(module), "{module}");
        }
        let said = named(&["payments", "everything"]).unwrap_err().to_string();
        assert!(said.contains("`everything`") && said.contains("notifications"), "{said}");
    }
}
