//! Benchmarks of the validator, which checks every byte that leaves the sandbox.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use smtp_connector_host::policy::MessageValidator;

const HEAD: &[u8] = b"From: a@example.com\r\nTo: b@example.net\r\nSubject: x\r\n\
    Date: Fri, 2 Jan 2026 03:04:05 +0000\r\nMessage-ID: <1@example.com>\r\nMIME-Version: 1.0\r\n\r\n";

fn message_validator(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("message_validator");
    let line = [&[b'A'; 76][..], b"\r\n"].concat();
    for (name, lines) in [("2kB", 25), ("64kB", 820)] {
        let body = line.repeat(lines);
        group.throughput(Throughput::Bytes((HEAD.len() + body.len()) as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let mut validator = MessageValidator::new(1 << 30, false);
                validator
                    .push(HEAD)
                    .and_then(|()| validator.push(&body))
                    .expect("it keeps the rules");
                validator.finish(None).expect("it is whole");
            });
        });
    }
}

criterion_group!(benches, message_validator);
criterion_main!(benches);
