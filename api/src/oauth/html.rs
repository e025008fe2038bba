//! The pages. Whatever comes from outside is escaped; nothing can run, be framed or be sent elsewhere.

use std::sync::LazyLock;

use aggregates::Permission;
use base64::prelude::{BASE64_STANDARD, Engine};
use flows::oauth::{Content, Page};
use poem::{
    Response,
    http::{HeaderValue, StatusCode, header},
};
use secrecy::ExposeSecret;
use sha2::{Digest, Sha256};
use url::Url;

use super::{CONSENT, LOG_IN, SECOND_FACTOR};
use crate::{context::Context, problem::Problem};

const STYLE: &str = "body{font:1rem/1.5 system-ui,sans-serif;max-width:26rem;margin:3rem auto;padding:0 1rem;\
    color:#222;background:#fff}label{display:block;margin-top:1rem}input{font:inherit;width:100%;padding:.5rem;\
    box-sizing:border-box}button{font:inherit;padding:.5rem 1rem;margin:1.5rem .5rem 0 0}.wrong{color:#a00}";

static STYLE_HASH: LazyLock<String> = LazyLock::new(|| BASE64_STANDARD.encode(Sha256::digest(STYLE)));

/// The page that comes next.
pub fn page(page: &Page) -> Response {
    let client = escaped(&page.client_name);
    let ticket = escaped(page.ticket.expose_secret());
    let hidden = format!("<input type=\"hidden\" name=\"ticket\" value=\"{ticket}\">");
    let (title, main) = match &page.content {
        Content::LogIn { wrong } => ("Log in", log_in(&client, &hidden, *wrong)),
        Content::SecondFactor { wrong, can_type } => {
            ("Second factor", second_factor(&client, &hidden, *wrong, *can_type))
        }
        Content::Consent { scopes } => ("Allow access", consent(&client, &hidden, scopes)),
    };
    show(StatusCode::OK, title, &main, &target(&page.redirect_uri))
}

/// Why there is no next page, in a sentence of ours.
pub fn error(status: StatusCode, sentence: &str) -> Response {
    show(status, "This does not work", &format!("<p>{}</p>", escaped(sentence)), "")
}

/// A refusal that is not about the request's content: the problem's status and headers, and a sentence for people.
pub fn problem(problem: Problem, context: &Context) -> Response {
    let status = problem.http_status();
    let sentence = match status {
        StatusCode::TOO_MANY_REQUESTS => "Too many attempts. Wait a little, then begin again in the application.",
        StatusCode::SERVICE_UNAVAILABLE => "We are busy or partly down. Try again in a moment.",
        status if status.is_client_error() => "This request cannot be served. Begin again in the application.",
        _ => "Something failed on our side. Try again later.",
    };
    let refusal = problem.into_response(context);
    let mut response = error(status, sentence);
    let [limit, policy] = ["ratelimit", "ratelimit-policy"].map(header::HeaderName::from_static);
    for name in [header::RETRY_AFTER, limit, policy] {
        if let Some(value) = refusal.headers().get(&name) {
            response.headers_mut().insert(name, value.clone());
        }
    }
    response
}

fn log_in(client: &str, hidden: &str, wrong: bool) -> String {
    let wrong = if wrong { "<p class=\"wrong\" role=\"alert\">E-mail address or password is wrong.</p>" } else { "" };
    format!(
        "<p><strong>{client}</strong> asks for access to your Virtual Cards account. Log in to go on.</p>{wrong}\
         <form method=\"post\" action=\"{LOG_IN}\">{hidden}\
         <label>E-mail address<input name=\"email\" type=\"email\" autocomplete=\"username\" maxlength=\"254\"></label>\
         <label>Password<input name=\"password\" type=\"password\" autocomplete=\"current-password\" \
         maxlength=\"256\"></label>\
         <button name=\"decision\" value=\"continue\">Log in</button>\
         <button name=\"decision\" value=\"cancel\">Cancel</button></form>"
    )
}

