use flows::{
    Written,
    accounts::{self, Ended, Ending, email_change},
    export,
    factors::Presence,
};
use poem_openapi::{ApiResponse, Object, OpenApi, param::Header, registry::MetaSchema, types::Example};
use secrecy::SecretString;
use serde::{Deserialize, Serialize};

use super::{Tag, factors::PasswordAgain, me::Standing};
use crate::{
    auth::{
        Caller, Visitor,
        rights::{Exporting, OwnersProof},
    },
    hidden::Hidden,
    json::Json,
    limits::Policy,
    parameters::StepUpToken,
    problem::{Failure, refusals},
    schema::{described, read_by_serde},
};

#[derive(Default)]
pub struct Account;

#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
#[oai(deny_unknown_fields, skip_serializing_if_is_none, example)]
struct EmailChange {
    /// The new address.
    #[oai(validator(max_length = 254))]
    email: String,
    /// The account's password, once more, where there is no second factor; else a step-up for `account` is needed.
    #[oai(nullable, validator(max_length = 256))]
    password: Option<Hidden>,
}

#[derive(Object, Deserialize)]
#[serde(deny_unknown_fields)]
#[oai(rename = "EmailChangeConfirmation", deny_unknown_fields)]
struct Confirmation {
    /// As it was mailed.
    #[oai(validator(max_length = 128))]
    token: String,
}

/// Both mailboxes were written to.
#[derive(Object, Serialize)]
#[oai(rename = "EmailChangeAsked")]
struct Asked {
    /// Seconds within which both have to confirm.
    expires_in: u64,
}

/// What a confirmation has done.
#[derive(Object, Serialize)]
#[oai(rename = "EmailChangeConfirmed")]
struct Confirmed {
    /// Whether the address is changed now. If not, the other mailbox has to confirm too.
    changed: bool,
}

#[derive(Object, Serialize)]
struct AccountEnd {
    standing: Standing,
}

#[derive(Serialize)]
#[serde(transparent)]
struct Document(export::Export);

described!(
    Document,
    MetaSchema {
        description: Some(
            "`exported_at`, `position`, `profile`, `security` (sessions, devices, factors, linked identities, API keys, \
             consents, recorded attempts to log in and the like), `kyc_cases` with what was handed in, `cards` (masked), \
             `transactions`, `notifications` (null where they cannot be read just now) and `events`, each a CloudEvent \
             with what is sealed in it `opened` beside. `truncated` names the parts that hold only their newest entries, \
             with how many: past 2,000 transactions (pages of them have all), 1,000 cards, or 10,000 events."
        ),
        ..MetaSchema::new("object")
    }
);
read_by_serde!(Document);

