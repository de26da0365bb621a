//! Generated mails of every kind, read back by independent parsers. For every input, all parsers find the same tree,
//! the same bytes and the same headers.

use std::thread;

use proptest::test_runner::{Config, RngSeed, TestCaseError, TestRunner};
use serde_json::{Value, json};
use smtp_connector_host::{Connector, Invocation};
use smtp_connector_tests_mails::{Mail, Reader, Reading, check_form, mails, read};
use tokio::runtime::Runtime;

use crate::support::host_builder;

/// The number of mails per run. To try more by hand: `PROPTEST_CASES=1000000`, and a number as
/// `PROPTEST_RNG_SEED` for others.
const MAILS: u32 = 10_000;

/// The number of concurrent runs, each with its own readers. Most of the time is spent making mails and reading
/// messages.
const RUNS: u32 = 2;

#[test]
fn every_reader_finds_what_the_input_says() {
    let runtime = Runtime::new().expect("threads can be started");
    let host = host_builder([]).build().expect("the sandbox runs on this machine");
    let connector = Connector::builtin(&host).expect("the built-in component is one");
    let config = Config {
        cases: Config::default().cases.max(MAILS) / RUNS,
        failure_persistence: None,
        ..Config::default()
    };
    thread::scope(|scope| {
        for run_number in 0..RUNS {
            // A test that fails must fail again.
            let rng_seed = match config.rng_seed {
                RngSeed::Random => RngSeed::Fixed(run_number.into()),
                RngSeed::Fixed(given) => RngSeed::Fixed(given.wrapping_add(run_number.into())),
            };
            let config = Config { rng_seed, ..config.clone() };
            scope.spawn(|| run(config, &runtime, &connector));
        }
    });
}

fn run(config: Config, runtime: &Runtime, connector: &Connector) {
    let readers = Reader::all();
    let outcome = TestRunner::new(config).run(&mails(), |mail: Mail| {
        let message = runtime.block_on(assemble(connector, &mail.input()));
        check_form(&message).map_err(TestCaseError::fail)?;
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

/// Assembles the message of a mail, in the sandbox.
async fn assemble(connector: &Connector, input: &Value) -> String {
    let mail = Invocation::send_mail(input.to_string()).dry_run();
    let outcome = connector.invoke(mail).await.unwrap_or_else(|error| {
        panic!("{input} is right, and gives {}", error.to_json());
    });
    let result: Value = outcome.parse().expect("a result is JSON");
    let Value::String(message) = &result["message"] else { panic!("no message in {result}") };
    message.clone()
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