fn second_factor(client: &str, hidden: &str, wrong: bool, can_type: bool) -> String {
    let cancel = "<button name=\"decision\" value=\"cancel\">Cancel</button></form>";
    let form = format!("<form method=\"post\" action=\"{SECOND_FACTOR}\">{hidden}");
    if !can_type {
        return format!(
            "<p>Your account asks for a passkey, which cannot be used on this page. Set up an authenticator app or \
             recovery codes in our app, then let <strong>{client}</strong> ask again.</p>{form}{cancel}"
        );
    }
    let wrong = if wrong { "<p class=\"wrong\" role=\"alert\">The code is wrong or was used before.</p>" } else { "" };
    format!(
        "<p>Your account asks for a second factor before <strong>{client}</strong> gets access.</p>{wrong}{form}\
         <label>Code of your authenticator app, or a recovery code<input name=\"code\" autocomplete=\"one-time-code\" \
         maxlength=\"64\" autofocus></label><button name=\"decision\" value=\"continue\">Go on</button>{cancel}"
    )
}

fn consent(client: &str, hidden: &str, scopes: &[Permission]) -> String {
    let items: String = scopes.iter().map(|scope| format!("<li>{}</li>", in_words(*scope))).collect();
    format!(
        "<p><strong>{client}</strong> wants to:</p><ul>{items}</ul>\
         <p>You can take this back at any time in your account.</p>\
         <form method=\"post\" action=\"{CONSENT}\">{hidden}\
         <button name=\"decision\" value=\"continue\">Allow</button>\
         <button name=\"decision\" value=\"cancel\">Do not allow</button></form>"
    )
}

/// What a scope means to somebody who has never heard of scopes.
const fn in_words(scope: Permission) -> &'static str {
    use Permission as P;
    match scope {
        P::OpenId => "know which account is yours",
        P::Profile => "know your name",
        P::Email => "know your e-mail address",
        P::OfflineAccess => "do so while you are not there",
        P::ProfileRead => "read your profile",
        P::ProfileWrite => "change your profile",
        P::KycRead => "read how your identity verification stands",
        P::KycWrite => "submit documents to verify your identity",
        P::CardsRead => "see your cards, without their numbers",
        P::CardsWrite => "request and change cards",
        P::PaymentsRead => "see your payments",
        P::PaymentsWrite => "pay with your cards",
        P::NotificationsRead => "read your notifications",
        P::SecurityManage => "manage how you log in",
        P::ApiKeysManage => "manage your API keys",
        P::UsersVerify | P::UsersRead | P::AccountsManage | P::KycReview => "look after other people's accounts",
        P::CardsManage => "look after other people's cards",
        P::FraudCheck => "check payments for fraud",
        P::NotificationsSend => "send notifications",
        P::ClientsManage => "register applications",
        P::AuditRead | P::EventsRead => "read what happened in the system",
    }
}

fn show(status: StatusCode, title: &str, main: &str, target: &str) -> Response {
    let html = format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <title>{title}</title><style>{STYLE}</style></head><body><main><h1>{title}</h1>{main}</main></body></html>"
    );
    let policy = format!(
        "default-src 'none'; style-src 'sha256-{}'; form-action 'self'{target}; base-uri 'none'; \
         frame-ancestors 'none'",
        *STYLE_HASH
    );
    let response = Response::builder().status(status).content_type("text/html; charset=utf-8");
    let mut response = response.header(header::X_FRAME_OPTIONS, "DENY").body(html);
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    response
}

/// Where the answer to a form may be redirected to, as a policy says it: browsers hold redirects to it, too.
fn target(redirect_uri: &str) -> String {
    let Ok(url) = Url::parse(redirect_uri) else { return String::new() };
    match url.origin() {
        // A policy has no way to write an IPv6 address.
        origin if origin.is_tuple() && !origin.ascii_serialization().contains('[') => {
            format!(" {}", origin.ascii_serialization())
        }
        _ => format!(" {}:", url.scheme()),
    }
}

fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_from_outside_cannot_become_markup() {
        assert_eq!(escaped(r#"<b a="1" b='2'>&"#), "&lt;b a=&quot;1&quot; b=&#39;2&#39;&gt;&amp;");
    }

    #[test]
    fn a_policy_names_where_the_answer_may_lead() {
        let table = [
            ("https://app.example/cb", " https://app.example"),
            ("https://app.example:8443/cb?a=b;c", " https://app.example:8443"),
            ("http://127.0.0.1:8123/cb", " http://127.0.0.1:8123"),
            ("http://[::1]:8123/cb", " http:"),
            ("com.example.app:/cb", " com.example.app:"),
        ];
        for (uri, expected) in table {
            assert_eq!(target(uri), expected, "{uri}");
        }
    }
}
