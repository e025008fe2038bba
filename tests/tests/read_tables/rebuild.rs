use futures::TryStreamExt;
use store::{Error, Store, tables::ReadTables};
use tests::database::TestDatabase;

use super::contents;
use crate::examples::{a_new_card, a_person, held, requested, unit};

/// Reads the log to its end into a set of tables beside the live ones.
async fn rebuild(store: &Store) -> ReadTables {
    let tables = store.rebuild_read_tables().await.unwrap();
    read_up(store, &tables).await;
    tables
}

async fn read_up(store: &Store, tables: &ReadTables) {
    let mut pages = Box::pin(store.replay(tables.position().await.unwrap()));
    while let Some(page) = pages.try_next().await.unwrap() {
        tables.apply(&page).await.unwrap();
    }
}

async fn append_some(store: &Store) {
    for i in 1..30 {
        store.append(unit().stream(&a_new_card(), vec![requested(), held(i)])).await.unwrap();
    }
}

#[tokio::test]
async fn tables_that_were_rebuilt_equal_those_that_followed() {
    let database = TestDatabase::new().await;
    let store = database.store();
    append_some(&store).await;
    read_up(&store, &store.read_tables()).await;
    let live = contents(&database).await;
    rebuild(&store).await.go_live().await.unwrap();
    assert_eq!(contents(&database).await, live);
}

#[tokio::test]
async fn a_rebuild_does_not_show_before_it_goes_live() {
    let database = TestDatabase::new().await;
    let store = database.store();
    append_some(&store).await;
    read_up(&store, &store.read_tables()).await;
    let live = contents(&database).await;
    append_some(&store).await;
    let rebuilt = rebuild(&store).await;
    assert_eq!(contents(&database).await, live);
    rebuilt.go_live().await.unwrap();
    assert_eq!(store.read_tables().position().await.unwrap(), store.head().await.unwrap());
}

#[tokio::test]
async fn a_rebuild_that_was_not_finished_is_thrown_away_by_the_next() {
    let database = TestDatabase::new().await;
    let store = database.store();
    append_some(&store).await;
    drop(rebuild(&store).await);
    append_some(&store).await;
    rebuild(&store).await.go_live().await.unwrap();
    read_up(&store, &store.read_tables()).await;
    let followed = contents(&database).await;
    rebuild(&store).await.go_live().await.unwrap();
    assert_eq!(contents(&database).await, followed);
}

/// Readers never step back to what they have read past already.
#[tokio::test]
async fn a_rebuild_that_the_live_tables_have_overtaken_has_to_catch_up_first() {
    let database = TestDatabase::new().await;
    let store = database.store();
    append_some(&store).await;
    let rebuilt = rebuild(&store).await;
    append_some(&store).await;
    read_up(&store, &store.read_tables()).await;
    let live = contents(&database).await;
    let outcome = rebuilt.go_live().await;
    assert!(matches!(outcome, Err(Error::RebuildBehind { .. })), "{outcome:?}");
    assert_eq!(contents(&database).await, live);

    read_up(&store, &rebuilt).await;
    rebuilt.go_live().await.unwrap();
    assert_eq!(contents(&database).await, live);
}

/// The switch happens in the middle of work: nobody is refused, nothing is lost or applied twice.
#[tokio::test(flavor = "multi_thread")]
async fn a_rebuild_goes_live_while_others_write_and_read() {
    let database = TestDatabase::new().await;
    let store = database.store();
    append_some(&store).await;
    let busy: Vec<_> = (0..3).map(|_| tokio::spawn(write_and_read(database.store(), store.clone()))).collect();
    for _ in 0..5 {
        let rebuilt = rebuild(&store).await;
        while let Err(Error::RebuildBehind { .. }) = rebuilt.go_live().await {
            read_up(&store, &rebuilt).await;
        }
    }
    for worker in busy {
        worker.await.unwrap();
    }

    read_up(&store, &store.read_tables()).await;
    let switched = contents(&database).await;
    rebuild(&store).await.go_live().await.unwrap();
    assert_eq!(contents(&database).await, switched);
}

async fn write_and_read(reader: Store, writer: Store) {
    for i in 0..40 {
        let card = a_new_card();
        writer.append(unit().stream(&card, vec![requested(), held(i + 1)])).await.unwrap();
        let tables = reader.read_tables();
        let events = reader.read_after(tables.position().await.unwrap(), 50).await.unwrap();
        match tables.apply(&events).await {
            // Another one has been faster.
            Ok(_) | Err(Error::Gap { .. }) => {}
            Err(error) => panic!("{error}"),
        }
        reader.card_row(a_person(), card.id.into()).await.unwrap();
    }
}
