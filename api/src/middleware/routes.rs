//! Which operation a request is for, known before it runs: for `Allow`, for metrics, and for where to look when it
//! is cut short. poem's own router decides what runs; it does not say what it would have allowed.

use std::collections::HashMap;

use poem::http::Method;

use super::metrics::Meter;
use crate::modules::Module;

/// All paths of the API with their methods.
pub struct Routes {
    routes: Vec<Route>,
    fixed: HashMap<String, usize>,
    /// Paths with parameters, as segments; none stands for a parameter.
    templates: Vec<(Vec<Option<String>>, usize)>,
    unknown: Meter,
}

struct Route {
    template: String,
    /// None: it belongs to every instance.
    module: Option<Module>,
    operations: Vec<(Method, Meter)>,
    allow: String,
    /// Requests with a method that the path does not have.
    refused: Meter,
}

/// What a request was found to be for.
pub struct Found<'a> {
    route: Option<&'a Route>,
    pub meter: &'a Meter,
}

impl Routes {
    /// From path templates such as `/api/v1/cards/{card_id}`, each with one of its methods.
    pub fn new(operations: impl IntoIterator<Item = (String, Method)>) -> Routes {
        let mut routes = Routes {
            routes: Vec::new(),
            fixed: HashMap::new(),
            templates: Vec::new(),
            unknown: Meter::new("unknown", "other"),
        };
        for (template, method) in operations {
            routes.add(template, method);
        }
        for route in &mut routes.routes {
            let mut methods: Vec<&str> = route.operations.iter().map(|(method, _)| method.as_str()).collect();
            if methods.contains(&"GET") {
                methods.push("HEAD");
            }
            methods.sort_unstable();
            route.allow = methods.join(", ");
        }
        routes
    }

    fn add(&mut self, template: String, method: Method) {
        let meter = Meter::new(&template, name(&method));
        if let Some(route) = self.routes.iter_mut().find(|route| route.template == template) {
            route.operations.push((method, meter));
            return;
        }
        let index = self.routes.len();
        let segments = template.split('/').map(|segment| (!segment.starts_with('{')).then(|| segment.to_owned()));
        let segments: Vec<_> = segments.collect();
        match segments.iter().all(Option::is_some) {
            true => drop(self.fixed.insert(template.clone(), index)),
            false => self.templates.push((segments, index)),
        }
        let refused = Meter::new(&template, "other");
        let module = Module::of(&template);
        self.routes.push(Route { template, module, operations: vec![(method, meter)], allow: String::new(), refused });
    }

    pub fn find(&self, method: &Method, path: &str) -> Found<'_> {
        let fixed = || self.fixed.get(path).copied();
        let templated = || self.templates.iter().find(|(segments, _)| matches(segments, path)).map(|(_, index)| *index);
        let Some(route) = fixed().or_else(templated).map(|index| &self.routes[index]) else {
            return Found { route: None, meter: &self.unknown };
        };
        // poem answers HEAD by GET.
        let method = if *method == Method::HEAD { &Method::GET } else { method };
        let operation = route.operations.iter().find(|(known, _)| known == method);
        Found { route: Some(route), meter: operation.map_or(&route.refused, |(_, meter)| meter) }
    }
}

impl<'a> Found<'a> {
    /// The module that the path belongs to.
    pub fn module(&self) -> Option<Module> {
        self.route?.module
    }

