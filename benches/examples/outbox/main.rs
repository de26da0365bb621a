//! Compares the outbox with sending directly: the same mails, to the same server, in the same process, in turn.
//!
//! ```sh
//! cargo run --release --package smtp-connector-benches --example outbox -- --deliveries 16 --server-ms 50
//! ```
//!
//! Prints one line of JSON: the median of the rounds, and their lowest and highest.

mod sink;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use clap::Parser;
use serde_json::{Value, json};
use smtp_connector_host::accounts::{Account, AccountLimits, AccountsInMemory, Security};
use smtp_connector_host::smtp::SmtpTransport;
use smtp_connector_host::{Connector, Host, Invocation};
use smtp_connector_outbox::{Outbox, RunState, WorkerOptions};
use tokio::sync::oneshot;

/// Compares the outbox with sending directly.
#[derive(Clone, Debug, Parser)]
struct Options {
    /// The number of mails in each measurement.
    #[arg(long, default_value_t = 1_000)]
    messages: u32,
    /// The number of mails that are delivered, or queued, at the same time.
    #[arg(long, default_value_t = 16, value_parser = clap::value_parser!(u32).range(1..))]
    deliveries: u32,
    /// The connections of the account [default: as many as deliveries].
    #[arg(long)]
    connections: Option<u32>,
    /// How long the server takes for each mail, in milliseconds.
    #[arg(long, default_value_t = 0)]
    server_ms: u64,
    /// The number of times that everything is measured.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// The folder for the outbox, on the disk to measure [default: the system's for temporary files].
    #[arg(long)]
    folder: Option<PathBuf>,
}

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

#[tokio::main]
#[expect(clippy::print_stdout, reason = "it is what the program is for")]
async fn main() -> Result<()> {
    let options = Options::parse();
    let server = sink::start(Duration::from_millis(options.server_ms)).await?;
    let connector = connector(&options, server)?;
    direct(&connector, &options, 32).await;
    let (mut queued, mut direct_rates, mut delivered, mut ratios) =
        (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for _ in 0..options.rounds {
        // Side by side, since other programs use the machine too.
        let of_direct = direct(&connector, &options, options.messages).await;
        let (of_queue, of_worker) = through_outbox(&connector, &options).await?;
        queued.push(of_queue);
        delivered.push(of_worker);
        direct_rates.push(of_direct);
        ratios.push(of_worker / of_direct);
    }
    let report = json!({
        "deliveries": options.deliveries,
        "server_ms": options.server_ms,
        "queued_per_second": spread(queued),
        "direct_per_second": spread(direct_rates),
        "delivered_per_second": spread(delivered),
        "delivered_to_direct": spread(ratios),
    });
    println!("{report}");
    Ok(())
}

/// Sends mails without an outbox. Returns the number in a second.
async fn direct(connector: &Connector, options: &Options, messages: u32) -> f64 {
    let connector = connector.clone();
    let send = move || {
        let connector = connector.clone();
        async move { connector.invoke(mail()).await.map(drop).expect("the server accepts all") }
    };
    rate(options.deliveries, messages, send).await
}

/// Queues mails and then delivers them. Returns how many in a second were queued and delivered.
async fn through_outbox(connector: &Connector, options: &Options) -> Result<(f64, f64)> {
    let folder = match &options.folder {
        Some(folder) => tempfile::tempdir_in(folder)?,
        None => tempfile::tempdir()?,
    };
    let outbox = Outbox::open(folder.path().join("outbox.db")).await?;
    let to = outbox.clone();
    let enqueue = move || {
        let to = to.clone();
        async move { to.enqueue(mail()).await.map(drop).expect("the disk is there") }
    };
    let queued = rate(options.deliveries, options.messages, enqueue).await;
    let concurrency = usize::try_from(options.deliveries)?;
    let worker = outbox.worker(connector.clone());
    let worker = worker.options(WorkerOptions::default().concurrency(concurrency));
    let (stop, stopped) = oneshot::channel::<()>();
    let started = Instant::now();
    let task = tokio::spawn(async move {
        // Dropping the sender stops it too.
        worker.run(async { stopped.await.unwrap_or_default() }).await
    });
    while outbox.counts().await?.of(RunState::Sent) < u64::from(options.messages) {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let took = started.elapsed();
    drop(stop);
    task.await??;
    Ok((queued, f64::from(options.messages) / took.as_secs_f64()))
}

/// Does something `total` times, in a number of tasks. Returns the number in a second.
async fn rate<F>(tasks: u32, total: u32, what: impl Fn() -> F + Clone + Send + 'static) -> f64
where
    F: Future<Output = ()> + Send,
{
    let left = Arc::new(AtomicU32::new(total));
    let started = Instant::now();
    let tasks: Vec<_> = (0..tasks)
        .map(|_| {
            let (left, what) = (Arc::clone(&left), what.clone());
            tokio::spawn(async move {
                let take = |left: u32| left.checked_sub(1);
                while left.try_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok() {
                    what().await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("no task panics");
    }
    f64::from(total) / started.elapsed().as_secs_f64()
}

fn mail() -> Invocation {
    let text = "All work and no play makes Jack a dull boy.\n".repeat(45);
    let input = json!({ "to": "Bob <bob@example.net>", "subject": "The report", "text": text });
    Invocation::send_mail(input.to_string()).account("work")
}

/// The cache of compiled components, kept between runs.
const CACHE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../target/component-cache");

fn connector(options: &Options, server: SocketAddr) -> smtp_connector_host::Result<Connector> {
    let limits = AccountLimits::default()
        .connections(options.connections.unwrap_or(options.deliveries))
        .messages_per_connection(u32::MAX);
    let account = Account::builder("work", server.ip().to_string())
        .port(server.port())
        .security(Security::None)
        .sender("Alice <alice@example.com>")
        .ehlo_name("client.example.com")
        .limits(limits)
        .build()?;
    let host = Host::builder()
        .accounts(AccountsInMemory::from_iter([account]))
        .cache_directory(CACHE)
        .transport(SmtpTransport::new().danger_allow_private_hosts())
        .build()?;
    Connector::builtin(&host)
}

/// Returns the median, the lowest and the highest.
fn spread(mut figures: Vec<f64>) -> Value {
    figures.sort_by(f64::total_cmp);
    let round = |figure: f64| (figure * 100.0).round() / 100.0;
    let (low, high) = (figures[0], figures[figures.len() - 1]);
    json!([round(figures[figures.len() / 2]), round(low), round(high)])
}
