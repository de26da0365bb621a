//! Fills an outbox until it is killed: a file, or a PostgreSQL database. Prints a line for each mail that was accepted: its
//! id and its subject.

mod mail;

use std::io::Write as _;
use std::time::{Duration, Instant};

use smtp_connector_host::Invocation;
use smtp_connector_outbox::{Enqueue, Outbox, Result, Ticket};

/// Mails that are queued at the same time.
const TASKS: u32 = 2;

/// How long a server that is restarted may be away.
const PATIENCE: Duration = Duration::from_secs(60);

#[derive(Clone)]
struct Writer {
    outbox: Outbox,
    name: String,
    /// The pause after each mail.
    pause: Duration,
    /// One mail of this many is large.
    large_every: u32,
    /// The accounts, in turn.
    accounts: Vec<String>,
    /// Whether the outbox is on a server, which may be away for a moment.
    is_remote: bool,
}

#[tokio::main]
async fn main() {
    let words: Vec<_> = std::env::args().skip(1).collect();
    let [path, name, pause, large_every, accounts @ ..] = words.as_slice() else {
        panic!(
            "give the outbox, the writer's name, a pause in ms, how many mails have one large one, and the accounts"
        );
    };
    let is_remote = path.starts_with("postgres://");
    let writer = Writer {
        outbox: match is_remote {
            true => patiently(|| Outbox::connect(path)).await,
            false => Outbox::open(path).await,
        }
        .expect("the outbox opens"),
        name: name.clone(),
        pause: Duration::from_millis(pause.parse().expect("a number of milliseconds")),
        large_every: large_every.parse().expect("a number of mails"),
        accounts: accounts.to_vec(),
        is_remote,
    };
    let tasks: Vec<_> = (0..TASKS).map(|task| tokio::spawn(writer.clone().write(task))).collect();
    for task in tasks {
        task.await.expect("a writer does not panic");
    }
}

impl Writer {
    async fn write(self, task: u32) {
        for number in 0..=u32::MAX {
            let is_large = number % self.large_every == self.large_every - 1;
            let large = if is_large { "-large" } else { "" };
            let subject = format!("{}-{task}-{number}{large}", self.name);
            let ticket = self.enqueue(&subject, number).await.expect("it is accepted");
            // One write, so that a kill does not leave half a line.
            let line = format!("{} {subject}\n", ticket.id);
            std::io::stdout().write_all(line.as_bytes()).expect("the test reads");
            tokio::time::sleep(self.pause).await;
        }
    }
    /// Queues a mail. While a server is away, asks again with the same key.
    async fn enqueue(&self, subject: &str, number: u32) -> Result<Ticket> {
        let account = match self.accounts.as_slice() {
            [] => "work",
            accounts => &accounts[number as usize % accounts.len()],
        };
        let enqueue = || {
            let mail = Invocation::send_mail(mail::input(subject)).account(account);
            self.outbox.enqueue(Enqueue::new(mail).key(subject))
        };
        match self.is_remote {
            true => patiently(enqueue).await,
            false => enqueue().await,
        }
    }
}

/// Asks a server again while it is away.
async fn patiently<T, F: Future<Output = Result<T>>>(ask: impl Fn() -> F) -> Result<T> {
    let begun = Instant::now();
    loop {
        match ask().await {
            Err(error) if error.is_transient() && begun.elapsed() < PATIENCE => {
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            answer => return answer,
        }
    }
}
