//! The same component on every host: the same cases give the same results and errors, and the same bytes of every
//! message. The expected output was recorded with the library. After a change that is meant to change messages, record
//! it again: `PORTABLE_RECORD=1 cargo test --workspace --test all portable::the_library`.

mod door;
mod library;
mod program;
mod suite;

use library::Library;
use program::Program;
use suite::{ComponentHost, Suite, example};

/// Runs every case on a host, and one case in which the delivery is unknown.
async fn agrees<H: ComponentHost>(suite: Suite, start: impl FnOnce(&Suite) -> H) {
    let mut host = start(&suite);
    suite.check(&mut host).await;
    suite.check_lost_answer(&mut host).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_library_does_what_was_recorded() {
    if std::env::var_os("PORTABLE_RECORD").is_some() {
        let suite = Suite::start().await;
        suite.record(&mut Library::start(&suite)).await;
    }
    agrees(Suite::start().await, Library::start).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bare_host_does_the_same() {
    let suite = Suite::start().await.without_fetching();
    let file = env!("CARGO_BIN_EXE_bare-host-under-test");
    agrees(suite, |suite| Program::start(suite, file, &[], &[])).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Node, and `npm install` in examples/node; .ci/run does it"]
async fn node_does_the_same_in_a_worker() {
    let main = example("node/src/main.js");
    let environment = [("SMTP_CONNECTOR_SANDBOX", "blocking")];
    let start = |suite: &Suite| Program::start(suite, "node", &[&main], &environment);
    agrees(Suite::start().await, start).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Node, and `npm install` in examples/node; .ci/run does it"]
async fn node_24_does_the_same_with_a_suspended_stack() {
    let main = example("node/src/main.js");
    let environment = [("SMTP_CONNECTOR_SANDBOX", "suspending")];
    let newer = ["--yes", "--package=node@24", "--", "node", &main];
    let start = |suite: &Suite| Program::start(suite, "npx", &newer, &environment);
    agrees(Suite::start().await, start).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs Python with examples/python/requirements.txt in examples/python/.venv; .ci/run does it"]
async fn python_does_the_same() {
    let python = example("python/.venv/bin/python");
    let start = |suite: &Suite| Program::start(suite, &python, &["-m", "connector_host"], &[]);
    agrees(Suite::start().await, start).await;
}
