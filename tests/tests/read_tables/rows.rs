use aggregates::{CardId, KycCaseId, PaymentId, UserId, payment::Payment};
use chrono::{DateTime, Duration, Utc};
use store::{Loaded, Store, new_id, tables::Span};
use tests::database::TestDatabase;

use crate::examples::{a_person, a_requested_card, grown, initiated, november};

async fn follow(store: &Store) {
    store.read_tables().apply(&store.read_after(0, 1_000).await.unwrap()).await.unwrap();
}

async fn pay(store: &Store, user: UserId, card: CardId, cents: i64) -> PaymentId {
    let payment = Loaded::<Payment>::new(PaymentId(new_id()));
    PaymentId(grown(store, &payment, vec![initiated(user, card, cents)]).await.id)
}

/// Everything before the fourth of November and after the second.
fn around_the_third() -> Span {
    Span { after: november(2), before: november(4) }
}

#[tokio::test]
async fn a_persons_transactions_come_newest_first_and_page_by_page() {
    let database = TestDatabase::new().await;
    let store = database.store();
    let (alice, bob) = (a_person(), a_person());
    let card = CardId(a_requested_card(&store).await.id);
    let mut paid = Vec::new();
    for cents in 1..=7 {
        paid.push(pay(&store, alice, card, cents).await);
        pay(&store, bob, card, 1_000).await;
    }
    follow(&store).await;
    paid.reverse();

    let (mut seen, mut before) = (Vec::new(), None);
    loop {
        let page = store.transaction_rows(alice, before, 3).await.unwrap();
        let Some(last) = page.last() else { break };
        before = Some(last.position);
        seen.extend(page.iter().map(|row| row.transaction_id));
    }
    assert_eq!(seen, paid);
}

#[tokio::test]
async fn what_a_third_party_has_not_answered_is_found_by_its_age() {
    let database = TestDatabase::new().await;
    let store = database.store();
    let card = a_requested_card(&store).await;
    let (open, settled) =
        (pay(&store, a_person(), CardId(card.id), 5).await, pay(&store, a_person(), CardId(card.id), 6).await);
    let captured = aggregates::payment::Event::Captured {
        gateway: "sandbox".into(),
        gateway_reference: "ch_1".into(),
        amount: crate::examples::usd(6),
        is_final: true,
        at: november(3),
    };
    grown(&store, &store.load::<Payment>(settled).await.unwrap(), vec![captured]).await;
    let user = a_person();
    let submitted = aggregates::kyc::Event::Submitted {
        case_id: KycCaseId(new_id()),
        applicant: aggregates::Sealed::from_ciphertext(String::new()),
        document_type: aggregates::kyc::DocumentType::Passport,
        country: "DE".into(),
        level: aggregates::kyc::Level::Basic,
        at: november(3),
    };
    grown(&store, &Loaded::<aggregates::kyc::Kyc>::new(user), vec![submitted]).await;
    follow(&store).await;

    assert_eq!(store.open_payments(around_the_third(), 10).await.unwrap(), [(open, november(3))]);
    assert_eq!(store.open_cases(around_the_third(), 10).await.unwrap(), [(user, november(3))]);
    let first = Span { after: DateTime::UNIX_EPOCH, before: november(2) };
    assert_eq!(store.open_cards(first, 10).await.unwrap(), [(CardId(card.id), november(1))]);
    let later = Span { after: november(3), before: Utc::now() + Duration::days(3650) };
    assert_eq!(store.open_payments(later, 10).await.unwrap(), []);
}
