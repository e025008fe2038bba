//! Programs of others, written for Node.js, in `tests/node`.

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};

use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, BufReader, Lines},
    process::{Child, ChildStdout, Command},
    time::timeout,
};

use crate::client::Client;

const PATIENCE: Duration = Duration::from_secs(60);

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("node")
}

fn node(script: &str, settings: &Value) -> Command {
    let folder = folder();
    assert!(folder.join("node_modules").exists(), "tests/node has no packages; `./dev test` fetches them");
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--", "node", script]).arg(settings.to_string());
    command.current_dir(folder).stdin(Stdio::null()).kill_on_drop(true);
    command
}

/// Runs a script to its end; the JSON that it prints.
pub async fn run(script: &str, settings: &Value) -> Value {
    let output = timeout(PATIENCE, node(script, settings).output()).await;
    let output = output.expect("the script ends in time").expect("node can be started");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{script}: {said}\n{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_str(&said).unwrap_or_else(|error| panic!("{script}: {error}: {said}"))
}

/// An OpenID provider, gone with this value.
pub struct OpenIdProvider {
    pub issuer: String,
    _process: Child,
    _stdout: Lines<BufReader<ChildStdout>>,
}

impl OpenIdProvider {
    pub async fn start(client_id: &str, client_secret: &str, redirect_uri: &str) -> OpenIdProvider {
        let settings = json!({ "client_id": client_id, "client_secret": client_secret, "redirect_uri": redirect_uri });
        let mut process = node("provider.mjs", &settings)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("node can be started");
        let mut lines = BufReader::new(process.stdout.take().expect("it is piped")).lines();
        let listening = async {
            while let Ok(Some(line)) = lines.next_line().await {
                if line.starts_with("http://") {
                    return Some(line);
                }
            }
            None
        };
        let issuer = timeout(PATIENCE, listening).await.ok().flatten().expect("the provider listens");
        OpenIdProvider { issuer, _process: process, _stdout: lines }
    }

    /// Sends somebody's browser to an authorization URL of the provider; the address that they come back to.
    pub async fn visit(&self, authorization_url: &str, person: &Value) -> String {
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("url", authorization_url)
            .append_pair("as", &person.to_string())
            .finish();
        let address = self.issuer.trim_start_matches("http://").parse().expect("an address");
        let answer = Client::new(address).get(&format!("/visit?{query}"), None).await.expect("the provider answers");
        answer.json()["location"].as_str().unwrap_or_else(|| panic!("{}", answer.text())).to_owned()
    }
}
