//! Fills an outbox until it is killed. Prints a line for each mail that was accepted: its id and its subject.

use std::io::Write as _;

use smtp_connector_host::Invocation;
use smtp_connector_outbox::{Enqueue, Outbox};

/// Mails that are queued at the same time.
const TASKS: usize = 2;

#[tokio::main]
async fn main() {
    let mut words = std::env::args().skip(1);
    let (Some(path), Some(name)) = (words.next(), words.next()) else {
        panic!("give the outbox and the writer's name");
    };
    let outbox = Outbox::open(path).await.expect("the outbox opens");
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| tokio::spawn(write(outbox.clone(), format!("{name}-{task}"))))
        .collect();
    for task in tasks {
        task.await.expect("a writer does not panic");
    }
}

async fn write(outbox: Outbox, name: String) {
    for number in 0.. {
        let subject = format!("{name}-{number}");
        let input =
            format!(r#"{{"to": "bob@example.net", "subject": "{subject}", "text": "{subject}"}}"#);
        let request = Enqueue::new(Invocation::send_mail(input).account("work")).key(&subject);
        let ticket = outbox.enqueue(request).await.expect("it is accepted");
        // One write, so that a kill does not leave half a line.
        let line = format!("{} {subject}\n", ticket.id);
        std::io::stdout().write_all(line.as_bytes()).expect("the test reads");
    }
}
