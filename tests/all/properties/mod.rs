//! Mails of every kind, generated, and read back by parsers that are not ours: whatever goes in, all of
//! them find the same tree, the same bytes and the same headers.

mod mail;
mod reader;
mod reading;

use proptest::test_runner::{Config, TestCaseError, TestRunner};
use serde_json::{Value, json};
use smtp_connector_host::{Connector, Invocation};
use tokio::runtime::Runtime;

use crate::support::host_builder;
use reader::Reader;
use reading::{Reading, read};

/// Mails in a run. More by hand: `PROPTEST_CASES=1000000`.
const MAILS: u32 = 10_000;

#[test]
fn every_reader_finds_what_went_in() {
    let runtime = Runtime::new().expect("threads can be started");
    let host = host_builder([]).build().expect("the sandbox runs on this machine");
    let connector = Connector::builtin(&host).expect("the built-in component is one");
    let readers = Reader::all();
    let config = Config {
        cases: Config::default().cases.max(MAILS),
        failure_persistence: None,
        ..Config::default()
    };
    let outcome = TestRunner::new(config).run(&mail::mails(), |mail| {
        let message = runtime.block_on(assemble(&connector, &mail.input()));
        check_form(&message)?;
        let expected = mail.expected().without_last_line_ends();
        agrees("mail-parser", read(message.as_bytes()), &expected, &message)?;
        for reader in &readers {
            if let Some(found) = reader.read(message.as_bytes()) {
                agrees(reader.name, found, &expected, &message)?;
            }
        }
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("{failure}");
    }
}

/// The message that a mail becomes, in the sandbox.
async fn assemble(connector: &Connector, input: &Value) -> String {
    let mail = Invocation::send_mail(input.to_string()).dry_run();
    let outcome = connector.invoke(mail).await.unwrap_or_else(|error| {
        panic!("{input} is right, and gives {}", error.to_json());
    });
    let result: Value = outcome.parse().expect("a result is JSON");
    let Value::String(message) = &result["message"] else { panic!("no message in {result}") };
    message.clone()
}

/// What holds for every message, whatever it says (RFC 5322 section 2.1, RFC 2047 section 2).
fn check_form(message: &str) -> Result<(), TestCaseError> {
    let fail = |what: &str| Err(TestCaseError::fail(format!("{what}:\n{message}")));
    if !message.is_ascii() {
        return fail("beyond ASCII");
    }
    if message.replace("\r\n", "").contains(['\r', '\n', '\0']) {
        return fail("a lone CR or LF, or a NUL");
    }
    let (head, _) = message.split_once("\r\n\r\n").expect("a header block");
    // A word that fills a line by itself cannot be folded, and right behind a header's name nothing is.
    let could_fold = |line: &str| {
        let value = line.split_once(": ").map_or(line, |(_, value)| value);
        value.trim_start().contains(' ')
    };
    if head.split("\r\n").any(|line| line.len() > 78 && could_fold(line)) {
        return fail("a header line over 78");
    }
    if head.split("\r\n").any(|line| line.trim_ascii().is_empty()) {
        return fail("a blank header line");
    }
    if message.split("\r\n").any(|line| line.len() > 998) {
        return fail("a line over 998");
    }
    if message.contains(mail::HIDDEN) {
        return fail("a hidden recipient shows");
    }
    Ok(())
}

fn agrees(
    who: &str,
    found: Reading,
    expected: &Reading,
    message: &str,
) -> Result<(), TestCaseError> {
    let found = found.without_last_line_ends();
    if found == *expected {
        return Ok(());
    }
    let (found, expected) = (json!(found), json!(expected));
    let differing: Vec<_> = expected
        .as_object()
        .into_iter()
        .flatten()
        .filter(|(key, value)| found[key.as_str()] != **value)
        .map(|(key, value)| format!("{key}: {} instead of {value}", found[key.as_str()]))
        .collect();
    Err(TestCaseError::fail(format!("{who} reads {}\n{message}", differing.join("\n"))))
}
