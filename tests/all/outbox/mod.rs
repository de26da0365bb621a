//! The outbox with its workers: the real component, over real sockets.

mod accounts;
#[cfg(target_os = "linux")]
mod backlog;
#[cfg(target_os = "linux")]
mod circumstances;
// The fixture of the store's tests.
#[cfg(unix)]
#[path = "../../../outbox/src/store/postgres/tests/cluster.rs"]
#[expect(dead_code, reason = "the store's tests need more of it")]
mod cluster;
#[cfg(unix)]
mod compose;
#[cfg(unix)]
mod crashes;
mod delivery;
#[cfg(target_os = "linux")]
mod disk;
mod faults;
#[cfg(target_os = "linux")]
mod full_disk;
#[cfg(unix)]
mod machines;
#[cfg(unix)]
mod monitoring;
#[cfg(unix)]
mod moving;
#[cfg(target_os = "linux")]
mod power_loss;
#[cfg(unix)]
mod processes;
mod reports;
#[cfg(unix)]
mod sizes;
#[cfg(unix)]
mod webhook_command;
mod webhooks;
#[cfg(unix)]
#[path = "../../outbox_writer/mail.rs"]
mod writers_mail;

use std::time::Duration;

use serde_json::{Value, json};
use smtp_connector_host::{Account, Invocation};
use smtp_connector_outbox::{
    Drained, Enqueue, Event, EventKind, Outbox, RetrySchedule, Run, RunId, RunState, Worker,
    WorkerOptions,
};
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::support::{connector_in, host_builder};

/// How long a run may take in a test.
const PATIENCE: Duration = Duration::from_secs(20);

/// An outbox in a temporary folder.
struct Queue {
    outbox: Outbox,
    folder: TempDir,
}

impl Queue {
    async fn new() -> Self {
        Self::at(tempfile::tempdir().expect("a folder")).await
    }

    async fn at(folder: TempDir) -> Self {
        let outbox = Outbox::open(folder.path().join("outbox.db")).await.expect("it opens");
        Self { outbox, folder }
    }

    #[cfg(unix)]
    fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("outbox.db")
    }

    /// Queues a mail to these recipients on the account `work`.
    async fn enqueue(&self, to: &[&str]) -> RunId {
        self.request(mail(to)).await
    }

    async fn request(&self, request: impl Into<Enqueue>) -> RunId {
        self.outbox.enqueue(request).await.expect("it is accepted").id
    }

    /// Starts a worker that tries again at once.
    fn work(&self, accounts: impl IntoIterator<Item = Account>) -> Working {
        self.work_with(accounts, options())
    }

    fn work_with(
        &self,
        accounts: impl IntoIterator<Item = Account>,
        options: WorkerOptions,
    ) -> Working {
        Working::start(self.outbox.worker(connector_in(host_builder(accounts))).options(options))
    }

    async fn status(&self, id: &RunId) -> Run {
        self.outbox.status(id).await.expect("it is read").expect("it is there")
    }

    /// Waits until a run is in this state.
    async fn reaches(&self, id: &RunId, state: RunState) -> Run {
        let reached = tokio::time::timeout(PATIENCE, async {
            loop {
                let run = self.status(id).await;
                if run.state == state {
                    return run;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        });
        match reached.await {
            Ok(run) => run,
            Err(_) => panic!("it does not become {state}: {:?}", self.status(id).await),
        }
    }

    /// Returns all events so far.
    async fn events(&self) -> Vec<Event> {
        let mut stream = self.outbox.events(Some(0)).await.expect("they are read");
        let mut events = Vec::new();
        while let Ok(Some(event)) =
            tokio::time::timeout(Duration::from_millis(300), stream.next()).await
        {
            events.push(event.expect("it is read"));
        }
        events
    }

    async fn kinds(&self) -> Vec<EventKind> {
        self.events().await.iter().map(|event| event.kind).collect()
    }
}

/// A worker that runs until it is stopped.
struct Working {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Drained>,
}

impl Working {
    fn start(worker: Worker) -> Self {
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(async move {
            let stop = async {
                // Dropping the sender stops it too.
                let _ = stopped.await;
            };
            worker.run(stop).await.expect("it registers")
        });
        Self { stop, task }
    }

    async fn stop(self) -> Drained {
        // A worker that has ended does not listen.
        let _ = self.stop.send(());
        let drained = tokio::time::timeout(PATIENCE, self.task).await;
        drained.expect("it ends in time").expect("it does not panic")
    }
}

/// Options that try again after a few milliseconds.
fn options() -> WorkerOptions {
    let retries = RetrySchedule::new([Duration::from_millis(20)]).expect("a pause");
    WorkerOptions::default().retries(retries)
}

fn mail(to: &[&str]) -> Invocation {
    Invocation::send_mail(input(to).to_string()).account("work")
}

fn input(to: &[&str]) -> Value {
    json!({ "to": to, "subject": "Hi", "text": "Hi!" })
}
