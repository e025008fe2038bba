//! What we publish keeps to the contracts that we publish: event schemas, CloudEvents, OpenAPI documents.

use std::{collections::BTreeSet, fs, path::PathBuf};

use async_nats::jetstream::{self, consumer::pull::OrderedConfig};
use futures::StreamExt;
use jsonschema::Validator;
use proptest::{
    strategy::{Strategy, ValueTree},
    test_runner::TestRunner,
};
use serde_json::Value;
use tests::system::TestSystem;

use crate::histories::{History, steps};

fn published(path: &str) -> Value {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../schemas").join(path);
    let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    serde_json::from_str(&text).unwrap()
}

fn schema(name: &str) -> Validator {
    jsonschema::validator_for(&published(&format!("events/{name}.json"))).unwrap()
}

/// Invariant 8: whoever reads the log by the published schemas can read every event in it.
#[test]
fn every_event_that_can_come_about_is_as_its_schema_says() {
    let mut runner = TestRunner::deterministic();
    let mut names = BTreeSet::new();
    for _ in 0..3 {
        let history = History::of(&steps(400).new_tree(&mut runner).unwrap().current());
        for event in history.events {
            let name = format!("{}.{}.v{}", event.kind, event.name, event.version);
            let message: Value = serde_json::from_slice(&event.to_cloud_event()).unwrap();
            let errors: Vec<_> = schema(&name).iter_errors(&message).map(|error| error.to_string()).collect();
            assert_eq!(errors, [""; 0], "{message}");
            names.insert(name);
        }
    }
    assert!(names.len() > 14, "{names:?} are not all events");
}

/// CloudEvents 1.0: what any consumer of the bus relies on.
#[tokio::test]
async fn every_message_on_the_bus_is_a_cloud_event_with_a_published_schema() {
    let system = TestSystem::start().await;
    let holder = system.a_cardholder(100).await;
    let mut client = system.client();
    for merchant in ["shop.example", "declined.example"] {
        client.post_prepared(&holder.payment("10.00", merchant), None).await.unwrap();
    }
    let head = system.store().head().await.unwrap();

    let addresses = system.addresses();
    let connection = async_nats::connect(&addresses.nats_url).await.unwrap();
    let stream = format!("{}_EVENTS", addresses.namespace.to_uppercase());
    let stream = jetstream::new(connection).get_stream(stream).await.unwrap();
    let messages = stream.create_consumer(OrderedConfig::default()).await.unwrap().messages().await.unwrap();
    let mut messages = messages.take(usize::try_from(head).unwrap());
    let mut expected = 0;
    while let Some(message) = messages.next().await {
        let message = message.unwrap();
        let event: Value = serde_json::from_slice(&message.payload).unwrap();
        let attribute = |name: &str| event[name].as_str().unwrap_or_else(|| panic!("no `{name}` in {event}"));
        expected += 1;
        assert_eq!((attribute("specversion"), attribute("source")), ("1.0", "/virtual-cards"));
        assert_eq!(attribute("datacontenttype"), "application/json");
        assert_eq!(attribute("position"), expected.to_string(), "in the order of the log");
        assert!(attribute("time").parse::<chrono::DateTime<chrono::Utc>>().is_ok());
        let header = message.headers.as_ref().and_then(|headers| headers.get("VC-Position"));
        assert_eq!(header.map(|position| position.as_str()), Some(attribute("position")));
        let name = attribute("type").strip_prefix("virtualcards.").unwrap();
        assert_eq!(attribute("dataschema"), format!("/schemas/events/{name}.json"));
        assert!(schema(name).is_valid(&event), "{event}");
        let subject = name.rsplit_once('.').unwrap().0;
        assert_eq!(message.subject.as_str(), format!("{}.events.{subject}", addresses.namespace));
    }
    assert_eq!(expected, head);
}

#[tokio::test]
async fn the_documents_that_the_api_serves_are_the_published_ones() {
    let system = TestSystem::start().await;
    let mut client = system.client();
    for version in ["v1", "v2"] {
        let served = client.get(&format!("/api/{version}/openapi.json"), None).await.unwrap();
        assert_eq!(served.status, 200);
        assert_eq!(served.json(), published(&format!("openapi.{version}.json")), "{version}");
        let page = client.get(&format!("/api/{version}/docs"), None).await.unwrap();
        assert!(page.status == 200 && page.contains("<html"), "{version}: {}", page.text());
    }
}
