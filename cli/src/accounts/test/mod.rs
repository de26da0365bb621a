//! `accounts test`: tests an account step by step.

pub(super) mod line;
mod mend;
mod report;

use std::sync::Arc;
use std::time::Instant;

use clap::Args;
use serde_json::json;

use self::mend::Trouble;
use self::report::Report;
use super::super::context::Context;
use super::super::interrupt::Interrupt;
use super::super::stop::{Outcome, Stop};
use smtp_connector_host::{Account, ForwardPath, Invocation};

/// Test an account: connect and log in, step by step
///
/// The command resolves the host name, connects, encrypts and logs in, as `send` does. It shows each step with its time.
/// If a step fails, it explains why and suggests a command that helps.
#[derive(Args, Debug)]
pub(crate) struct Test {
    /// Name of the account
    name: String,

    /// Also send a short mail to this address
    #[arg(long, value_name = "ADDRESS")]
    send_to: Option<ForwardPath>,
}

impl Test {
    pub(crate) async fn run(&self, context: &Context<'_>) -> Outcome {
        let account = context.account_for_test(&self.name)?;
        context.output.warn_of(&account.warnings());
        let mut report = Report::begin(context, &account);
        let mut steps = context.transport().test_steps(account.server());
        let mut trouble = None;
        while let Some(step) = steps.next().await {
            report.step(&step)?;
            trouble = step.outcome.err().map(|failure| (step.kind, failure));
        }
        if let Some((kind, failure)) = trouble {
            let command = Trouble::of(kind, &failure).command(context, &account);
            return report.fail(&failure.into(), &command);
        }
        if let Some(recipient) = &self.send_to {
            let sent = send(context, &account, recipient, &mut report).await?;
            if let Err(error) = sent {
                let command = Trouble::of_send(&error).command(context, &account);
                return report.fail(&error, &command);
            }
        }
        report.succeed()
    }
}

/// Sends a short mail through the component. A signal stops the command.
async fn send(
    context: &Context<'_>,
    account: &Arc<Account>,
    recipient: &ForwardPath,
    report: &mut Report<'_>,
) -> Result<Result<(), smtp_connector_host::Error>, Stop> {
    let host = context.host(context.accounts())?;
    let connector = context.connector(&host)?;
    let input = json!({
        "to": recipient.as_str(),
        "subject": "Test mail from smtp-connector",
        "text": "This mail shows that the account can send.\n\nIt was sent by: smtp-connector accounts test",
    });
    let invocation = Invocation::send_mail(input.to_string()).with_account(Arc::clone(account));
    let mut interrupt = Interrupt::listen()?;
    let began = Instant::now();
    let outcome = connector.invoke_until(invocation, interrupt.wait()).await;
    context.note_use(account, &outcome);
    match outcome {
        Ok(outcome) => {
            report.sent(&outcome, began.elapsed())?;
            Ok(Ok(()))
        }
        Err(error) => match interrupt.explain(error) {
            Stop::Failed(error) => {
                report.not_sent(recipient, &error, began.elapsed())?;
                Ok(Err(error))
            }
            stop => Err(stop),
        },
    }
}
