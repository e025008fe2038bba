//! What Onfido knows of a person beyond the check: whom it was about, who is watched, and that it forgets them.
#![allow(clippy::unwrap_used)]

use aggregates::kyc::DocumentType;
use providers::{
    Failure,
    kyc::{Mention, Mismatch, Watched},
};
use serde_json::{Value, json};

use crate::{
    onfido::{APPLICANT, CASE, RUN, StandIn, a_stand_in, an_applicant, the_run_of},
    specification::check_line,
};

const MONITOR: &str = RUN;

/// The request lines since the last time, each of an operation that there is, and without a body.
fn lines(onfido: &StandIn) -> Vec<String> {
    let sent = onfido.sent();
    for request in &sent {
        check_line(&request.line);
        assert!(request.body.is_empty());
    }
    sent.into_iter().map(|request| request.line).collect()
}

#[tokio::test]
async fn an_applicant_is_deleted_and_being_gone_already_is_as_good() {
    let onfido = a_stand_in().await;
    for (status, kind) in [(204, "none"), (404, "resource_not_found"), (410, "none")] {
        onfido.answers(status, json!({ "error": { "type": kind } }));
        assert_eq!(onfido.kyc.forget(APPLICANT).await, Ok(()), "{status}");
    }
    assert_eq!(lines(&onfido), vec![format!("DELETE /v3.6/applicants/{APPLICANT}"); 3]);
    for (status, failure) in [
        (500, Failure::Unknown),
        (429, Failure::Unknown),
        (401, Failure::Refused { status: 401, code: "unspecified".into() }),
        (422, Failure::Refused { status: 422, code: "unspecified".into() }),
        (302, Failure::Malformed),
        // Of a wrong address, perhaps.
        (404, Failure::Refused { status: 404, code: "unspecified".into() }),
    ] {
        onfido.answers(status, Value::String("no".into()));
        assert_eq!(onfido.kyc.forget(APPLICANT).await, Err(failure), "{status}");
    }
    assert_eq!(onfido.kyc.forget("../workflow_runs").await, Err(Failure::Malformed));
}

#[tokio::test]
async fn an_approval_of_somebody_else_is_told_from_ours() {
    let onfido = a_stand_in().await;
    let applicant = an_applicant(DocumentType::Passport, "DE", true);
    let known = the_run_of(CASE);
    // As it was registered: without the characters that Onfido does not take.
    let whole =
        json!({ "id": APPLICANT, "first_name": "Ada Countess ", "last_name": "d'Été-Müller", "dob": "1990-04-12" });
    for (field, value, mismatch) in [
        ("id", json!(APPLICANT), None),
        ("first_name", json!("Adam"), Some(Mismatch::Names)),
        ("last_name", json!("Lovelace"), Some(Mismatch::Names)),
        ("last_name", Value::Null, Some(Mismatch::Incomplete)),
        ("dob", json!("1990-04-13"), Some(Mismatch::DateOfBirth)),
        ("dob", Value::Null, Some(Mismatch::Incomplete)),
    ] {
        let mut theirs = whole.clone();
        theirs[field] = value;
        onfido.answers(200, theirs);
        assert_eq!(onfido.kyc.mismatch(&known, &applicant).await, Ok(mismatch), "{field}");
    }
    assert_eq!(lines(&onfido)[0], format!("GET /v3.6/applicants/{APPLICANT}"));
}

#[tokio::test]
async fn a_monitor_names_its_applicant_and_whether_a_list_does() {
    let onfido = a_stand_in().await;
    let answer = |matches: Value| json!({ "id": MONITOR, "applicant_id": APPLICANT, "matches": matches });
    for (matches, hits) in [
        (json!([]), vec![]),
        (json!([{ "id": RUN, "enabled": false }]), vec![]),
        (json!([{ "id": RUN, "enabled": false }, { "id": APPLICANT, "enabled": true }]), vec![APPLICANT]),
        (json!([{ "id": APPLICANT }, { "id": APPLICANT }]), vec![APPLICANT]),
        (json!([{ "enabled": true }, { "id": "../other" }]), vec![MONITOR]),
        // What cannot be read is looked at.
        (json!("many"), vec![MONITOR]),
    ] {
        onfido.answers(200, answer(matches.clone()));
        let hits = hits.into_iter().map(str::to_owned).collect();
        let watched = Watched { applicant: APPLICANT.into(), hits };
        assert_eq!(onfido.kyc.watched(MONITOR).await, Ok(Some(watched)), "{matches}");
    }
    let path = format!("GET /v3.6/watchlist_monitors/{MONITOR}");
    assert_eq!(lines(&onfido)[..2], [path.clone(), format!("{path}/matches")]);
    onfido.answers(404, json!({ "error": { "type": "resource_not_found" } }));
    assert_eq!(onfido.kyc.watched(MONITOR).await, Ok(None));
    onfido.answers(404, json!({}));
    let refused = Failure::Refused { status: 404, code: "unspecified".into() };
    assert_eq!(onfido.kyc.watched(MONITOR).await, Err(refused));
    let notice = json!({ "payload": { "resource_type": "watchlist_monitor",
        "action": "watchlist_monitor.matches_updated", "object": { "id": MONITOR } } });
    let mention = Mention { monitor: Some(MONITOR.into()), ..Mention::default() };
    assert_eq!(onfido.kyc.mentioned(notice.to_string().as_bytes()), mention);
    onfido.answers(503, json!({}));
    assert_eq!(onfido.kyc.watched(MONITOR).await, Err(Failure::Unknown));
}
