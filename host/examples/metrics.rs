//! Counts runs with a recorder of the crate `metrics`.
//!
//! `cargo run --package smtp-connector-host --example metrics`

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use metrics::{
    Counter, CounterFn, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit,
};
use smtp_connector_host::accounts::Account;
use smtp_connector_host::transport::RecordingTransport;
use smtp_connector_host::{Connector, Host, Invocation};

/// Counters by name and labels. Your program uses an exporter, for example for Prometheus.
#[derive(Default)]
struct Counters(Mutex<Vec<(String, Arc<Count>)>>);

#[derive(Default)]
struct Count(AtomicU64);

impl CounterFn for Count {
    fn increment(&self, by: u64) {
        self.0.fetch_add(by, Ordering::Relaxed);
    }

    fn absolute(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }
}

impl Recorder for Counters {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        let count = Arc::<Count>::default();
        self.0.lock().expect("no thread panicked").push((key.to_string(), Arc::clone(&count)));
        Counter::from_arc(count)
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

pub(crate) fn main() -> Result<(), Box<dyn std::error::Error>> {
    let counters = Counters::default();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    // Your program sets one recorder for all threads, with `metrics::set_global_recorder`.
    metrics::with_local_recorder(&counters, || runtime.block_on(send()))?;
    let counted = counters.0.into_inner()?;
    let (name, count) = counted.first().ok_or("a run is counted")?;
    assert!(name.contains("smtp_connector_runs_total") && name.contains("ok"), "{name}");
    assert_eq!(count.0.load(Ordering::Relaxed), 1);
    Ok(())
}

async fn send() -> Result<(), smtp_connector_host::Error> {
    let host = Host::builder().transport(RecordingTransport::new()).build()?;
    let account =
        Account::builder("work", "smtp.example.com").sender("alice@example.com").build()?;
    let mail = Invocation::send_mail(r#"{"to": "bob@example.net", "body": "Hi!"}"#);
    Connector::builtin(&host)?.invoke(mail.with_account(account)).await?;
    Ok(())
}
