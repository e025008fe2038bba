//! What the protocol relies on, asked of the server itself. Holds for 2.9.10 and 2.15.1.

use async_nats::{
    Client, HeaderMap,
    jetstream::{self, stream},
};

use crate::server::Server;

async fn stream(server: &Server) -> (Client, stream::Stream) {
    let client = async_nats::connect(server.url()).await.unwrap();
    let config = stream::Config { name: "FACTS".into(), subjects: vec!["facts.>".into()], ..Default::default() };
    let stream = jetstream::new(client.clone()).create_stream(config).await.unwrap();
    (client, stream)
}

fn headers(id: Option<&str>, expected: u64) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("Nats-Expected-Last-Sequence", expected.to_string());
    if let Some(id) = id {
        headers.insert("Nats-Msg-Id", id);
    }
    headers
}

/// The server's answer to one message.
async fn ask(client: &Client, headers: HeaderMap) -> serde_json::Value {
    let answer = client.request_with_headers("facts.a", headers, "x".into()).await.unwrap();
    serde_json::from_slice(&answer.payload).unwrap()
}

#[tokio::test]
async fn one_answer_proves_a_chain_of_silent_messages() {
    let server = Server::start();
    let (client, stream) = stream(&server).await;
    for expected in 0..9 {
        client.publish_with_headers("facts.a", headers(None, expected), "x".into()).await.unwrap();
    }
    assert_eq!(ask(&client, headers(None, 9)).await["seq"], 10);
    assert_eq!(stream.get_info().await.unwrap().state.messages, 10);
}

#[tokio::test]
async fn a_refused_silent_message_breaks_the_chain_for_all_after_it() {
    let server = Server::start();
    let (client, stream) = stream(&server).await;
    assert_eq!(ask(&client, headers(None, 0)).await["seq"], 1);
    for expected in [0, 2, 3] {
        client.publish_with_headers("facts.a", headers(None, expected), "x".into()).await.unwrap();
    }
    assert_eq!(ask(&client, headers(None, 4)).await["error"]["err_code"], 10071);
    assert_eq!(stream.get_info().await.unwrap().state.messages, 1);
}

#[tokio::test]
async fn an_expected_sequence_of_zero_means_an_empty_stream() {
    let server = Server::start();
    let (client, _stream) = stream(&server).await;
    assert_eq!(ask(&client, headers(None, 0)).await["seq"], 1);
    assert_eq!(ask(&client, headers(None, 0)).await["error"]["err_code"], 10071);
}

/// Why our messages carry no `Nats-Msg-Id`.
#[tokio::test]
async fn deduplication_swallows_the_second_publication_of_a_deleted_message() {
    let server = Server::start();
    let (client, stream) = stream(&server).await;
    assert_eq!(ask(&client, headers(Some("a"), 0)).await["seq"], 1);
    assert_eq!(ask(&client, headers(Some("b"), 1)).await["seq"], 2);
    stream.delete_message(2).await.unwrap();
    let state = stream.get_info().await.unwrap().state;
    assert_eq!((state.messages, state.last_sequence), (1, 2), "the sequence stays issued");

    let again = ask(&client, headers(Some("b"), 2)).await;
    assert_eq!(again["duplicate"], true, "{again}");
    assert_eq!(stream.get_info().await.unwrap().state.messages, 1, "and nothing was stored");

    assert_eq!(ask(&client, headers(None, 2)).await["seq"], 3, "without an id it is");
}
