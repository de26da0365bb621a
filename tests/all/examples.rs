//! The library's examples run, and do what they say.

#[path = "../../host/examples/cancelling.rs"]
mod cancelling;
#[path = "../../host/examples/linker.rs"]
mod linker;
#[path = "../../host/examples/metrics.rs"]
mod metrics;
#[path = "../../host/examples/transport.rs"]
mod transport;
#[path = "../../host/examples/uploads.rs"]
mod uploads;
#[path = "../../host/examples/vault.rs"]
mod vault;

#[test]
fn cancelling_runs() {
    cancelling::main().expect("the example runs");
}

#[test]
fn linker_runs() {
    linker::main().expect("the example runs");
}

#[test]
fn metrics_runs() {
    metrics::main().expect("the example runs");
}

#[test]
fn transport_runs() {
    transport::main().expect("the example runs");
}

#[test]
fn uploads_runs() {
    uploads::main().expect("the example runs");
}

#[test]
fn vault_runs() {
    vault::main().expect("the example runs");
}
