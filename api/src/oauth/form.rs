use poem::{Body, Request};
use url::form_urlencoded;
use zeroize::Zeroizing;

use crate::{context::Context, json::read, problem::Problem};

/// No request of ours has more parameters.
const MOST: usize = 50;

/// Parameters of a form or a query.
pub struct Form(Vec<(String, Zeroizing<String>)>);

/// Why a form is none: a parameter stands twice, so that two readers could read two things (RFC 6749 §3.1), or there
/// are too many.
#[derive(Clone, Copy, Debug)]
pub struct Ambiguous;

/// Why there is no form.
pub enum NoForm {
    Ambiguous,
    NotAForm,
    Problem(Problem),
}

impl Form {
    pub fn parse(bytes: &[u8]) -> Result<Form, Ambiguous> {
        let mut fields: Vec<(String, Zeroizing<String>)> = Vec::new();
        for (name, value) in form_urlencoded::parse(bytes) {
            if fields.len() == MOST || fields.iter().any(|(known, _)| *known == name) {
                return Err(Ambiguous);
            }
            fields.push((name.into_owned(), Zeroizing::new(value.into_owned())));
        }
        Ok(Form(fields))
    }

    pub fn of_query(request: &Request) -> Result<Form, Ambiguous> {
        Form::parse(request.uri().query().unwrap_or_default().as_bytes())
    }

    pub async fn of_body(request: &Request, body: Body, context: &Context) -> Result<Form, NoForm> {
        let essence = request.content_type().and_then(|kind| kind.split(';').next()).unwrap_or_default();
        if !essence.trim_ascii().eq_ignore_ascii_case("application/x-www-form-urlencoded") {
            return Err(NoForm::NotAForm);
        }
        let bytes = read(body, context).await.map_err(NoForm::Problem)?;
        Form::parse(&bytes).map_err(|Ambiguous| NoForm::Ambiguous)
    }

    /// A parameter. One without a value counts as left out (RFC 6749 §3.1).
    pub fn take(&mut self, name: &str) -> Option<String> {
        let place = self.0.iter().position(|(known, _)| known == name)?;
        let (_, mut value) = self.0.swap_remove(place);
        Some(std::mem::take(&mut *value)).filter(|value| !value.is_empty())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn a_parameter_is_read_once() {
        let mut form = Form::parse(b"a=1&b=&c=x%20y+z").unwrap();
        assert_eq!(form.take("a").as_deref(), Some("1"));
        assert_eq!(form.take("a"), None);
        assert_eq!(form.take("b"), None);
        assert_eq!(form.take("c").as_deref(), Some("x y z"));
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        for ambiguous in ["a=1&a=2", "a=1&%61=1", "a&a"] {
            assert!(Form::parse(ambiguous.as_bytes()).is_err(), "{ambiguous}");
        }
        let many: Vec<_> = (0..=MOST).map(|number| format!("p{number}=1")).collect();
        assert!(Form::parse(many.join("&").as_bytes()).is_err());
    }
}
