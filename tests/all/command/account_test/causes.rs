//! Every row of the table of causes, as the user of `accounts test` reads it.

use std::fmt::Write as _;
use std::fs;

use smtp_connector_host::Phase;
use smtp_connector_host::accounts::AccountsFile;

use crate::replies::{Play, filled, plays};
use crate::support::{Authority, CommandLine, Ran};

/// Runs the test of a play's account. A row of a later phase needs a mail.
fn ran(line: &CommandLine, play: &Play) -> Ran {
    let is_early =
        matches!(play.phase, Phase::Greeting | Phase::Ehlo | Phase::Starttls | Phase::Auth);
    let send: &[&str] = if is_early { &[] } else { &["--send-to", "b@example.net"] };
    line.run(&[&["accounts", "test", play.account.name()], send].concat())
}

/// Returns what is wrong with the report of a play.
fn complaints(play: &Play, ran: &Ran) -> Vec<String> {
    let what = format!("{}, {} {:?}", play.cause.name, play.phase, play.said);
    let hint = format!("  hint: {}\n", filled(play.cause, &play.account));
    // A lack is not said by the server.
    let code = play.said.split(['-', ' ']).next().filter(|_| play.cause.lack.is_none());
    let commands = ran.err.matches("\n  run: ").count();
    let checks = [
        ("it does not fail", ran.code != 0),
        ("no step fails", ran.out.lines().any(|line| line.starts_with("failed "))),
        ("its hint is missing", ran.err.contains(&hint)),
        ("the reply is missing", code.is_none_or(|code| ran.err.contains(code))),
        ("it does not suggest one command", commands == 1),
        ("it has a secret", !ran.err.contains("-of-tests") && !ran.out.contains("-of-tests")),
    ];
    let failed = checks.into_iter().filter(|(_, is_right)| !is_right);
    failed.map(|(why, _)| format!("{what}: {why}: {}{}", ran.out, ran.err)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn every_row_of_the_table_has_its_sentence_and_one_command() {
    let authority = Authority::new();
    let plays = plays(&authority).await;
    let line = CommandLine::new();
    let accounts = AccountsFile::new(line.home().join("accounts.toml"));
    let mut tls = String::new();
    for play in &plays {
        accounts.put(&play.account).expect("it is written");
        if play.account.server().tls().ca.is_some() {
            let (name, ca) = (play.account.name(), authority.file());
            writeln!(tls, "\n[accounts.{name}.tls]\nca = \"{}\"", ca.display())
                .expect("text grows");
        }
    }
    let text = fs::read_to_string(accounts.path()).expect("it is there");
    line.write_accounts(&(text + &tls));
    let (line, plays) = (&line, &plays);
    let wrong = tokio::task::block_in_place(|| {
        std::thread::scope(|scope| {
            let shares = plays.chunks(plays.len().div_ceil(4));
            let running: Vec<_> = shares
                .map(|share| {
                    scope.spawn(move || {
                        let wrong = share.iter().map(|play| complaints(play, &ran(line, play)));
                        wrong.collect::<Vec<_>>().concat()
                    })
                })
                .collect();
            let wrong = running.into_iter().map(|one| one.join().expect("no thread panics"));
            wrong.collect::<Vec<_>>().concat()
        })
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(plays.len() > 100, "{}", plays.len());
}
