//! Fills an outbox until it is killed. Prints a line for each mail that was accepted: its id and its subject.

mod mail;

use std::io::Write as _;
use std::time::Duration;

use smtp_connector_host::Invocation;
use smtp_connector_outbox::{Enqueue, Outbox};

/// Mails that are queued at the same time.
const TASKS: u32 = 2;

#[derive(Clone)]
struct Writer {
    outbox: Outbox,
    name: String,
    /// The pause after each mail.
    pause: Duration,
    /// One mail of this many is large.
    large_every: u32,
}

#[tokio::main]
async fn main() {
    let words: Vec<_> = std::env::args().skip(1).collect();
    let [path, name, pause, large_every] = words.as_slice() else {
        panic!(
            "give the outbox, the writer's name, a pause in ms, and how many mails have one large one"
        );
    };
    let writer = Writer {
        outbox: Outbox::open(path).await.expect("the outbox opens"),
        name: name.clone(),
        pause: Duration::from_millis(pause.parse().expect("a number of milliseconds")),
        large_every: large_every.parse().expect("a number of mails"),
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
            let mail = Invocation::send_mail(mail::input(&subject)).account("work");
            let request = Enqueue::new(mail).key(&subject);
            let ticket = self.outbox.enqueue(request).await.expect("it is accepted");
            // One write, so that a kill does not leave half a line.
            let line = format!("{} {subject}\n", ticket.id);
            std::io::stdout().write_all(line.as_bytes()).expect("the test reads");
            tokio::time::sleep(self.pause).await;
        }
    }
}
