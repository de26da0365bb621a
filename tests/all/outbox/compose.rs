//! The file for Docker Compose: its commands run here, with the tests' PostgreSQL in place of the containers.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use yaml_rust2::{Yaml, YamlLoader};

use super::PATIENCE;
use super::cluster::Cluster;
use crate::support::{CommandLine, USER_CACHE, write_private};

const FILE: &str = include_str!("../../../docs/outbox-compose.yaml");

/// Returns the words of a list, as a container gets them.
fn words(list: &Yaml) -> Vec<String> {
    let words = list.as_vec().unwrap_or_else(|| panic!("a list: {list:?}"));
    words.iter().map(|word| word.as_str().expect("a text").replace("$$", "$")).collect()
}

/// A folder in place of those of a container.
struct Container<'c> {
    line: &'c CommandLine,
    port: String,
    metrics: String,
}

impl Container<'_> {
    /// Returns a command of a service, with the paths and addresses of this machine.
    fn command(&self, service: &Yaml, words: &[String]) -> Command {
        let here = |text: &str| {
            text.replace("/run/secrets", self.line.home().join("secrets").to_str().expect("UTF-8"))
                .replace("/etc/smtp-connector", self.line.home().to_str().expect("UTF-8"))
                .replace("@postgres:5432", &format!("@127.0.0.1:{}", self.port))
                .replace("127.0.0.1:9465", &format!("127.0.0.1:{}", self.metrics))
                .replace("127.0.0.1/9465", &format!("127.0.0.1/{}", self.metrics))
        };
        let path = format!(
            "{}:{}",
            self.line.home().join("bin").display(),
            std::env::var("PATH").unwrap_or_default()
        );
        let mut command = Command::new(&words[0]);
        command.args(words[1..].iter().map(|word| here(word))).env_clear().env("PATH", path);
        if let Some(variables) = service["environment"].as_hash() {
            for (name, value) in variables {
                let (name, value) =
                    (name.as_str().expect("a name"), value.as_str().expect("a text"));
                command.env(name, here(value));
            }
        }
        command.env("XDG_CACHE_HOME", USER_CACHE).stdin(Stdio::null()).stdout(Stdio::null());
        command
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_services_of_the_compose_file_work() {
    let file = YamlLoader::load_from_str(FILE).expect("it is YAML").remove(0);
    let services = &file["services"];
    every_name_is_declared(&file);
    // A cluster for this test: roles belong to all databases of a server.
    let Some(cluster) = Cluster::start() else { return };
    cluster.database("outbox").await;
    let roles =
        "CREATE ROLE owner LOGIN PASSWORD 'o' CREATEROLE; ALTER DATABASE outbox OWNER TO owner";
    cluster.client("outbox").await.batch_execute(roles).await.expect("as the image makes it");
    let line = CommandLine::with_server(25);
    prepare(line.home());
    let port = cluster.url("").rsplit(':').next().expect("a port").trim_end_matches('/').to_owned();
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let metrics = free.local_addr().expect("an address").port().to_string();
    drop(free);
    let container = Container { line: &line, port: port.clone(), metrics };

    let script = file["configs"]["roles"]["content"].as_str().expect("a text");
    let script = [String::from("sh"), "-c".to_owned(), script.replace("$$", "$")];
    let mut made = container.command(&services["postgres"], &script);
    made.env("PGHOST", "127.0.0.1").env("PGPORT", &port);
    assert!(made.status().expect("sh runs").success());
    let migrate = &services["migrate"];
    let mut migrated = container.command(migrate, &words(&migrate["command"]));
    assert!(migrated.status().expect("sh runs").success());

    let worker = &services["worker"];
    let mut process =
        container.command(worker, &words(&worker["command"])).spawn().expect("sh runs");
    let test = words(&worker["healthcheck"]["test"]);
    assert_eq!(test[0], "CMD");
    let is_healthy = || {
        let mut check = container.command(worker, &test[1..]);
        check.stderr(Stdio::null()).status().expect("bash runs").success()
    };
    let begun = Instant::now();
    while !is_healthy() {
        assert!(begun.elapsed() < PATIENCE, "it is ready");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    process.kill().expect("it runs");
    process.wait().expect("it has ended");
    assert!(!is_healthy(), "a worker that is gone is not healthy");
}

/// Writes the files that the compose file names.
fn prepare(home: &Path) {
    fs::create_dir_all(home.join("secrets")).expect("a folder");
    for name in ["owner-password", "worker-password", "mail-password"] {
        write_private(&home.join("secrets").join(name), "a'\"b c$\n");
    }
    fs::create_dir(home.join("bin")).expect("a folder");
    let command = env!("CARGO_BIN_EXE_smtp-connector-under-test");
    std::os::unix::fs::symlink(command, home.join("bin/smtp-connector")).expect("a link");
}

/// Each secret, volume and network that a service uses is declared below.
fn every_name_is_declared(file: &Yaml) {
    let services = file["services"].as_hash().expect("services");
    let names: Vec<_> = services.keys().filter_map(Yaml::as_str).collect();
    assert_eq!(names, ["postgres", "migrate", "worker"]);
    for (name, service) in services {
        for kind in ["secrets", "networks"] {
            for one in service[kind].as_vec().unwrap_or_else(|| panic!("{kind} of {name:?}")) {
                assert!(file[kind].as_hash().expect("a table").contains_key(one), "{one:?}");
            }
        }
    }
    assert_eq!(file["services"]["worker"]["deploy"]["replicas"].as_i64(), Some(2));
}
