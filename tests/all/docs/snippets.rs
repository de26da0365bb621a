//! Runs every command of the docs, and reads every snippet.
//!
//! Rust snippets are doc tests of the library. A block marked `sh no-run` needs tools or servers that a test machine does
//! not have.

use std::fmt::Write as _;
use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;
use smtp_connector_host::Connector;

use super::{PAGES, blocks};
use crate::support::{CommandLine, USER_CACHE, write_private};

/// Lines that `.ci/run` runs itself, with the builds that they need.
const BY_CI: &[&str] =
    &["cargo run --release -- demo", "cargo test --workspace", "cargo install --path cli"];

#[test]
fn every_command_of_the_docs_runs() {
    let mut number = 0;
    for (name, page) in PAGES {
        let lines: Vec<_> = blocks(page)
            .into_iter()
            .filter(|block| block.kind == "sh")
            .flat_map(|block| block.text.lines())
            .filter(|line| !BY_CI.contains(line))
            .collect();
        number += lines.len();
        if !lines.is_empty() {
            run(name, page, &lines);
        }
    }
    assert!(number > 25, "{number} commands");
}

/// Runs a page's commands in one shell, in a folder with the files that they name, against an inbox of this machine.
fn run(name: &str, page: &str, lines: &[&str]) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    prepare(folder.path(), page);
    let port = free_port().to_string();
    let mut script = String::from(
        "set -e\ntrap 'kill $(jobs -p) 2>/dev/null' EXIT\nexport MAIL_PASSWORD=secret\n",
    );
    script += &listening(&port);
    for line in lines {
        let line = line.replace("--port 1025", &format!("--port {port} --security none"));
        // The inbox of this script is open already.
        if line == "smtp-connector inbox" {
            continue;
        }
        let asks = line.contains("accounts add") && line.contains("--username");
        let asks = asks && !line.contains("--password");
        let password = if asks { " --password-env MAIL_PASSWORD" } else { "" };
        writeln!(script, "echo '$ {}'\n{line}{password}", line.replace('\'', ""))
            .expect("text grows");
        if line.contains("--provider gmail") {
            // From here on, the account sends to this machine instead of Gmail.
            writeln!(
                script,
                "smtp-connector accounts add work --replace --host localhost --port {port} --security none --from you@gmail.com"
            )
            .expect("text grows");
        }
    }
    let ran = shell(folder.path(), &script);
    assert!(ran.0, "{name}:\n{}", ran.1);
}

/// Starts an inbox, and waits until it listens.
fn listening(port: &str) -> String {
    format!(
        "smtp-connector inbox --smtp 127.0.0.1:{port} >/dev/null 2>&1 &\n\
         for _ in $(seq 200); do (: </dev/tcp/127.0.0.1/{port}) 2>/dev/null && break; sleep 0.05; done\n"
    )
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port on loopback is free");
    listener.local_addr().expect("it is bound").port()
}

/// Writes the files that the docs' commands name.
fn prepare(folder: &Path, page: &str) {
    let bin = folder.join("bin");
    fs::create_dir(&bin).expect("a folder can be made");
    symlink(env!("CARGO_BIN_EXE_smtp-connector-under-test"), bin.join("smtp-connector"))
        .expect("a link");
    let input =
        r#"{"from": "a@example.com", "to": "bob@example.com", "subject": "Hi", "body": "Hi"}"#;
    let of_kind = |kind: &str| {
        blocks(page).into_iter().find(|block| block.kind == kind).map(|block| block.text)
    };
    fs::write(folder.join("mail.json"), of_kind("json input").unwrap_or(input))
        .expect("it is written");
    fs::write(folder.join("order.json"), of_kind("json keywords").unwrap_or("{}"))
        .expect("it is written");
    fs::write(folder.join("report.pdf"), "%PDF-1.4\n").expect("it is written");
    fs::write(folder.join("page.html"), "<p>News</p>").expect("it is written");
    fs::write(folder.join("smtp-connector.wasm"), Connector::builtin_bytes())
        .expect("it is written");
    write_private(&folder.join("mail-password"), "secret\n");
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).expect("it is ours");
}

/// Whether a script succeeded, and all that it said.
fn shell(folder: &Path, script: &str) -> (bool, String) {
    let path = std::env::var("PATH").unwrap_or_default();
    let output = Command::new("bash")
        .args(["-c", script])
        .env_clear()
        .env("PATH", format!("{}:{path}", folder.join("bin").display()))
        .env("HOME", folder)
        .env("XDG_CACHE_HOME", USER_CACHE)
        .current_dir(folder)
        .stdin(Stdio::null())
        .output()
        .expect("bash runs");
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    (output.status.success(), said.into_owned())
}

#[test]
fn every_file_of_accounts_in_the_docs_is_right() {
    let mut number = 0;
    for (name, page) in PAGES {
        for block in blocks(page).iter().filter(|block| block.text.contains("[accounts.")) {
            assert_eq!(block.kind, "toml", "{name}");
            let line = CommandLine::new();
            line.write_accounts(block.text);
            let list = line.run(&["accounts", "list", "--json"]).expect(0).json();
            for account in list["accounts"].as_array().expect("a list") {
                assert_eq!(account["error"], Value::Null, "{name}");
            }
            number += 1;
        }
    }
    assert!(number >= 2, "{number} files");
}

#[test]
fn every_json_of_the_docs_is_what_it_is_said_to_be() {
    let mut inputs = 0;
    for (name, page) in PAGES {
        let blocks = blocks(page);
        let keywords = blocks.iter().find(|block| block.kind == "json keywords");
        for block in blocks.iter().filter(|block| block.kind.starts_with("json")) {
            serde_json::from_str::<Value>(block.text)
                .unwrap_or_else(|error| panic!("{name}: {error}"));
            if block.kind == "json input" {
                let line = CommandLine::with_server(25);
                fs::write(line.home().join("in.json"), block.text).expect("it is written");
                let words = keywords.map_or("{}", |block| block.text);
                fs::write(line.home().join("words.json"), words).expect("it is written");
                line.run(&["validate", "--input", "in.json", "--keywords", "words.json"]).expect(0);
                inputs += 1;
            }
        }
    }
    assert!(inputs >= 2, "{inputs} inputs");
}

#[test]
fn the_picture_of_the_demo_is_its_output() {
    let without_figures = |text: &str| -> String {
        text.chars().filter(|c| !c.is_ascii_digit() && !c.is_whitespace()).collect()
    };
    let picture = include_str!("../../../docs/demo.svg");
    let picture = picture.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    let picture = without_figures(&picture);
    let ran = CommandLine::new().run(&["demo"]).expect(0);
    let changing = ["Date:", "Message-ID:", " ms  "];
    for line in ran.out.lines().filter(|line| !changing.iter().any(|part| line.contains(part))) {
        assert!(picture.contains(&without_figures(line)), "run docs/demo-svg: {line:?} is missing");
    }
}
