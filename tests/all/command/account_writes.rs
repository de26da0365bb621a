//! Many commands that write `accounts.toml` at once, and commands that are killed while they write it.

use std::collections::BTreeMap;
use std::hash::{BuildHasher as _, RandomState};
use std::process::Child;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::support::{CommandLine, Ran};

/// Returns the accounts by name.
fn accounts(line: &CommandLine) -> BTreeMap<String, Value> {
    let listed = line.run(&["accounts", "list", "--json"]).expect(0).json();
    let accounts = listed["accounts"].as_array().expect("a list").iter();
    accounts.map(|one| (one["name"].as_str().expect("a name").to_owned(), one.clone())).collect()
}

/// Writes accounts with these names, each with a comment.
fn with_accounts(names: impl Iterator<Item = String>) -> CommandLine {
    let line = CommandLine::new();
    let tables =
        names.map(|name| format!("# of {name}\n[accounts.{name}]\nhost = \"mail.example\"\n\n"));
    line.write_accounts(&tables.collect::<String>());
    line
}

#[test]
fn sixteen_processes_that_write_at_once_lose_nothing() {
    let name = |what: &str, number: usize| format!("{what}{number}");
    let old = ["edited", "renamed", "removed"].iter();
    let line =
        with_accounts(old.flat_map(|what| (0..4).map(move |number| format!("{what}{number}"))));
    let mut commands = Vec::new();
    for number in 0..4 {
        let [added, edited, renamed, removed] =
            ["added", "edited", "renamed", "removed"].map(|what| name(what, number));
        let (port, new) = ((1000 + number).to_string(), name("new", number));
        for words in [
            &["accounts", "add", &added, "--host", "mail.example"][..],
            &["accounts", "edit", &edited, "--port", &port],
            &["accounts", "rename", &renamed, &new],
            &["accounts", "remove", &removed, "--force"],
        ] {
            commands.push(line.command(words));
        }
    }
    // All of them run before the first is waited for.
    let started = commands.iter_mut().map(|command| command.spawn().expect("it starts"));
    for child in started.collect::<Vec<_>>() {
        Ran::of(&child.wait_with_output().expect("it ends")).expect(0);
    }
    let after = accounts(&line);
    let expected: BTreeMap<_, u16> = (0..4)
        .flat_map(|number| {
            let port = 1000 + u16::try_from(number).expect("it is small");
            [
                (name("added", number), 587),
                (name("edited", number), port),
                (name("new", number), 587),
            ]
        })
        .collect();
    let found: BTreeMap<_, _> =
        after.iter().map(|(name, one)| (name.clone(), one["port"].as_u64())).collect();
    let expected: BTreeMap<_, _> =
        expected.into_iter().map(|(name, port)| (name, Some(u64::from(port)))).collect();
    assert_eq!(found, expected);
    let text = std::fs::read_to_string(line.home().join("accounts.toml")).expect("it is there");
    assert!((0..4).all(|number| text.contains(&format!("# of edited{number}\n"))), "{text}");
}

/// A change that may be in the file, and one that must be.
#[derive(Default)]
struct Changes {
    acknowledged: Vec<String>,
    killed: usize,
}

/// Kills the command after a while. Returns whether it had ended with success before.
fn kill(mut child: Child, after: Duration) -> bool {
    let until = Instant::now() + after;
    while Instant::now() < until {
        if child.try_wait().expect("it runs").is_some() {
            break;
        }
        std::thread::sleep(Duration::from_micros(200));
    }
    // The process may have ended.
    let _ = child.kill();
    let ran = child.wait_with_output().expect("it ends");
    match ran.status.code() {
        Some(_) => Ran::of(&ran).expect(0).code == 0,
        None => false,
    }
}

/// Kills commands at random moments until `kills` of them have died.
fn survive(kills: usize) {
    let line = with_accounts(["edited".to_owned()].into_iter());
    let words = |number: usize| {
        let account = format!("a{number}");
        let login = ["--host", "mail.example", "--username", &account, "--password-stdin"];
        let words = [&["accounts", "add", &account][..], &login].concat();
        (words.into_iter().map(str::to_owned).collect::<Vec<_>>(), account)
    };
    let start = |number: usize| {
        let (words, account) = words(number);
        let mut command = line.command(&words.iter().map(String::as_str).collect::<Vec<_>>());
        // A file needs no thread that writes to a pipe.
        std::fs::write(line.home().join("input"), "s3cr3t\n").expect("it is written");
        command.stdin(std::fs::File::open(line.home().join("input")).expect("it is there"));
        (command.spawn().expect("it starts"), account)
    };
    let began = Instant::now();
    let (child, first) = start(0);
    assert!(kill(child, Duration::from_secs(60)), "the first one is not killed");
    let usual = began.elapsed();
    let mut changes = Changes { acknowledged: vec![first], killed: 0 };
    let random = RandomState::new();
    for number in 1.. {
        if changes.killed == kills {
            break;
        }
        assert!(number < 20 * kills + 100, "{} of {number} commands died", changes.killed);
        let share = random.hash_one(number) % 1000;
        let after = usual.mul_f64(f64::from(u32::try_from(share).expect("below 1000")) / 900.0);
        let (child, account) = start(number);
        match kill(child, after) {
            true => changes.acknowledged.push(account),
            false => changes.killed += 1,
        }
        let found = accounts(&line);
        for account in &changes.acknowledged {
            assert_eq!(found[account]["username"], **account, "after {after:?}");
            assert!(found[account]["error"].is_null(), "{account}");
        }
        assert!(found.values().all(|one| one["error"].is_null()), "each account is whole");
        assert!(found.contains_key("edited"));
    }
    // A change that ends removes what killed ones left: these files have passwords.
    line.run(&["accounts", "edit", "edited", "--port", "25"]).expect(0);
    let names = std::fs::read_dir(line.home()).expect("it is there").flatten();
    let mut names: Vec<_> = names.map(|entry| entry.file_name()).collect();
    names.sort();
    assert_eq!(names, [".accounts.toml.lock", "accounts.toml", "input"]);
}

#[test]
fn a_killed_command_leaves_a_whole_file_with_every_acknowledged_change() {
    survive(10);
}

#[test]
#[ignore = "takes ten seconds; .ci/run does it"]
fn two_hundred_killed_commands_leave_a_whole_file() {
    survive(200);
}
