//! Benchmarks of the component's logic as a plain library: the lower bound for the sandboxed component.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use smtp_connector_benches::mails;
use smtp_connector_benches::native::{FakePlatform, profile};
use smtp_connector_guest::input;
use smtp_connector_guest::send_mail::send_mail;

fn validation(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("native/validate");
    for mail in [mails::small(), mails::html(), mails::base64()] {
        group.throughput(Throughput::Bytes(mail.input.len() as u64));
        let profile = profile();
        group.bench_function(mail.name, |bencher| {
            bencher.iter(|| input::Mail::read(&mail.input, None, &profile));
        });
    }
}

fn assembly(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("native/send");
    group.sample_size(20);
    for mail in [mails::small(), mails::html(), mails::base64(), mails::upload()] {
        group.throughput(Throughput::Bytes((mail.input.len() + mail.upload) as u64));
        let platform = FakePlatform { upload: mail.upload };
        group.bench_function(mail.name, |bencher| {
            bencher.iter(|| send_mail(&platform, &mail.input, None).expect("it is sent"));
        });
    }
}

criterion_group!(benches, validation, assembly);
criterion_main!(benches);