#[derive(ApiResponse)]
enum AskedResponse {
    /// Accepted. Whether the new address has an account already is not told.
    #[oai(status = 202)]
    Asked(Json<Asked>, #[oai(header = "X-Position")] i64),
}

#[derive(ApiResponse)]
enum ConfirmResponse {
    /// Confirmed by this mailbox.
    #[oai(status = 200)]
    Confirmed(Json<Confirmed>, #[oai(header = "X-Position")] i64),
}

#[derive(ApiResponse)]
enum EndResponse {
    /// Done; every session has ended, this one too.
    #[oai(status = 200)]
    Ended(Json<AccountEnd>, #[oai(header = "X-Position")] i64),
    /// The account has ended and so has every session; what follows is finished in the background.
    #[oai(status = 202)]
    Ending(Json<AccountEnd>, #[oai(header = "X-Position")] i64),
}

#[derive(ApiResponse)]
enum ExportResponse {
    /// Everything that is held about the caller.
    #[oai(status = 200)]
    Export(Json<Document>, #[oai(header = "Content-Disposition")] String),
}

refusals!(AskEmail, V2, [400, 401, 403, 404, 408, 409, 413, 415, 422, 429, 500, 503, 504]);
refusals!(Confirm, V2, [400, 408, 409, 413, 415, 422, 429, 500, 503, 504]);
refusals!(Close, V2, [400, 401, 403, 404, 408, 409, 413, 415, 422, 429, 500, 503, 504]);
refusals!(Erase, V2, [400, 401, 403, 404, 408, 409, 413, 415, 422, 429, 500, 503, 504]);
refusals!(GetExport, V2, [401, 403, 404, 429, 500, 503, 504]);

#[OpenApi(prefix_path = "/api/v2", tag = "Tag::Account")]
impl Account {
    /// Change my e-mail address
    ///
    /// Writes to the old and to the new address; nothing changes before both have confirmed. Takes the place of a change
    /// that was asked for before.
    #[oai(path = "/me/email", method = "post", operation_id = "changeEmail")]
    async fn change_email(
        &self,
        caller: Caller<OwnersProof>,
        #[oai(name = "X-Step-Up-Token")] step_up: Header<Option<StepUpToken>>,
        body: Json<EmailChange>,
    ) -> Result<AskedResponse, Failure<AskEmail>> {
        let (EmailChange { email, password }, system) = (body.0, &caller.service.system);
        let presence = PasswordAgain { password }.presence(step_up.0);
        let asked = email_change::request(system, caller.principal(), &email, presence, &caller.origin()).await?;
        let ((), position) = caller.wrote(asked);
        let asked = Asked { expires_in: flows::mail::EMAIL_CHANGE_WITHIN.as_secs() };
        Ok(AskedResponse::Asked(Json(asked), position))
    }

    /// Confirm a change of address
    ///
    /// With the token from one of the two mails. The second confirmation changes the address and ends every session but
    /// the one that asked for it.
    #[oai(path = "/auth/confirm-email-change", method = "post", operation_id = "confirmEmailChange")]
    async fn confirm_email(
        &self,
        visitor: Visitor,
        body: Json<Confirmation>,
    ) -> Result<ConfirmResponse, Failure<Confirm>> {
        let token = SecretString::from(body.0.token);
        visitor.strict(Policy::Verify, None).await?;
        let confirm = |system, origin| async move { email_change::confirm(&system, &token, &origin).await };
        let Written { value, position } = visitor.apart(confirm).await?;
        visitor.noted(value.user_id, position);
        Ok(ConfirmResponse::Confirmed(Json(Confirmed { changed: value.is_changed }), position))
    }

    /// Close my account
    ///
    /// Ends every session and terminates the cards; nobody can log in any more. Refused while a payment has no
    /// outcome. Needs a step-up for `account`, or the password where there is no second factor. The address stays taken,
    /// and the data stays until it is erased.
    #[oai(path = "/me/close", method = "post", operation_id = "closeAccount")]
    async fn close(
        &self,
        caller: Caller<OwnersProof>,
        #[oai(name = "X-Step-Up-Token")] step_up: Header<Option<StepUpToken>>,
        body: Json<PasswordAgain>,
    ) -> Result<EndResponse, Failure<Close>> {
        let ended = end(&caller, Ending::Close, body.0.presence(step_up.0)).await?;
        Ok(response(ended, Standing::Closed))
    }

    /// Erase my data
    ///
    /// Closes the account, and destroys the key under which names, address and identity documents are sealed, with
    /// every password, factor and token and the secrets of the cards. What is sealed cannot be opened from then on by
    /// anybody: within seconds on machines that have the key in memory, and in database backups and write-ahead logs
    /// once these are gone. Records of payments stay, as the law wants them, and lead to nobody's name. The address
    /// may be registered again. Needs a step-up for `account`, or the password where there is no second factor. This
    /// cannot be undone.
    #[oai(path = "/me/erase", method = "post", operation_id = "eraseAccount")]
    async fn erase(
        &self,
        caller: Caller<OwnersProof>,
        #[oai(name = "X-Step-Up-Token")] step_up: Header<Option<StepUpToken>>,
        body: Json<PasswordAgain>,
    ) -> Result<EndResponse, Failure<Erase>> {
        let ended = end(&caller, Ending::Erase, body.0.presence(step_up.0)).await?;
        Ok(response(ended, Standing::Erased))
    }

    /// Export my data
    ///
    /// Everything that is held about the caller, as one document. Passwords, keys, tokens and card numbers are not part
    /// of it. Two a minute.
    #[oai(path = "/me/export", method = "get", operation_id = "exportAccount")]
    async fn export(&self, caller: Caller<Exporting>) -> Result<ExportResponse, Failure<GetExport>> {
        let export = export::export(&caller.service.system, caller.user_id).await?;
        let name = format!("attachment; filename=\"virtual-cards-{}.json\"", caller.user_id);
        Ok(ExportResponse::Export(Json(Document(export)), name))
    }
}

async fn end<R>(caller: &Caller<R>, end: Ending, presence: Presence) -> Result<Written<Ended>, flows::Error> {
    let principal = caller.principal();
    let end = move |system, origin| async move { accounts::end(&system, principal, end, presence, &origin).await };
    caller.apart(end).await
}

fn response(ended: Written<Ended>, standing: Standing) -> EndResponse {
    let (end, position) = (Json(AccountEnd { standing }), ended.position);
    match ended.value.is_complete {
        true => EndResponse::Ended(end, position),
        false => EndResponse::Ending(end, position),
    }
}

impl Example for EmailChange {
    fn example() -> EmailChange {
        EmailChange { email: "new@example.com".into(), password: Some("securePassword123".into()) }
    }
}
