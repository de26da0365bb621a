//! Benchmarks of the parser for server replies.

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use reader::ReplyReader;

// Not part of the library's public API, so it is compiled here again.
#[path = "../../smtp/src/replies/reply.rs"]
#[expect(dead_code, reason = "what is not measured is used in the library")]
mod reader;

/// The path where the parser expects this type.
mod reply {
    pub(crate) use smtp_connector_host::ReplyCode;
}

/// The replies to MAIL, RCPT and DATA that were sent in one write.
const ENVELOPE: &[u8] = b"250 2.1.0 Ok\r\n250 2.1.5 Ok\r\n354 End data with <CR><LF>.<CR><LF>\r\n";

const EHLO: &[u8] = b"250-mail.example.com\r\n250-PIPELINING\r\n250-SIZE 52428800\r\n250-ETRN\r\n\
    250-STARTTLS\r\n250-AUTH PLAIN LOGIN XOAUTH2\r\n250-ENHANCEDSTATUSCODES\r\n250-8BITMIME\r\n\
    250-DSN\r\n250-SMTPUTF8\r\n250 CHUNKING\r\n";

fn replies(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("reply");
    let recipients = b"250 2.1.5 Ok\r\n".repeat(100);
    for (name, said) in
        [("envelope", ENVELOPE), ("EHLO", EHLO), ("100 recipients", recipients.as_slice())]
    {
        group.throughput(Throughput::Bytes(said.len() as u64));
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let mut reader = ReplyReader::default();
                reader.buffer.extend_from_slice(said);
                while reader.next().expect("these are replies").is_some() {}
            });
        });
    }
}

criterion_group!(benches, replies);
criterion_main!(benches);
