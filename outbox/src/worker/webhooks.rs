//! Posts events to the webhooks of a worker. Of several workers, one serves a webhook at a time.

use std::sync::Arc;
use std::time::Duration;

use smtp_connector_smtp::waited::Waited;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::Instant;

use super::AFTER_ERROR;
use super::outcome::random;
use crate::error::Result;
use crate::event::Event;
use crate::outbox::Outbox;
use crate::store::{LONGEST_WEBHOOK_PAUSE, Owner, Posted, Store, TakenWebhook, WebhookClaim};
use crate::webhook::{Refusal, Sender, Webhook};

/// How long a worker has a webhook for itself, from its last post: longer than a post may take. A clock that jumps, or a
/// worker that stands still, can make two workers post the same event. The receiver knows it by its id.
const LEASE: Duration = Duration::from_secs(30);
/// How often events are looked for.
const POLL: Duration = Duration::from_millis(200);
/// How often a webhook is tried that another worker serves, or that pauses.
const TAKEN: Duration = Duration::from_secs(2);
/// How often the store is told that a webhook without events is still served.
const RENEWAL: Duration = Duration::from_secs(60 * 60);
/// The first pause after a post that failed. It doubles each time.
const FIRST: Duration = Duration::from_secs(1);
/// How long a worker that stops posts the events that are left.
const LAST: Duration = Duration::from_secs(15);
/// The number of events that are read at once.
const PAGE: usize = 20;

/// The tasks that post, one for each webhook. They end when this is dropped.
pub(super) struct Posting {
    tasks: JoinSet<()>,
    stop: watch::Sender<bool>,
}

impl Posting {
    /// Starts the tasks. A webhook that is new gets every event from now on.
    pub(super) async fn start(
        outbox: &Outbox,
        owner: &Arc<Owner>,
        webhooks: &[Webhook],
    ) -> Result<Self> {
        let stop = watch::Sender::new(false);
        let mut tasks = JoinSet::new();
        for webhook in webhooks {
            let mut service = Service {
                store: Arc::clone(&outbox.store),
                owner: Arc::clone(owner),
                sender: Sender::new(webhook.clone()),
                webhook: webhook.clone(),
                known: None,
                is_first: true,
            };
            let taken = service.store.take_webhook(owner, service.claim()).await?;
            service.known = taken.as_ref().map(|taken| (taken.after, Instant::now()));
            // Without failures there is no pause to ignore.
            service.is_first = taken.is_some_and(|taken| taken.failures > 0);
            tasks.spawn(service.run(stop.subscribe()));
        }
        Ok(Self { tasks, stop })
    }

    /// Posts the events that are left, for a short time, and frees the webhooks.
    pub(super) async fn finish(mut self) {
        self.stop.send_replace(true);
        let ended = async { while self.tasks.join_next().await.is_some() {} };
        // The rest is for the next worker.
        let _ = tokio::time::timeout(LAST, ended).await;
    }
}

/// The service of one webhook.
struct Service {
    store: Arc<dyn Store>,
    owner: Arc<Owner>,
    webhook: Webhook,
    sender: Sender,
    /// The last event that the webhook had accepted when this worker took it, and when that was.
    known: Option<(i64, Instant)>,
    is_first: bool,
}

/// The next step of a service.
enum Next {
    Now,
    After(Duration),
    Never,
}

impl Service {
    async fn run(mut self, mut stopped: watch::Receiver<bool>) {
        loop {
            // Read before the events, so that those of the last deliveries are seen.
            let is_last = *stopped.borrow_and_update();
            let next = self.step().await.unwrap_or_else(|error| {
                tracing::warn!(%error, "the events for a webhook cannot be read; trying again");
                Next::After(AFTER_ERROR)
            });
            let pause = match next {
                Next::Now => continue,
                Next::Never => return,
                Next::After(pause) => pause,
            };
            if is_last {
                // If this fails, the lease ends by itself.
                let _ = self.settle(Posted::Freed).await;
                return;
            }
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                // The sender lives until the tasks have ended.
                _ = stopped.changed() => {}
            }
        }
    }

    /// Posts some events.
    async fn step(&mut self) -> Result<Next> {
        // Taking is a write, so it waits for an event.
        if let Some((after, since)) = self.known
            && since.elapsed() < RENEWAL
            && self.store.events(after, 1).await?.is_empty()
        {
            return Ok(Next::After(POLL));
        }
        let taken = self.store.take_webhook(&self.owner, self.claim()).await?;
        self.is_first = false;
        let Some(taken) = taken else { return Ok(Next::After(TAKEN)) };
        self.known = Some((taken.after, Instant::now()));
        let events = self.store.events(taken.after, PAGE).await?;
        if events.is_empty() {
            return Ok(Next::After(POLL));
        }
        for event in events {
            match self.post(&taken, &event).await? {
                Next::Now => self.known = Some((event.id, Instant::now())),
                other => return Ok(other),
            }
        }
        Ok(Next::Now)
    }

    /// Posts one event, and stores the outcome.
    async fn post(&mut self, taken: &TakenWebhook, event: &Event) -> Result<Next> {
        let id = format!("{}-{}", taken.prefix, event.id);
        let Err(refusal) = self.sender.post(&id, event).await else {
            let is_ours = self.settle(Posted::Accepted { event: event.id }).await?;
            // Another worker that took it meanwhile goes on.
            return Ok(if is_ours { Next::Now } else { Next::After(TAKEN) });
        };
        let Refusal { why, retry_after, is_gone } = refusal;
        let what = format!("the webhook {} did not accept event {}: {why}", self.webhook, event.id);
        if is_gone {
            self.webhook.tell(&what);
            self.settle(Posted::Gone { why }).await?;
            return Ok(Next::Never);
        }
        let pause = pause_after(taken.failures, random());
        let pause = pause.max(retry_after.unwrap_or_default()).min(LONGEST_WEBHOOK_PAUSE);
        self.webhook.tell(&format!("{what}; next try in {}", Waited(pause)));
        self.settle(Posted::Refused { pause, why }).await?;
        Ok(Next::After(pause))
    }

    async fn settle(&self, posted: Posted) -> Result<bool> {
        self.store.settle_webhook(&self.owner, self.claim(), posted).await
    }

    fn claim(&self) -> WebhookClaim {
        WebhookClaim {
            key: self.webhook.key(),
            place: self.webhook.to_string(),
            lease: LEASE,
            is_first: self.is_first,
        }
    }
}

/// Returns the pause after a post that failed, with this many failures before it. Pauses differ by a fifth, so that the
/// webhooks of a receiver that was away do not all come back at once. `random` is any number from 0 up to 1.
fn pause_after(failures: u32, random: f64) -> Duration {
    let pause = FIRST.saturating_mul(2_u32.saturating_pow(failures)).min(LONGEST_WEBHOOK_PAUSE);
    pause.mul_f64(0.8 + 0.4 * random).min(LONGEST_WEBHOOK_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_an_hour_and_differ_by_a_fifth() {
        let seconds = [0, 1, 5, 11, 12, 1000].map(|failures| pause_after(failures, 0.5).as_secs());
        assert_eq!(seconds, [1, 2, 32, 2048, 3600, 3600]);
        assert_eq!(pause_after(0, 0.0), Duration::from_millis(800));
        assert!(pause_after(0, 0.999) < Duration::from_millis(1200));
        assert!(pause_after(1000, 0.0) < Duration::from_secs(3600));
    }
}
