//! `worker`: delivers the mails of the outbox.

use std::time::Duration;

use clap::Args;
use serde_json::json;
use smtp_connector_host::Connector;
use smtp_connector_outbox::WorkerOptions;
use tokio::sync::oneshot;

use super::context::Context;
use super::exit::Exit;
use super::interrupt::Interrupt;
use super::monitoring::Monitoring;
use super::queue::ChosenOutbox;
use super::stop::{Outcome, Stop};
use super::text;
use super::webhooks::ChosenWebhooks;

/// Deliver the mails of the outbox, until it is stopped
///
/// Ctrl-C or SIGTERM stops it: it finishes the mails under way, gives back the others, and ends. A second signal ends it
/// at once; a mail whose end was being sent is then unknown.
///
/// Example: smtp-connector worker --concurrency 32
#[derive(Args, Debug)]
pub(crate) struct Worker {
    #[command(flatten)]
    outbox: ChosenOutbox,

    /// Mails to deliver at the same time
    #[arg(long, value_name = "N", default_value = "16", value_parser = clap::value_parser!(u16).range(1..))]
    concurrency: u16,

    /// Seconds to wait for the mails under way when stopped
    #[arg(long, value_name = "SECONDS", default_value = "60")]
    drain: u64,

    /// End when no mail waits, instead of waiting for more
    #[arg(long)]
    until_empty: bool,

    /// Serve /ready and /metrics (for Prometheus) on this address
    ///
    /// The pages have no login and no encryption: use 127.0.0.1, or an address that only your network reaches.
    #[arg(long, value_name = "ADDR")]
    metrics: Option<String>,

    #[command(flatten)]
    webhooks: ChosenWebhooks,
}

/// How often `--until-empty` looks.
const LOOK: Duration = Duration::from_millis(100);

impl Worker {
    pub(crate) async fn run(&self, context: &Context<'_>) -> Outcome {
        let webhooks = self.webhooks.read(context).await?;
        let monitoring = match &self.metrics {
            Some(address) => Some(Monitoring::listen(address).await?),
            None => None,
        };
        let outbox = self.outbox.open(context).await?;
        let host = context.worker_host()?;
        let connector: Connector = context.connector(&host)?;
        let options = WorkerOptions::default()
            .concurrency(self.concurrency.into())
            .drain(Duration::from_secs(self.drain));
        let worker = outbox.worker(connector).options(options);
        let worker = webhooks.into_iter().fold(worker, smtp_connector_outbox::Worker::webhook);
        if let Some(monitoring) = monitoring {
            let address = monitoring.address();
            monitoring.serve(outbox.clone(), worker.clone());
            context.output.note(format_args!(
                "metrics are at http://{address}/metrics, and http://{address}/ready says if the worker is ready"
            ));
        }
        let mut interrupt = Interrupt::listen()?;
        let (stop, stopped) = oneshot::channel::<()>();
        let run = worker.run(async {
            // The sender is dropped only at the end.
            let _ = stopped.await;
        });
        let mut run = std::pin::pin!(run);
        context.output.note("delivering the mails of the outbox; press Ctrl-C to stop");
        tokio::select! {
            drained = &mut run => return told(context, drained?),
            () = interrupt.wait() => {}
            () = empty(&outbox), if self.until_empty => {}
        }
        // The receiver lives as long as `run`.
        let _ = stop.send(());
        tokio::select! {
            drained = &mut run => told(context, drained?),
            () = interrupt.wait() => {
                context.output.warn("stopped before the mails under way were finished");
                Ok(interrupt.exit())
            }
        }
    }
}

/// Waits until no run waits or is under way.
async fn empty(outbox: &smtp_connector_outbox::Outbox) {
    use smtp_connector_outbox::RunState::{Leased, Ready, Sending};
    loop {
        let counts = outbox.counts().await;
        if counts
            .is_ok_and(|counts| [Ready, Leased, Sending].iter().all(|&one| counts.of(one) == 0))
        {
            return;
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn told(context: &Context<'_>, drained: smtp_connector_outbox::Drained) -> Result<Exit, Stop> {
    let (attempts, given_back) = (drained.attempts, drained.given_back);
    context.output.document(&json!({ "attempts": attempts, "givenBack": given_back }))?;
    let count =
        |number: u64, thing| text::count(usize::try_from(number).unwrap_or(usize::MAX), thing);
    let rest = match given_back {
        0 => String::new(),
        number => format!("; gave back {}", count(number, "mail")),
    };
    context.output.say(format_args!("stopped after {}{rest}", count(attempts, "attempt")))?;
    Ok(Exit::Done)
}
