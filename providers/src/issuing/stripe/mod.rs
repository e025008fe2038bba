//! Stripe Issuing: cardholders and virtual cards, and the webhooks by which it asks and tells of purchases.
//!
//! Everything is pinned to one version of Stripe's API; `providers/tests/stripe` validates each request that is sent
//! here against Stripe's own specification of that version.

mod answers;
mod config;
mod event;
mod find;
mod form;
mod names;
mod parts;
mod webhook;

use aggregates::{
    CardId, UserId,
    card::{Expiry, IssuerStatus, Reason},
};
use async_trait::async_trait;
use reqwest::{
    Url,
    header::{HeaderName, HeaderValue},
};
use uuid::Uuid;

use super::{Holder, Interval, IssueRequest, IssuedCard, Issuer, network::Report};
use crate::{
    CardNumber, Cvv, Failure, SetupError, VendorConfig,
    config::{BaseUrl, base_url},
    failure::reference,
    http::{self, Answer, Line},
    metering::Meter,
};

use answers::{Card, Made, Standing};
use form::Form;

pub use config::{BillingAddress, StripeConfig};
pub(super) use event::Authorization;
pub use event::{NotAnEvent, read};
pub use webhook::StripeWebhooks;

/// The issuer's name in events and metrics.
pub const NAME: &str = "stripe";

/// The version of Stripe's API that all of this speaks, requests and webhooks alike.
pub const API_VERSION: &str = "2023-08-16";

/// The field of a card's metadata that names it as we do.
pub const CARD_ID: &str = "card_id";

/// The same of a cardholder's.
const USER_ID: &str = "user_id";

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");
const STRIPE_VERSION: HeaderName = HeaderName::from_static("stripe-version");

/// Stripe's own word for an id that it does not know. A bare 404 could as well come from a wrong address.
const MISSING: &str = "resource_missing";

