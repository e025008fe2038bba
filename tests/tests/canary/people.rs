//! What happens in the run, and every secret that was said in it.

use std::io::Cursor;

use aggregates::{CredentialId, KycCaseId};
use hyper::Method;
use image::{DynamicImage, ImageFormat, RgbImage};
use rand::RngCore;
use secrecy::ExposeSecret;
use serde_json::{Value, json};
use store::{Store, documents::DocumentKey};
use tests::{
    canary::Canary,
    client::{Client, PASSWORD, Person},
    database::namespace,
    device::Device,
    mailbox,
};

use super::stage::Stage;
use crate::kyc;

/// Nobody is really called so, and no other file has it by chance.
const FIRST_NAME: &str = "Zoë-Wilhelmína";
const LAST_NAME: &str = "Quackenbüsch";

pub struct Everything {
    pub canaries: Vec<Canary>,
    /// Texts that were never said.
    pub unspoken: [String; 4],
}

/// Two people go the whole way; the first is erased at its end, the second stays.
pub async fn walk(stage: &Stage) -> Everything {
    let mut all = vec![
        Canary::text("first name", FIRST_NAME),
        Canary::text("last name", LAST_NAME),
        Canary::text("password", PASSWORD),
    ];
    for (n, is_erased) in [(1, true), (2, false)] {
        let person = Walk { client: stage.client(), said: Vec::new(), codes: Vec::new(), store: stage.store(), n }
            .go(is_erased)
            .await;
        all.extend(
            person.into_iter().map(|canary| Canary { name: format!("{} of person {n}", canary.name), ..canary }),
        );
    }
    let unspoken = ["row", "key", "message", "line"].map(|place| format!("planted_{place}_{}", namespace()));
    Everything { canaries: all, unspoken }
}

struct Walk {
    client: Client,
    said: Vec<Canary>,
    codes: Vec<String>,
    store: Store,
    n: u8,
}

impl Walk {
    async fn go(mut self, is_erased: bool) -> Vec<Canary> {
        let person = self.register().await;
        self.verify_identity(&person).await;
        self.prove(&person).await;
        let card_id = self.client.request_card(&person, 1_000).await.unwrap();
        self.pay(&person, &card_id).await;
        self.see(&person, &card_id).await;
        self.tell(&person).await;
        self.guess(&person).await;
        if is_erased {
            let step_up = self.step_up_by_code(&person).await;
            let body = json!({ "password": PASSWORD });
            let erased = self.client.post_stepped_up("/api/v2/me/erase", &person, &step_up, &body).await.unwrap();
            assert_eq!(erased.json()["standing"], "erased", "{}", erased.text());
        }
        self.said
    }

    fn say(&mut self, name: &str, text: impl Into<String>) {
        let text = text.into();
        assert!(text.len() >= 7, "{name} is too short to be looked for: {text:?}");
        self.said.push(Canary::text(name, text));
    }

    async fn register(&mut self) -> Person {
        let email = format!("zoe.{}@canary.example", namespace());
        let body = json!({
            "email": email, "password": PASSWORD, "first_name": FIRST_NAME, "last_name": LAST_NAME,
        });
        let answer = self.client.post("/api/v1/auth/register", None, &body).await.unwrap();
        assert_eq!(answer.status, 202, "{}", answer.text());
        let token = self.client.mailed_token(&email, mailbox::VERIFY).await.unwrap();
        let answer = self.client.post("/api/v1/auth/verify-email", None, &json!({ "token": token })).await.unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
        let login = json!({ "email": email, "password": PASSWORD, "device_id": "phone" });
        let tokens = self.client.post("/api/v2/auth/login", None, &login).await.unwrap().json();
        let access = tokens["access_token"].as_str().unwrap().to_owned();
        self.say("e-mail address", &email);
        self.say("mailed token", token);
        self.say("refresh token", tokens["refresh_token"].as_str().unwrap());
        // The end of it is the signature; the rest says who it is for.
        self.say("access token", access.rsplit('.').next().unwrap());
        let me = self.client.get("/api/v2/me", Some(&access)).await.unwrap().json();
        let user_id = me["user_id"].as_str().unwrap_or_else(|| panic!("{me}")).to_owned();
        Person { user_id, email, token: access, app: Default::default() }
    }

    /// With everything that a case can hold: details, address, pictures as they were sent and as they are kept.
    async fn verify_identity(&mut self, person: &Person) {
        let (number, birth) = (format!("APPROVE1XQ{}", namespace()), format!("192{}-07-19", self.n));
        let street = format!("Straße-der-{}", namespace());
        let (client, token) = (&mut self.client, person.token.as_str());
        let case = kyc::open(client, token, "full").await;
        let path = format!("/api/v2/kyc/cases/{case}");
        let details = json!({ "document_type": "national_id", "document_number": number, "date_of_birth": birth,
                              "country": "DE" });
        kyc::call(client, "PUT", &format!("{path}/details"), token, &details, 200).await;
        let address = json!({ "street": street, "town": "Wolkenkuckucksheim", "postcode": "10117", "country": "DE" });
        kyc::call(client, "PUT", &format!("{path}/address"), token, &address, 200).await;
        for kind in ["front", "back", "selfie"] {
            let sent = noise();
            let answer = kyc::upload(client, token, &case, kind, &sent).await;
            assert_eq!(answer.status, 201, "{}", answer.text());
            let document_id = CredentialId(answer.json()["document_id"].as_str().unwrap().parse().unwrap());
            let (user_id, case_id) = (person.user_id.parse().unwrap(), KycCaseId(case.parse().unwrap()));
            let kept = self.store.document(DocumentKey { user_id, case_id, document_id }).await.unwrap().unwrap();
            self.said.push(Canary::bytes(&format!("{kind} as it is kept"), kept.content.to_vec()));
            self.said.push(Canary::bytes(&format!("{kind} as it was sent"), sent));
        }
        let verification = kyc::submit(client, token, &case).await;
        assert_eq!(verification["status"], "approved", "{verification}");
        self.say("document number", number);
        self.say("date of birth", birth);
        self.say("street", street);
        self.say("town", "Wolkenkuckucksheim");
    }

