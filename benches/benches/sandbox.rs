//! The same benchmarks in the sandbox: a fresh store, an instance and a call each time, with both allocators.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use smtp_connector_benches::mails;
use smtp_connector_benches::sandbox::connector;
use smtp_connector_host::{Allocation, Invocation};
use tokio::runtime::Builder;

const ALLOCATORS: [(&str, Allocation); 2] =
    [("on-demand", Allocation::OnDemand), ("pooled", Allocation::Pooled { runs: 64 })];

/// A store, an instance, and a call that ends at once, because the input is not JSON.
fn instance(criterion: &mut Criterion) {
    let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
    let mut group = criterion.benchmark_group("sandbox/instance");
    for (name, allocation) in ALLOCATORS {
        group.bench_function(name, |bencher| {
            let connector = connector(0, |builder| builder.allocation(allocation));
            bencher.iter(|| {
                let mail = Invocation::send_mail("").account("work");
                runtime.block_on(connector.validate(mail)).expect("a check is made")
            });
        });
    }
}

fn send(criterion: &mut Criterion) {
    let runtime = Builder::new_current_thread().enable_time().build().expect("a runtime");
    for (name, allocation) in ALLOCATORS {
        let mut group = criterion.benchmark_group(format!("sandbox/send/{name}"));
        group.sample_size(20);
        for mail in [mails::small(), mails::html(), mails::base64(), mails::upload()] {
            group.throughput(Throughput::Bytes((mail.input.len() + mail.upload) as u64));
            group.bench_function(mail.name, |bencher| {
                let connector = connector(mail.upload, |builder| builder.allocation(allocation));
                bencher.iter(|| {
                    let invocation = Invocation::send_mail(mail.input.as_str()).account("work");
                    runtime.block_on(connector.invoke(invocation)).expect("it is sent")
                });
            });
        }
    }
}

criterion_group!(benches, instance, send);
criterion_main!(benches);