/// The answer to a question: a JSON body, and the headers that go with it. Stripe takes it within 2 s.
pub fn answer(approved: bool) -> (String, Vec<(&'static str, String)>) {
    (format!("{{\"approved\":{approved}}}"), vec![("stripe-version", API_VERSION.to_owned())])
}

/// Stripe as an issuer of virtual cards.
pub struct Stripe {
    line: Line,
    base: BaseUrl,
    billing: BillingAddress,
    enrol: Meter,
    issue: Meter,
    reveal: Meter,
    find: Meter,
    set_status: Meter,
    look_up: Meter,
    look_up_authorization: Meter,
}

impl Stripe {
    /// Connects at the first call. `connect_timeout_ms` is how long a connection may take to come about.
    pub fn new(config: &StripeConfig, connect_timeout_ms: u64) -> Result<Stripe, SetupError> {
        config.billing.check()?;
        let base = base_url(&config.base_url)?;
        let client = http::builder(base.is_https(), connect_timeout_ms).build().map_err(|_| SetupError::Client)?;
        let vendor = VendorConfig {
            api_key: config.api_key.clone(),
            webhook_secret: config.webhook_secret.clone(),
            timeout_ms: config.timeout_ms,
            max_in_flight: config.max_in_flight,
        };
        Ok(Stripe {
            line: Line::new(&client, &vendor)?.with_header(STRIPE_VERSION, HeaderValue::from_static(API_VERSION)),
            base,
            billing: config.billing.clone(),
            enrol: Meter::new(NAME, "cardholder_create"),
            issue: Meter::new(NAME, "card_issue"),
            reveal: Meter::new(NAME, "card_reveal"),
            find: Meter::new(NAME, "find"),
            set_status: Meter::new(NAME, "card_status"),
            look_up: Meter::new(NAME, "card_look_up"),
            look_up_authorization: Meter::new(NAME, "authorization_look_up"),
        })
    }

    async fn post(&self, url: Url, form: Form, key: &str) -> Result<Answer, Failure> {
        let key = HeaderValue::try_from(key).expect("keys are made of UUIDs and plain words");
        self.line.post_form(url, form.into_body(), Some((IDEMPOTENCY_KEY, key))).await
    }

    async fn make(&self, card: CardId, request: &IssueRequest) -> Result<String, Failure> {
        let currency = request.monthly_limit.currency.code().to_ascii_lowercase();
        // Limits and other controls are ours: every purchase is asked about, and decided by the card itself.
        let mut form = Form::new()
            .field("type", "virtual")
            .field("currency", &currency)
            .field("status", "active")
            .field(&format!("metadata[{CARD_ID}]"), &card.to_string());
        if let Some(holder) = &request.holder_reference {
            form = form.field("cardholder", holder);
        }
        let answer = self.post(self.base.join("/v1/issuing/cards"), form, &format!("card-{card}")).await?;
        reference(answer.json_or(answers::code).map(|made: Made<'_>| made.id)?)
    }

    /// The card with number and CVC, which Stripe tells of virtual cards, and only here.
    async fn retrieve(&self, card: &str) -> Result<IssuedCard, Failure> {
        let mut url = self.card(card)?;
        url.set_query(Some("expand%5B%5D=number&expand%5B%5D=cvc"));
        let answer = self.line.get(url).await?;
        let card: Card<'_> = answer.json_or(answers::code)?;
        let (Some(number), Some(cvc)) = (card.number, card.cvc) else { return Err(Failure::Malformed) };
        Ok(IssuedCard {
            issuer_reference: reference(card.id)?,
            number: CardNumber::parse(number).map_err(|_| Failure::Malformed)?,
            cvv: Cvv::parse(cvc).map_err(|_| Failure::Malformed)?,
            expiry: Expiry::new(card.exp_month, card.exp_year).ok_or(Failure::Malformed)?,
        })
    }

    fn card(&self, card: &str) -> Result<Url, Failure> {
        self.resource("cards", card)
    }

    /// The address of one thing. Stripe's ids are plain; anything else would be another path.
    fn resource(&self, kind: &str, id: &str) -> Result<Url, Failure> {
        let plain = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
        match plain {
            true => Ok(self.base.join(&format!("/v1/issuing/{kind}/{id}"))),
            false => Err(Failure::Malformed),
        }
    }

    fn cardholder(&self, user: UserId, holder: &Holder) -> Result<Form, Failure> {
        let (first_name, last_name) = (names::latin(&holder.first_name)?, names::latin(&holder.last_name)?);
        let form = Form::new()
            .field("type", "individual")
            .field("name", &names::printed(&first_name, &last_name))
            .field("individual[first_name]", &first_name)
            .field("individual[last_name]", &last_name)
            .field("billing[address][line1]", &self.billing.line1)
            .field("billing[address][city]", &self.billing.city)
            .field("billing[address][postal_code]", &self.billing.postal_code)
            .field("billing[address][country]", &self.billing.country)
            .field(&format!("metadata[{USER_ID}]"), &user.to_string());
        Ok(match &self.billing.state {
            Some(state) => form.field("billing[address][state]", state),
            None => form,
        })
    }
}

#[async_trait]
impl Issuer for Stripe {
    fn name(&self) -> &'static str {
        NAME
    }

    fn knows_holders(&self) -> bool {
        true
    }

    async fn enrol(&self, user: UserId, holder: &Holder) -> Result<Option<String>, Failure> {
        let call = async {
            let (url, form) = (self.base.join("/v1/issuing/cardholders"), self.cardholder(user, holder)?);
            let answer = self.post(url, form, &format!("cardholder-{user}")).await?;
            reference(answer.json_or(answers::code).map(|made: Made<'_>| made.id)?)
        };
        self.enrol.measure(call).await.map(Some)
    }

    async fn find_holder(&self, user: UserId, made: Interval) -> Result<Option<String>, Failure> {
        let url = self.base.join("/v1/issuing/cardholders");
        self.find.measure(self.marked(url, &[("type", "individual")], (USER_ID, user.0), made)).await
    }

    async fn find_card(
        &self,
        card: CardId,
        request: &IssueRequest,
        made: Interval,
    ) -> Result<Option<IssuedCard>, Failure> {
        let filter: Vec<_> = request.holder_reference.iter().map(|holder| ("cardholder", holder.as_str())).collect();
        let url = self.base.join("/v1/issuing/cards");
        match self.find.measure(self.marked(url, &filter, (CARD_ID, card.0), made)).await? {
            Some(found) => self.reveal.measure(self.retrieve(&found)).await.map(Some),
            None => Ok(None),
        }
    }

    async fn issue(&self, card: CardId, request: &IssueRequest) -> Result<IssuedCard, Failure> {
        let made = self.issue.measure(self.make(card, request)).await?;
        // The card is made: whatever goes wrong from here on, a repeat finds it under the same key.
        let revealed = self.reveal.measure(self.retrieve(&made)).await;
        revealed.map_err(|failure| match failure {
            Failure::Unreachable => Failure::Unknown,
            failure => failure,
        })
    }

    async fn set_status(
        &self,
        issuer_reference: &str,
        status: IssuerStatus,
        ended_for: Option<Reason>,
        key: Uuid,
    ) -> Result<IssuerStatus, Failure> {
        let call = async {
            let mut form = Form::new().field("status", status.as_str());
            // Stripe knows these two reasons and takes no other. It is told by them that the number is in wrong hands.
            if let Some(reason @ (Reason::Lost | Reason::Stolen)) = ended_for
                && status == IssuerStatus::Canceled
            {
                form = form.field("cancellation_reason", reason.as_str());
            }
            let answer = self.post(self.card(issuer_reference)?, form, &format!("status-{key}")).await?;
            answer.json_or(answers::code)
        };
        match self.set_status.measure(call).await {
            Ok(Standing { status }) => Ok(status),
            // What is canceled cannot be changed, which Stripe says as a refusal.
            Err(Failure::Refused { status: 400, code }) => match self.status(issuer_reference).await? {
                IssuerStatus::Canceled => Ok(IssuerStatus::Canceled),
                IssuerStatus::Active | IssuerStatus::Inactive => Err(Failure::Refused { status: 400, code }),
            },
            Err(failure) => Err(failure),
        }
    }

    async fn status(&self, issuer_reference: &str) -> Result<IssuerStatus, Failure> {
        let call = async {
            let answer = self.line.get(self.card(issuer_reference)?).await?;
            answer.json_or(answers::code).map(|Standing { status }| status)
        };
        self.look_up.measure(call).await
    }

    async fn authorization(&self, reference: &str) -> Result<Option<Report>, Failure> {
        let call = async {
            let answer = self.line.get(self.resource("authorizations", reference)?).await?;
            match answer.json_or::<Authorization<'_>>(answers::code) {
                Ok(found) => found.standing(reference).map(Some),
                Err(Failure::Refused { status: 404, code }) if code == MISSING => Ok(None),
                Err(failure) => Err(failure),
            }
        };
        self.look_up_authorization.measure(call).await
    }
}
