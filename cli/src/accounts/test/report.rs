//! The report of a test: a line for each step as it ends, or one JSON document.

use std::fmt;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::super::super::context::Context;
use super::super::super::exit::Exit;
use super::super::super::output::{tell, tell_error};
use super::super::super::stop::{Outcome, Stop};
use super::super::super::text;
use super::line;
use smtp_connector_host::{Account, Error, ForwardPath};
use smtp_connector_smtp::settings::Security;
use smtp_connector_smtp::steps::{Step, StepDetails};

/// The report of a test in progress.
pub(super) struct Report<'r> {
    context: &'r Context<'r>,
    account: &'r Account,
    started: Instant,
    is_encrypted: bool,
    steps: Vec<Value>,
}

impl<'r> Report<'r> {
    pub(super) fn begin(context: &'r Context<'r>, account: &'r Account) -> Self {
        Self { context, account, started: Instant::now(), is_encrypted: false, steps: Vec::new() }
    }

    /// Adds a step of the connection.
    pub(super) fn step(&mut self, step: &Step) -> Result<(), Stop> {
        self.is_encrypted |= matches!(step.outcome, Ok(StepDetails::Tls { .. }));
        self.steps.push(json!(step));
        let text = match &step.outcome {
            Ok(details) => line::of_success(self.account, details),
            Err(_) => Some(line::of_failure(self.account, step.kind)),
        };
        text.map_or(Ok(()), |text| self.say(step.outcome.is_ok(), step.took, text))
    }

    /// Adds the mail that was sent.
    pub(super) fn sent(
        &mut self,
        outcome: &smtp_connector_host::Outcome,
        took: Duration,
    ) -> Result<(), Stop> {
        self.context.output.warn_of(outcome.warnings());
        let accepted: Vec<_> = outcome.accepted().iter().map(ForwardPath::as_str).collect();
        let reply = outcome.reply().map(|reply| reply.text.replace('\n', " "));
        self.steps.push(json!({
            "step": "send",
            "ok": true,
            "milliseconds": milliseconds(took),
            "accepted": accepted,
            "queueId": outcome.queue_id(),
            "messageId": outcome.message_id(),
            "response": reply,
        }));
        let answer = match (outcome.queue_id(), reply) {
            (Some(id), _) => format!("queue id {id}"),
            (None, reply) => reply.unwrap_or_default(),
        };
        self.say(true, took, format_args!("sent a mail to {}: {answer}", accepted.join(", ")))
    }

    /// Adds the mail that was not sent.
    pub(super) fn not_sent(
        &mut self,
        recipient: &ForwardPath,
        error: &Error,
        took: Duration,
    ) -> Result<(), Stop> {
        self.steps.push(json!({
            "step": "send",
            "ok": false,
            "milliseconds": milliseconds(took),
            "code": error.code(),
            "message": error.to_string(),
            "hint": error.hint(),
        }));
        self.say(false, took, format_args!("sending a mail to {recipient}"))
    }

    /// Ends the report of a test without failures.
    pub(super) fn succeed(self) -> Outcome {
        let how = match self.account.security() {
            _ if !self.is_encrypted => "without encryption",
            Security::Tls => "over TLS",
            _ => "with STARTTLS",
        };
        let took = text::duration(self.started.elapsed());
        self.context
            .output
            .say(format_args!("the account {:?} works {how}, in {took}", self.account.name()))?;
        self.context.output.document(&self.document(None))?;
        Ok(Exit::Done)
    }

    /// Ends the report with the reason why the test failed, and a command that helps.
    pub(super) fn fail(self, error: &Error, command: &str) -> Outcome {
        self.context.tell_causes(error);
        tell_error(error);
        tell(format_args!("  run: {command}"));
        self.context.output.document(&self.document(Some((error, command))))?;
        Ok(Exit::from(error))
    }

    fn say(&self, is_ok: bool, took: Duration, text: impl fmt::Display) -> Result<(), Stop> {
        let mark = if is_ok { "ok" } else { "failed" };
        let took = text::duration(took);
        self.context.output.say(format_args!("{mark:<6}  {took:>7}  {text}"))
    }

    fn document(&self, failed: Option<(&Error, &str)>) -> Value {
        let mut document = json!({
            "ok": failed.is_none(),
            "account": self.account.name(),
            "server": format!("{}:{}", self.account.host(), self.account.port()),
            "milliseconds": milliseconds(self.started.elapsed()),
            "steps": self.steps,
        });
        if let Some((error, command)) = failed {
            document["error"] = error.to_json();
            document["command"] = json!(command);
        }
        document
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
