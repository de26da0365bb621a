//! Writers and workers that are killed lose nothing, and send nothing twice.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex};

use smtp_connector_inbox::{Inbox, Received, Store};
use smtp_connector_outbox::{Filter, Outbox, Run, RunState};

use super::processes::{Accepted, Process, pause, random};
use crate::support::CommandLine;

const WRITERS: usize = 4;
const WORKERS: usize = 2;

/// The pause of a writer after each mail, in milliseconds: about as much is queued as the workers deliver.
const PAUSE: &str = "40";

/// Returns how often each process is killed: few by default, and as many as `OUTBOX_KILLS` says.
pub(super) fn rounds() -> usize {
    std::env::var("OUTBOX_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(3)
}

/// The messages that a server accepted: by subject, how often it accepted each Message-ID.
#[derive(Clone, Default)]
pub(super) struct Delivered(Arc<Mutex<HashMap<String, HashMap<String, usize>>>>);

impl Store for Delivered {
    fn store(&self, message: &Received) -> std::io::Result<u64> {
        let content = String::from_utf8_lossy(&message.content);
        let header = |name: &str| {
            let line = content.lines().find_map(|line| line.strip_prefix(name));
            line.expect("each message has it").to_owned()
        };
        let mut all = self.0.lock().expect("no thread panics while holding it");
        *all.entry(header("Subject: ")).or_default().entry(header("Message-ID: ")).or_default() +=
            1;
        Ok(message.id)
    }
}

impl Delivered {
    /// Returns how many copies of a mail arrived. All must have one Message-ID.
    pub(super) fn copies(&self, run: &Run) -> usize {
        let all = self.0.lock().expect("no thread panics while holding it");
        let subject = run.key.as_deref().expect("each has a key");
        let Some(ids) = all.get(subject) else { return 0 };
        assert_eq!(ids.len(), 1, "copies with different Message-IDs: {ids:?}, {run:?}");
        ids.values().sum()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn writers_and_workers_that_are_killed_lose_nothing_and_send_nothing_twice() {
    let delivered = Delivered::default();
    let server = Inbox::builder().store(delivered.clone()).start("127.0.0.1:0").await;
    let server = server.expect("a port on loopback is free");
    let line = command(server.address().port());
    let path = line.home().join("outbox.db");
    let start = |slot: usize, round: usize| match slot < WRITERS {
        true => Process::writer(&path, &format!("{round}-{slot}"), [PAUSE, "16"], |_| {}),
        false => Process::worker(&line, &[]),
    };
    let mut running: Vec<_> = (0..WRITERS + WORKERS).map(|slot| start(slot, 0)).collect();
    let mut accepted = Accepted::new();
    for round in 1..=rounds() {
        // Sometimes all die at once, as when the machine does. Else the others go on beside the dead one.
        let is_at_once = random().is_multiple_of(4);
        if is_at_once {
            pause();
            running.iter_mut().for_each(Process::kill);
        }
        for (slot, process) in running.iter_mut().enumerate() {
            if !is_at_once {
                pause();
            }
            process.kill();
            let dead = std::mem::replace(process, start(slot, round));
            accepted.extend(dead.end());
        }
        // The server keeps messages until they are taken.
        while server.take().is_some() {}
    }
    pause();
    for mut process in running {
        process.kill();
        accepted.extend(process.end());
    }
    line.run(&["worker", "--until-empty"]).expect(0);
    let outbox = Outbox::open(&path).await.expect("it opens");
    assert!(accepted.len() > 10 * rounds(), "the writers got somewhere: {}", accepted.len());
    let unknown = check(&all(&outbox).await, &accepted, &delivered);
    // A person tries again what is unknown. Both copies then have one Message-ID.
    for run in &unknown {
        outbox.retry(&run.id).await.expect("unknown runs can be tried again");
    }
    line.run(&["worker", "--until-empty"]).expect(0);
    for run in unknown {
        assert!((1..=2).contains(&delivered.copies(&run)), "{run:?}");
    }
}

/// Checks each mail against what the server saw. Returns those whose delivery is unknown.
#[expect(clippy::print_stdout, reason = "the figures of a long run are its result")]
pub(super) fn check(runs: &[Run], accepted: &Accepted, delivered: &Delivered) -> Vec<Run> {
    let known: HashSet<_> = runs.iter().map(|run| run.id.as_str()).collect();
    let lost: Vec<_> = accepted.keys().filter(|id| !known.contains(id.as_str())).collect();
    let missing: Vec<_> = runs
        .iter()
        .filter(|run| run.state == RunState::Sent && delivered.copies(run) == 0)
        .collect();
    let twice: Vec<_> = runs.iter().filter(|run| delivered.copies(run) > 1).collect();
    let unknown: Vec<_> = runs.iter().filter(|run| run.state == RunState::Unknown).collect();
    println!(
        "{} accepted, {} lost, {} sent but missing, {} twice, {} unknown (of which {} arrived)",
        accepted.len(),
        lost.len(),
        missing.len(),
        twice.len(),
        unknown.len(),
        unknown.iter().filter(|run| delivered.copies(run) == 1).count(),
    );
    let not_ended =
        runs.iter().find(|run| !matches!(run.state, RunState::Sent | RunState::Unknown));
    assert!(not_ended.is_none(), "it did not end: {not_ended:?}");
    assert!(lost.is_empty(), "lost: {lost:?}");
    assert!(missing.is_empty(), "sent but missing: {missing:?}");
    assert!(twice.is_empty(), "delivered twice: {twice:?}");
    unknown.into_iter().cloned().collect()
}

/// Returns all runs.
pub(super) async fn all(outbox: &Outbox) -> Vec<Run> {
    let mut all: Vec<Run> = Vec::new();
    loop {
        let before = all.last().map(|run| run.id.clone());
        let page = outbox.list(Filter::default().before(before).limit(1000)).await;
        let page = page.expect("it is read");
        if page.is_empty() {
            return all;
        }
        all.extend(page);
    }
}

/// Creates the command, with an account that sends over several connections.
fn command(port: u16) -> CommandLine {
    let line = CommandLine::new();
    line.write_accounts(&format!(
        "[accounts.work]\nhost = \"127.0.0.1\"\nport = {port}\nsecurity = \"none\"\nfrom = \"a@example.com\"\n\
         limits.connections = 16\n"
    ));
    line
}
