//! Sends through the library: a fresh sandbox for each message, and connections from the pool.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Instant;

use smtp_connector_host::accounts::{Account, AccountLimits, AccountsInMemory, Security};
use smtp_connector_host::attachments::{MemoryUploads, Metadata};
use smtp_connector_host::smtp::SmtpTransport;
use smtp_connector_host::transport::{RecordingTransport, Transport};
use smtp_connector_host::{Allocation, ComponentSource, Connector, Host, Invocation, Outcome};

use crate::Options;
use crate::report::Report;

pub(crate) async fn run(options: &Options) -> smtp_connector_host::Result<Report> {
    let transport = SmtpTransport::new().danger_allow_private_hosts();
    let connector = connector(options, transport)?;
    let input: Arc<str> = input(options).into();
    // One message before the clock starts: it opens connections and gives the size.
    let message_bytes = message_size(&send(&connector, &input).await?);
    let left = Arc::new(AtomicU32::new(options.messages));
    let started = Instant::now();
    let workers: Vec<_> = (0..options.runs())
        .map(|_| {
            let (connector, input, left) =
                (connector.clone(), Arc::clone(&input), Arc::clone(&left));
            tokio::spawn(async move {
                let mut sent = Vec::new();
                while take_one(&left) {
                    let started = Instant::now();
                    let guest_bytes = send(&connector, &input).await?.memory_bytes();
                    sent.push((started.elapsed(), guest_bytes));
                }
                Ok::<_, smtp_connector_host::Error>(sent)
            })
        })
        .collect();
    let mut sent = Vec::new();
    for worker in workers {
        sent.extend(worker.await.expect("no worker panics")?);
    }
    Ok(Report {
        took: started.elapsed(),
        message_bytes,
        guest_bytes: sent.iter().map(|(_, bytes)| *bytes).max().unwrap_or_default(),
        messages: sent.into_iter().map(|(took, _)| took).collect(),
    })
}

/// Returns a message of the run, assembled but not sent.
pub(crate) async fn assembled(options: &Options) -> smtp_connector_host::Result<Vec<u8>> {
    let transport = RecordingTransport::new();
    let connector = connector(options, transport.clone())?;
    send(&connector, &input(options)).await?;
    Ok(transport.take().pop().expect("one was sent").message)
}

async fn send(connector: &Connector, input: &str) -> smtp_connector_host::Result<Outcome> {
    connector.invoke(Invocation::send_mail(input).account("work")).await
}

/// Returns the size of a sent message, from its result.
fn message_size(outcome: &Outcome) -> u64 {
    let result: serde_json::Value = outcome.parse().expect("a result is JSON");
    result["messageSize"].as_u64().expect("a result tells the size")
}

/// The cache of compiled components, kept between runs. Compiling would be most of the process's memory.
const CACHE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/component-cache");

/// Takes one of the messages that are left. Returns whether there was one.
pub(crate) fn take_one(left: &AtomicU32) -> bool {
    left.try_update(Ordering::Relaxed, Ordering::Relaxed, |left| left.checked_sub(1)).is_ok()
}

fn connector(
    options: &Options,
    transport: impl Transport,
) -> smtp_connector_host::Result<Connector> {
    let limits = AccountLimits::default()
        .connections(options.connections)
        .messages_per_connection(u32::MAX)
        .message_bytes(1 << 30);
    let account = Account::builder("work", options.to.ip().to_string())
        .port(options.to.port())
        .security(Security::None)
        .sender("Alice <alice@example.com>")
        .ehlo_name("client.example.com")
        .limits(limits)
        .build()?;
    // Shared from the start: a file that is copied first would count twice in the process's memory.
    let bytes: Arc<[u8]> = (0..options.attachment_bytes).map(|index| (index % 251) as u8).collect();
    let uploads = MemoryUploads::new().with("file", Metadata::default(), bytes);
    let host = Host::builder()
        .accounts(AccountsInMemory::from_iter([account]))
        .uploads(uploads)
        .cache_directory(CACHE)
        .transport(transport)
        .allocation(match options.on_demand {
            true => Allocation::OnDemand,
            false => Allocation::Pooled { runs: options.runs() },
        })
        .build()?;
    let component = options.component.as_deref();
    Connector::load(&host, component.map_or(ComponentSource::Builtin, ComponentSource::File))
}

fn input(options: &Options) -> String {
    let line = "All work and no play makes Jack a dull boy.\n";
    let text: String = line.chars().cycle().take(options.size).collect();
    let mut input = serde_json::json!({
        "to": "Bob <bob@example.net>", "subject": "The report", "text": text,
    });
    if options.attachment_bytes > 0 {
        input["attachments"] = serde_json::json!({ "upload": "file", "filename": "report.bin" });
    }
    input.to_string()
}
