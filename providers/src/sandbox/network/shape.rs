//! Authorisations, transactions and cards as Stripe's API of our version writes them.

use serde::Deserialize;
use serde_json::{Value, json};
use uuid::Uuid;

/// A purchase at a merchant, as whoever plays the network describes it. Unknown fields are refused.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Purchase {
    /// Our id of the card.
    pub card_id: Uuid,
    /// Minor units of `currency`.
    pub amount: i64,
    /// The card's.
    pub currency: String,
    pub merchant: String,
    /// ISO 18245.
    #[serde(default = "books")]
    pub mcc: String,
    #[serde(default = "united_states")]
    pub country: String,
    #[serde(default = "yes")]
    pub online: bool,
    /// What the merchant is paid in; the card's currency where none is named.
    #[serde(default)]
    pub merchant_currency: Option<String>,
    /// What the network does where nobody answers it in time.
    #[serde(default)]
    pub stand_in: bool,
    /// What the system answers is lost on its way.
    #[serde(default)]
    pub deaf: bool,
    /// Keeps what is told afterwards, for `POST /sandbox/network/deliver`.
    #[serde(default)]
    pub withhold: bool,
}

fn books() -> String {
    "5942".into()
}

fn united_states() -> String {
    "US".into()
}

fn yes() -> bool {
    true
}

/// An authorisation and what became of it.
#[derive(Clone)]
pub(super) struct Authorization {
    pub id: String,
    pub purchase: Purchase,
    /// What is authorised now.
    pub amount: i64,
    pub approved: bool,
    pub status: &'static str,
    pub history: Vec<Value>,
    pub transactions: Vec<Value>,
    pub created: i64,
}

impl Authorization {
    pub fn new(id: String, purchase: Purchase, created: i64) -> Authorization {
        Authorization {
            id,
            purchase,
            amount: 0,
            approved: false,
            status: "pending",
            history: vec![],
            transactions: vec![],
            created,
        }
    }

    /// With `asked`, as the network asks for it.
    pub fn object(&self, asked: Option<i64>) -> Value {
        let Purchase { currency, online, .. } = &self.purchase;
        let paid_in = self.purchase.paid_in();
        let pending = asked.map(|amount| {
            json!({ "amount": amount, "currency": currency.to_lowercase(), "is_amount_controllable": false,
                    "merchant_amount": amount, "merchant_currency": paid_in })
        });
        json!({
            "id": self.id, "object": "issuing.authorization", "amount": self.amount, "approved": self.approved,
            "authorization_method": if *online { "online" } else { "chip" }, "balance_transactions": [],
            "card": self.purchase.card("active"), "cardholder": null, "created": self.created,
            "currency": currency.to_lowercase(), "livemode": false, "merchant_amount": self.amount,
            "merchant_currency": paid_in, "merchant_data": self.purchase.merchant_data(), "metadata": {},
            "network_data": null, "pending_request": pending, "request_history": self.history,
            "status": self.status, "transactions": self.transactions,
            "verification_data": { "address_line1_check": "not_provided",
                "address_postal_code_check": "not_provided", "cvc_check": "match", "expiry_check": "match" },
            "wallet": null,
        })
    }

    pub fn ruled(&mut self, amount: i64, approved: bool, reason: &str, at: i64) {
        let currency = self.purchase.currency.to_lowercase();
        self.history.push(json!({
            "amount": amount, "approved": approved, "created": at, "currency": currency, "merchant_amount": amount,
            "merchant_currency": self.purchase.paid_in(), "reason": reason,
        }));
        if approved {
            self.amount += amount;
            self.approved = true;
        } else if self.history.len() == 1 {
            self.status = "closed";
        }
    }
}

impl Purchase {
    fn paid_in(&self) -> String {
        self.merchant_currency.as_deref().unwrap_or(&self.currency).to_lowercase()
    }

    fn merchant_data(&self) -> Value {
        let category = if self.mcc == "6011" { "automated_cash_disburse" } else { "book_stores" };
        json!({ "category": category, "category_code": self.mcc, "city": "Springfield", "country": self.country,
                "name": self.merchant, "network_id": "1234567890", "postal_code": null, "state": null })
    }

    /// A movement of money; to the merchant it is below zero.
    pub fn transaction(&self, id: &str, kind: &str, amount: i64, authorization: Option<&str>, at: i64) -> Value {
        let signed = if kind == "capture" { -amount } else { amount };
        json!({
            "id": id, "object": "issuing.transaction", "amount": signed, "authorization": authorization,
            "balance_transaction": null, "card": self.card_reference(), "cardholder": null, "created": at,
            "currency": self.currency.to_lowercase(), "dispute": null, "livemode": false, "merchant_amount": signed,
            "merchant_currency": self.paid_in(), "merchant_data": self.merchant_data(), "metadata": {}, "type": kind,
            "wallet": null,
        })
    }

    /// As the sandbox's issuer names the card.
    pub fn card_reference(&self) -> String {
        format!("card_{}", self.card_id)
    }

    pub fn card(&self, status: &str) -> Value {
        let holder = json!({
            "id": "ich_sandbox", "object": "issuing.cardholder", "created": 0, "livemode": false, "metadata": {},
            "billing": { "address": { "city": "Springfield", "country": "US", "line1": "1 Main Street", "line2": null,
                                      "postal_code": "12345", "state": null } },
            "name": "Sandbox", "requirements": { "disabled_reason": null, "past_due": [] }, "status": "active",
            "type": "individual",
        });
        json!({
            "id": self.card_reference(), "object": "issuing.card", "brand": "Visa", "cancellation_reason": null,
            "cardholder": holder, "created": 0, "currency": self.currency.to_lowercase(), "exp_month": 12,
            "exp_year": 2030, "last4": "0000", "livemode": false, "metadata": { "card_id": self.card_id },
            "replacement_reason": null, "spending_controls": {}, "status": status, "type": "virtual",
        })
    }
}

/// An event; `previous` is what an update changed, as it was.
pub(super) fn event(id: &str, kind: &str, object: Value, previous: Option<Value>, at: i64) -> Value {
    let mut data = json!({ "object": object });
    if let Some(previous) = previous {
        data["previous_attributes"] = previous;
    }
    json!({
        "id": id, "object": "event", "api_version": crate::issuing::stripe::API_VERSION, "created": at, "data": data,
        "livemode": false, "pending_webhooks": 1, "type": kind,
    })
}
