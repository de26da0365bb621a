//! Tells workers of changes at once: LISTEN and NOTIFY on a connection beside the pool. If it is lost, workers find the
//! changes by asking, until it is there again.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Notify;
use tokio::task::JoinHandle;
use tokio_postgres::{AsyncMessage, Client};

use super::database::{Database, Wire};
use crate::error::Result;

/// The bell of a store. Its task ends when it is dropped.
#[derive(Debug)]
pub(super) struct Bell {
    line: Arc<Line>,
    task: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Line {
    /// A change that other processes should hear of.
    rung: Notify,
    /// A change of any process.
    heard: Notify,
}

/// How often a worker asks without a bell: for the changes of a lost notification, and for runs that become due.
const POLL: Duration = Duration::from_secs(1);
/// The pause before a lost connection is opened again.
const AGAIN: Duration = Duration::from_secs(1);

impl Bell {
    pub(super) fn start(database: Database) -> Self {
        let line = Arc::<Line>::default();
        let task = tokio::spawn(serve(database, Arc::clone(&line)));
        Self { line, task }
    }

    /// Tells all workers of a change. Changes at about the same time are one notification: each takes a lock over the
    /// whole server until its commit, so a notification in each transaction would have them commit one by one.
    pub(super) fn ring(&self) {
        self.line.hear();
        self.line.rung.notify_one();
    }

    /// Waits for a change, or for the time to ask.
    pub(super) async fn changed(&self) {
        // The end of the wait is as good as a change.
        let _ = tokio::time::timeout(POLL, self.line.heard.notified()).await;
    }
}

impl Drop for Bell {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Line {
    fn hear(&self) {
        // Those that wait now, and one that is about to.
        self.heard.notify_waiters();
        self.heard.notify_one();
    }
}

async fn serve(database: Database, line: Arc<Line>) {
    loop {
        if let Err(error) = connected(&database, &line).await {
            tracing::debug!(%error, "no notifications of changes; asking for them");
        }
        tokio::time::sleep(AGAIN).await;
    }
}

/// Listens and rings on one connection until it is lost.
async fn connected(database: &Database, line: &Line) -> Result<()> {
    let what = "the outbox could not be watched";
    let (client, mut wire) = database.open(what).await?;
    let mut ringing = pin!(ring(&client, line));
    let lost = loop {
        tokio::select! {
            message = next(&mut wire) => match message {
                Some(Ok(AsyncMessage::Notification(_))) => line.hear(),
                Some(Ok(_)) => {}
                Some(Err(reason)) => break Some(reason),
                None => break None,
            },
            failed = &mut ringing => break Some(failed),
        }
    };
    match lost {
        Some(reason) => Err(database.error(what, &reason)),
        None => Ok(()),
    }
}

/// Moves the bytes of the connection until the server sends a notification.
async fn next(wire: &mut Wire) -> Option<Result<AsyncMessage, tokio_postgres::Error>> {
    poll_fn(|context| wire.poll_message(context)).await
}

/// Listens, and sends a notification for each ring. Returns the first error.
async fn ring(client: &Client, line: &Line) -> tokio_postgres::Error {
    let mut sql = "LISTEN smtp_connector";
    loop {
        if let Err(reason) = client.batch_execute(sql).await {
            return reason;
        }
        // What changed while nothing listened.
        if sql.starts_with("LISTEN") {
            line.hear();
        }
        line.rung.notified().await;
        sql = "NOTIFY smtp_connector";
    }
}