    async fn prove(&mut self, person: &Person) {
        self.codes = self.client.enrol(person).await.unwrap();
        for code in self.codes.clone() {
            self.say("recovery code", code);
        }
        self.say("secret of the app", person.app.secret().unwrap());
    }

    async fn step_up_by_code(&mut self, person: &Person) -> String {
        let (token, operation) = (Some(person.token.as_str()), json!({ "operation": "account" }));
        let begun = self.client.post("/api/v2/auth/step-up", token, &operation).await.unwrap().json();
        let proof = json!({ "ticket": begun["ticket"], "recovery_code": self.codes[0] });
        let done = self.client.post("/api/v2/auth/step-up/complete", token, &proof).await.unwrap();
        let step_up = done.json()["step_up_token"].as_str().unwrap_or_else(|| panic!("{}", done.text())).to_owned();
        self.say("step-up ticket", begun["ticket"].as_str().unwrap());
        self.say("step-up token of the end", &step_up);
        step_up
    }

    async fn pay(&mut self, person: &Person, card_id: &str) {
        for merchant in ["shop.example", "declined.example"] {
            let body = json!({ "card_id": card_id, "amount": 10, "currency": "USD", "merchant": merchant,
                               "merchant_category": "electronics" });
            let paid = self.client.post("/api/v1/payments/process", Some(&person.token), &body).await.unwrap();
            assert!(!paid.json()["transaction"].is_null(), "{}", paid.text());
        }
    }

    /// By the reveal, as the only way to learn what the issuer has made.
    async fn see(&mut self, person: &Person, card_id: &str) {
        let device = Device::default();
        let step_up = self.client.step_up(person, &device.operation(card_id)).await.unwrap();
        let allowed = self.client.reveal_token(person, card_id, &device, &step_up).await.unwrap();
        let token = allowed.json()["reveal_token"].as_str().unwrap_or_else(|| panic!("{}", allowed.text())).to_owned();
        let answer = self.client.reveal(person, card_id, &device, &token).await.unwrap().json();
        let shown = device.open(&answer, card_id, &token).unwrap_or_else(|| panic!("{answer}"));
        let part = |name: &str| shown[name].as_str().unwrap().to_owned();
        self.say("step-up token", step_up);
        self.say("reveal token", token);
        self.said.push(Canary::card_number("card number", part("card_number")));
        self.said.push(Canary::cvv("CVV", part("cvv")));
    }

    /// A name that was chosen, and a letter to somebody who has forgotten their password.
    async fn tell(&mut self, person: &Person) {
        let name = format!("Guðrún{}", namespace());
        let body = json!({ "first_name": name, "last_name": LAST_NAME });
        let answer = self.client.request(Method::PATCH, "/api/v2/me", Some(&person.token), Some(&body), &[]).await;
        let answer = answer.unwrap();
        assert!(answer.status.is_success(), "{}", answer.text());
        self.say("chosen name", name);
        let reset = json!({ "email": person.email });
        self.client.post("/api/v2/auth/password-reset", None, &reset).await.unwrap();
    }

    /// What somebody sends who is wrong is a secret too: of another place, or with one letter off.
    async fn guess(&mut self, person: &Person) {
        let guess = format!("wrong-horse-{}", namespace());
        let login = json!({ "email": person.email, "password": guess });
        let refused = self.client.post("/api/v2/auth/login", None, &login).await.unwrap();
        assert_eq!(refused.status, 401, "{}", refused.text());
        self.say("wrong password", guess);
        let stray = format!("4000{}", namespace());
        let broken: Value = json!({ "card_id": stray, "amount": stray, "merchant": [stray], "currency": stray });
        let refused = self.client.post("/api/v1/payments/process", Some(&person.token), &broken).await.unwrap();
        assert!(refused.status.is_client_error(), "{}", refused.text());
        self.say("what was sent in the wrong field", stray);
        let unused = store::one_time::new_secret();
        let refused = self.client.get("/api/v2/me", Some(unused.expose_secret())).await.unwrap();
        assert_eq!(refused.status, 401, "{}", refused.text());
        self.say("a false token", unused.expose_secret());
    }
}

/// A picture that nobody else has: of noise.
fn noise() -> Vec<u8> {
    let (width, height) = (160, 100);
    let mut pixels = vec![0; 3 * width as usize * height as usize];
    rand::rng().fill_bytes(&mut pixels);
    let picture = RgbImage::from_raw(width, height, pixels).unwrap();
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::from(picture).write_to(&mut bytes, ImageFormat::Jpeg).unwrap();
    bytes.into_inner()
}