    /// The methods of the path, as `Allow` lists them.
    pub fn allow(&self) -> Option<&'a str> {
        self.route.map(|route| route.allow.as_str())
    }

    /// Where a client finds out what a write did that was cut short. Reads have no outcome to look for.
    pub fn outcome(&self) -> Option<&'static str> {
        match (self.meter.method(), self.meter.route()) {
            ("POST", "/api/v1/auth/register") => Some("/api/v1/auth/login"),
            ("POST", "/api/v2/auth/register" | "/api/v2/auth/password-reset/complete") => Some("/api/v2/auth/login"),
            ("PUT", "/api/v2/me/password") => Some("/api/v2/auth/login"),
            ("POST", "/api/v1/kyc/submit") => Some("/api/v1/kyc/status"),
            ("POST", "/api/v2/kyc/cases/{case_id}/submit") => Some("/api/v2/kyc"),
            ("POST", "/api/v1/cards/request") => Some("/api/v1/cards"),
            ("POST", "/api/v1/payments/process") => Some("/api/v1/transactions"),
            ("PATCH", "/api/v1/users/me") => Some("/api/v1/users/me"),
            ("PATCH", "/api/v2/me") | ("POST", "/api/v2/auth/confirm-email-change") => Some("/api/v2/me"),
            ("POST" | "DELETE", "/api/v2/me/totp")
            | ("POST", "/api/v2/me/totp/confirm" | "/api/v2/me/recovery-codes") => Some("/api/v2/me/factors"),
            ("POST", "/api/v2/me/passkeys") | ("PATCH" | "DELETE", "/api/v2/me/passkeys/{passkey_id}") => {
                Some("/api/v2/me/passkeys")
            }
            ("POST", "/api/v2/me/identities/{provider}/complete")
            | ("DELETE", "/api/v2/me/identities/{identity_id}") => Some("/api/v2/me/identities"),
            (
                "DELETE",
                "/api/v2/me/sessions" | "/api/v2/me/sessions/{session_id}" | "/api/v2/me/devices/{device_id}",
            ) => Some("/api/v2/me/sessions"),
            ("DELETE", "/api/v2/me/consents/{client_id}") => Some("/api/v2/me/consents"),
            ("POST", "/api/v2/api-keys") | ("DELETE", "/api/v2/api-keys/{key_id}") => Some("/api/v2/api-keys"),
            ("PUT", "/api/v2/me/preferences")
            | ("POST", "/api/v2/me/email" | "/api/v2/me/close" | "/api/v2/me/erase") => Some("/api/v2/me"),
            ("POST", "/api/v1/notifications/{notification_id}/read" | "/api/v1/notifications/read-all") => {
                Some("/api/v1/notifications")
            }
            // The same request with the same key answers with the outcome.
            ("POST", "/api/v2/payments") => Some("/api/v2/payments"),
            ("POST", "/api/v1/notifications/send") => Some("/api/v1/notifications/send"),
            _ => None,
        }
    }
}

fn matches(segments: &[Option<String>], path: &str) -> bool {
    let mut given = path.split('/');
    let fits = segments.iter().all(|segment| match (segment, given.next()) {
        (_, None) => false,
        (None, Some(value)) => !value.is_empty(),
        (Some(text), Some(value)) => text == value,
    });
    fits && given.next().is_none()
}

fn name(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes() -> Routes {
        let operations = [("/cards", Method::GET), ("/cards", Method::POST), ("/cards/{card_id}", Method::GET)];
        Routes::new(operations.map(|(path, method)| (path.to_owned(), method)))
    }

    #[test]
    fn a_request_is_found_by_path_and_method() {
        let routes = routes();
        let table = [
            (Method::GET, "/cards", "/cards", "GET", Some("GET, HEAD, POST")),
            (Method::POST, "/cards", "/cards", "POST", Some("GET, HEAD, POST")),
            (Method::HEAD, "/cards/17", "/cards/{card_id}", "GET", Some("GET, HEAD")),
            (Method::DELETE, "/cards/17", "/cards/{card_id}", "other", Some("GET, HEAD")),
            (Method::GET, "/cards/17/pin", "unknown", "other", None),
            (Method::GET, "/cards/", "unknown", "other", None),
            (Method::GET, "/", "unknown", "other", None),
        ];
        for (method, path, route, counted_as, allow) in table {
            let found = routes.find(&method, path);
            assert_eq!((found.meter.route(), found.meter.method()), (route, counted_as), "{method} {path}");
            assert_eq!(found.allow(), allow, "{method} {path}");
        }
    }

    /// Every write of a person's own account either says where its outcome shows, or begins a ceremony that is begun
    /// anew.
    #[test]
    fn a_write_that_is_cut_short_says_where_to_look() {
        const NOTHING_TO_LOOK_FOR: [(&str, &str); 2] =
            [("POST", "/api/v2/me/passkeys/options"), ("POST", "/api/v2/me/identities/{provider}/start")];
        let paths = crate::docs::paths();
        let all = Routes::new(paths.clone());
        let own = |path: &str| path.starts_with("/api/v2/me") || path.starts_with("/api/v2/api-keys");
        for (path, method) in paths.iter().filter(|(path, method)| own(path) && *method != Method::GET) {
            let shows = all.find(method, path).outcome();
            let excepted = NOTHING_TO_LOOK_FOR.contains(&(name(method), path));
            assert_eq!(shows.is_none(), excepted, "{method} {path}");
            let readable = |place: &str| paths.iter().any(|(path, method)| path == place && *method == Method::GET);
            assert!(shows.is_none_or(|place| readable(place) || place == "/api/v2/auth/login"), "{method} {path}");
        }
    }
}
