//! What api and worker have in memory is nobody else's, and goes into no core dump.

use std::{fs, process::Stdio};

use tests::{
    processes::{Process, Role, WITHOUT_PRIVILEGES, is_privileged},
    system::TestSystem,
};
use tokio::process::Command;

/// Whether another process of the same user, with the same rights, may open a file of this one in /proc.
async fn is_open(process: &Process, file: &str) -> bool {
    let mut command = Command::new("setpriv");
    if is_privileged() {
        command.args(WITHOUT_PRIVILEGES);
    }
    let path = format!("/proc/{}/{file}", process.pid().unwrap());
    command.args(["--", "head", "-c", "1", &path]).env("LC_ALL", "C");
    let read = command.stdin(Stdio::null()).output().await.unwrap();
    // Nothing is mapped at the beginning of a memory that may be opened.
    read.status.success() || String::from_utf8_lossy(&read.stderr).contains("Input/output error")
}

fn core_limit(process: &Process) -> Vec<String> {
    let limits = fs::read_to_string(format!("/proc/{}/limits", process.pid().unwrap())).unwrap();
    let line = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
    line.split_whitespace().skip(4).take(2).map(str::to_owned).collect()
}

#[tokio::test]
async fn the_memory_of_api_and_worker_is_closed_and_no_core_is_dumped() {
    let system = TestSystem::start().await;
    let environment = system.environment.clone().unprivileged();
    let environment = environment.set("VC_PROVIDERS_URL", &system.processes.sandbox.url());
    for role in [Role::Api, Role::Worker] {
        let process = environment.start(role).await.unwrap();
        assert_eq!(core_limit(&process), ["0", "0"], "{}", role.as_str());
        for file in ["mem", "environ", "maps"] {
            assert!(!is_open(&process, file).await, "{file} of the {} is open", role.as_str());
        }
    }
    // Else all this would prove nothing.
    let to_debug = environment.set("VC_MEMORY_GUARD", "false").start(Role::Api).await.unwrap();
    for file in ["mem", "environ", "maps"] {
        assert!(is_open(&to_debug, file).await, "{file}");
    }
}

/// A command's memory has the keys as well: it is closed before the first one is asked for.
#[tokio::test]
async fn the_memory_of_a_command_is_closed_before_its_keys_are_loaded() {
    let system = TestSystem::start().await;
    let directory = tempfile::tempdir().unwrap();
    let config = directory.path().join("config.toml");
    let key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    let script = format!("head -c 1 /proc/$PPID/environ >/dev/null 2>&1 && exit 7; echo {key}");
    fs::write(&config, format!("[keys.kek.2]\ncommand = [\"sh\", \"-c\", \"{script}\"]\n")).unwrap();
    for entry in fs::read_dir(tests::database::keys_dir()).unwrap().flatten().filter(|entry| entry.path().is_file()) {
        fs::copy(entry.path(), directory.path().join(entry.file_name())).unwrap();
    }
    fs::write(directory.path().join("kek-current"), "1").unwrap();
    let environment = system.environment.clone().unprivileged().set("VC_CONFIG", config.to_str().unwrap());
    let environment = environment.set("VC_KEYS_DIR", directory.path().to_str().unwrap());
    environment.run(&["keys", "status"]).await.unwrap_or_else(|failure| panic!("{failure}"));
    // Else this would prove nothing.
    let Err(open) = environment.set("VC_MEMORY_GUARD", "false").run(&["keys", "status"]).await else {
        panic!("it cannot be read where it is open either")
    };
    assert!(open.0.contains("exit status: 7"), "{open}");
}
