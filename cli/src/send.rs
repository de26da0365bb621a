//! `send`: sends a mail.

use std::borrow::Cow;

use clap::Args;
use serde::Deserialize;
use serde_json::Value;

use super::context::Context;
use super::exit::Exit;
use super::input::{Empty, Input, Origin, Prepared};
use super::interrupt::Interrupt;
use super::stop::{Outcome, Stop};
use super::text;
use smtp_connector_host::{Error, Issue};

/// Send a mail.
///
/// Example: smtp-connector send --to bob@example.com --subject Hi --text 'Hi, Bob!' --attach report.pdf
///
/// Standard input is the text where no option gives a body: df -h | smtp-connector send --to bob@example.com --subject
/// Disks. A terminal, an empty pipe and /dev/null are no body. Where no option gives a field, standard input is the whole
/// mail as JSON, as with --input -.
#[derive(Args, Debug)]
pub(crate) struct Send {
    #[command(flatten)]
    input: Input,

    /// Assemble the message, and send nothing
    #[arg(long)]
    dry_run: bool,

    /// Send a mail without text and attachments, or without a subject too
    #[arg(long)]
    allow_empty: bool,
}

/// The part of a result that people are told.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Sent {
    status: String,
    message_id: String,
    accepted: Vec<String>,
    rejected_errors: Vec<Rejected>,
    response: Option<String>,
    response_code: Option<u16>,
    queue_id: Option<String>,
    message_size: u64,
    attachments: Vec<serde::de::IgnoredAny>,
    warnings: Vec<Warning>,
    pub(crate) message: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Rejected {
    recipient: String,
    response_code: u16,
    response: String,
}

#[derive(Deserialize)]
struct Warning {
    path: String,
    code: String,
    message: String,
}

impl Send {
    pub(crate) async fn run(&self, context: &Context<'_>) -> Outcome {
        let account = self.input.account(context)?;
        let cannot_send = account.is_none() && !self.dry_run;
        let empty = match (self.allow_empty, self.dry_run) {
            (true, _) => Empty::Allowed,
            (false, true) => Empty::Warned,
            // Nobody is asked about a mail that cannot be sent.
            (false, false) if cannot_send => Empty::Warned,
            (false, false) => Empty::Asked,
        };
        let Prepared { mut invocation, warnings, origin } =
            self.input.prepare(context, account.as_deref(), empty)?;
        if cannot_send {
            return Err(no_account().into());
        }
        // Before the mail is sent, so that it can still be stopped.
        context.output.warn_of(&warnings);
        if self.dry_run {
            invocation = invocation.dry_run();
        }
        let host = context.host(context.accounts())?;
        let connector = context.connector(&host)?;
        let mut interrupt = Interrupt::listen()?;
        let outcome = connector.invoke_until(invocation, interrupt.wait()).await;
        let outcome = outcome.map_err(|error| {
            context.tell_causes(&error);
            interrupt.explain(origin.teach(error))
        })?;
        let sent: Sent = outcome.parse().map_err(|reason| unreadable(&reason))?;
        if context.output.is_json() {
            context.output.print_json(&with_warnings(outcome.as_json(), &warnings))?;
        }
        sent.warn(context, origin);
        sent.tell(context)?;
        Ok(Exit::Done)
    }
}

/// The first mail of somebody who has connected no account yet.
fn no_account() -> Error {
    Error::account("there is no account to send with yet").with_hint(
        "connect one: smtp-connector accounts add work --provider gmail --username you@gmail.com --from you@gmail.com \
         (`smtp-connector providers` lists the providers; for another server, --host smtp.example.com). To try it without \
         a server: smtp-connector demo",
    )
}

/// A result with the command's own warnings among its own.
pub(crate) fn with_warnings<'r>(result: &'r str, warnings: &[Issue]) -> Cow<'r, str> {
    let mut value: Value = match serde_json::from_str(result) {
        Ok(value) if !warnings.is_empty() => value,
        _ => return Cow::Borrowed(result),
    };
    if let Some(Value::Array(all)) = value.get_mut("warnings") {
        all.extend(warnings.iter().map(Issue::to_json));
    }
    Cow::Owned(format!("{value:#}"))
}

/// A result that is JSON, and not a result.
pub(crate) fn unreadable(reason: &serde_json::Error) -> Stop {
    let message = format!("the component's result cannot be read: {reason}");
    Stop::Failed(crate::stop::bug(message))
}

impl Sent {
    /// Tells of what is not as it may have been meant.
    pub(crate) fn warn(&self, context: &Context<'_>, origin: Origin) {
        let mut warnings: Vec<_> = self
            .warnings
            .iter()
            .map(|one| Issue {
                path: one.path.clone(),
                code: one.code.clone(),
                message: one.message.clone(),
            })
            .collect();
        origin.name_options(&mut warnings);
        context.output.warn_of(&warnings);
        for one in &self.rejected_errors {
            let said = one.response.replace('\n', " ");
            let line = format!("{} was refused: {} {said}", one.recipient, one.response_code);
            context.output.warn(line);
        }
    }

    fn tell(&self, context: &Context<'_>) -> Result<(), Stop> {
        let output = context.output;
        if self.status == "dry-run" {
            output.say(format_args!("nothing was sent: this was a dry run"))?;
        } else {
            output.say(format_args!("sent to {}", self.accepted.join(", ")))?;
            let said = self.response.as_deref().unwrap_or_default().replace('\n', " ");
            let code = self.response_code.unwrap_or_default();
            let queue =
                self.queue_id.as_ref().map_or(String::new(), |id| format!(" (queue id {id})"));
            output.say(format_args!("  server      {code} {said}{queue}"))?;
        }
        let attached = text::count(self.attachments.len(), "attachment");
        output.say(format_args!("  Message-ID  {}", self.message_id))?;
        output.say(format_args!("  size        {}, {attached}", text::size(self.message_size)))
    }
}
