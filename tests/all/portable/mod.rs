//! The same component on every host: the same cases, results and errors, and the same bytes of every
//! message. What is expected was recorded with the library; after a change that is meant to change
//! messages, `PORTABLE_RECORD=1 cargo test --test all portable::the_library` records it again.

mod library;
mod program;
mod suite;

use library::Library;
use program::Program;
use suite::{Suite, example};

#[tokio::test(flavor = "multi_thread")]
async fn the_library_does_what_was_recorded() {
    if std::env::var_os("PORTABLE_RECORD").is_some() {
        let suite = Suite::start().await;
        suite.record(&mut Library::start(&suite)).await;
    }
    let suite = Suite::start().await;
    suite.check(&mut Library::start(&suite)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bare_host_does_the_same() {
    let suite = Suite::start().await.without_fetching();
    let file = env!("CARGO_BIN_EXE_bare-host-under-test");
    suite.check(&mut Program::start(&suite, file, &[], &[])).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Node, and `npm install` in examples/node; .ci/run does it"]
async fn node_does_the_same_in_a_worker() {
    let suite = Suite::start().await;
    let main = example("node/src/main.js");
    let environment = [("SMTP_CONNECTOR_SANDBOX", "blocking")];
    suite.check(&mut Program::start(&suite, "node", &[&main], &environment)).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Node, and `npm install` in examples/node; .ci/run does it"]
async fn node_24_does_the_same_with_a_suspended_stack() {
    let suite = Suite::start().await;
    let main = example("node/src/main.js");
    let environment = [("SMTP_CONNECTOR_SANDBOX", "suspending")];
    let newer = ["--yes", "--package=node@24", "--", "node", &main];
    suite.check(&mut Program::start(&suite, "npx", &newer, &environment)).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Python with examples/python/requirements.txt in examples/python/.venv; .ci/run does it"]
async fn python_does_the_same() {
    let suite = Suite::start().await;
    let python = example("python/.venv/bin/python");
    suite.check(&mut Program::start(&suite, &python, &["-m", "connector_host"], &[])).await;
}
