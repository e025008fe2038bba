//! What is found of approvals and of hits on watch lists.

use aggregates::{KycCaseId, UserId, kyc};
use chrono::DateTime;
use store::{Loaded, Store, new_id, tables::Span};
use tests::database::TestDatabase;

use crate::examples::{a_person, grown, november};

const PROVIDER: &str = "sandbox";

fn submitted(case_id: KycCaseId) -> kyc::Event {
    kyc::Event::Submitted {
        case_id,
        applicant: aggregates::Sealed::from_ciphertext(String::new()),
        document_type: kyc::DocumentType::Passport,
        country: "DE".into(),
        level: kyc::Level::Basic,
        at: november(1),
    }
}

/// Until the 20th of November.
fn approved(case_id: KycCaseId) -> kyc::Event {
    kyc::Event::Approved {
        case_id,
        provider: PROVIDER.into(),
        provider_reference: "check_1".into(),
        decided_by: vec![],
        valid_until: Some(november(20)),
        at: november(1),
    }
}

fn rejected(case_id: KycCaseId, decided_by: Vec<UserId>) -> kyc::Event {
    let (provider, provider_reference, reasons) = (PROVIDER.into(), "check_2".into(), vec!["forged".into()]);
    kyc::Event::Rejected { case_id, provider, provider_reference, reasons, decided_by, at: november(2) }
}

fn named(case_id: KycCaseId) -> kyc::Event {
    let (provider, provider_reference) = (PROVIDER.into(), "match_1".into());
    kyc::Event::WatchListNamed { case_id, provider, provider_reference, at: november(2) }
}

fn cleared(case_id: KycCaseId) -> kyc::Event {
    let provider_references = vec!["match_1".into()];
    kyc::Event::WatchListCleared { case_id, provider_references, decided_by: vec![a_person()], at: november(3) }
}

/// The approvals that end soon, or have ended, of somebody with this history of two cases.
async fn found(
    history: impl FnOnce(KycCaseId, KycCaseId) -> Vec<kyc::Event>,
    by: u32,
) -> (TestDatabase, UserId, usize) {
    let database = TestDatabase::new().await;
    let store = database.store();
    let user = a_person();
    let events = history(KycCaseId(new_id()), KycCaseId(new_id()));
    grown(&store, &Loaded::<kyc::Kyc>::new(user), events).await;
    store.read_tables().apply(&store.read_after(0, 1_000).await.unwrap()).await.unwrap();
    let span = Span { after: DateTime::UNIX_EPOCH, before: november(by) };
    let found = store.ending_approvals(span, 10, 10).await.unwrap().len();
    (database, user, found)
}

#[tokio::test]
async fn an_approval_that_operators_have_ended_is_not_looked_for() {
    let later = |decided_by: Vec<UserId>| {
        move |first, second| vec![submitted(first), approved(first), submitted(second), rejected(second, decided_by)]
    };
    // Given a later case that the provider has rejected, the approval goes on, and its end is found.
    assert_eq!(found(later(vec![]), 21).await.2, 1);
    // Given one that operators have rejected, there is no approval any more.
    assert_eq!(found(later(vec![a_person()]), 21).await.2, 0);
    // Nor is one of after that rejection overlooked.
    let again =
        |first, second| vec![submitted(first), rejected(first, vec![a_person()]), submitted(second), approved(second)];
    assert_eq!(found(again, 21).await.2, 1);
}

#[tokio::test]
async fn a_hit_waits_for_operators_and_nobody_else() {
    let hit = |first, second| vec![submitted(first), approved(first), submitted(second), named(second)];
    let open = |store: Store| async move {
        let span = Span { after: DateTime::UNIX_EPOCH, before: november(4) };
        let waiting = store.work_list(a_person(), 0, false, 10).await.unwrap();
        (store.open_cases(span, 10).await.unwrap().len(), waiting)
    };
    // Given a pending case with a hit beside it
    // Then operators see it, the provider is not asked, and the approval is not announced to end, but does.
    let (database, user, announced) = found(hit, 15).await;
    let (asked, waiting) = open(database.store()).await;
    assert_eq!((asked, announced, waiting.len()), (0, 0, 1));
    assert_eq!((waiting[0].user_id, &waiting[0].reasons[..]), (user, &["watchlist_hit".to_owned()][..]));
    assert_eq!(found(hit, 21).await.2, 1);
    // Once it is cleared, all goes on.
    let over = |first, second| [hit(first, second), vec![cleared(second)]].concat();
    let (database, _, announced) = found(over, 15).await;
    let (asked, waiting) = open(database.store()).await;
    assert_eq!((asked, announced, waiting.len()), (1, 1, 0));
}
