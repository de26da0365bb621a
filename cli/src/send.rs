//! `send`: sends a mail.

use std::borrow::Cow;
use std::sync::Arc;

use clap::Args;
use serde_json::Value;

use super::context::Context;
use super::exit::Exit;
use super::input::{Empty, Input, Origin, Prepared};
use super::interrupt::Interrupt;
use super::one_off::OneOff;
use super::queue::Queue;
use super::stop::{Outcome, Stop};
use super::text;
use smtp_connector_host::{Error, ForwardPath, Issue, Status};

/// Send a mail
///
/// Example: smtp-connector send --to bob@example.com --subject Hi --text 'Hi, Bob!' --attach report.pdf
///
/// Without an account: smtp-connector send --server smtps://you@mail.example.com --from you@example.com --to ...
///
/// To be sent by a worker, even if the server is away: smtp-connector send --queue --to ...
///
/// Standard input is the text body if no option gives a body: df -h | smtp-connector send --to bob@example.com
/// --subject Disks. A terminal, an empty pipe and /dev/null do not count as a body. If no option gives a field,
/// standard input is the whole mail as JSON, as with --input -.
#[derive(Args, Debug)]
pub(crate) struct Send {
    #[command(flatten)]
    input: Input,

    #[command(flatten)]
    one_off: OneOff,

    #[command(flatten)]
    queue: Queue,

    /// Build the message without sending it
    #[arg(long)]
    dry_run: bool,

    /// Send even if the mail has no text, attachment or subject
    #[arg(long)]
    allow_empty: bool,
}

impl Send {
    pub(crate) async fn run(&self, context: &Context<'_>) -> Outcome {
        let one_off = self.one_off.account(self.input.sender())?.map(Arc::new);
        let named = match &one_off {
            Some(_) => None,
            None => self.input.account(context)?,
        };
        let account = one_off.or_else(|| named.clone());
        let cannot_send = account.is_none() && !self.dry_run;
        let empty = match (self.allow_empty, self.dry_run) {
            (true, _) => Empty::Allowed,
            (false, true) => Empty::Warned,
            // Do not ask about a mail that cannot be sent.
            (false, false) if cannot_send => Empty::Warned,
            (false, false) => Empty::Asked,
        };
        let Prepared { mut invocation, warnings, origin } =
            self.input.prepare(context, account.as_deref(), empty, self.queue.files())?;
        if cannot_send {
            return Err(no_account().into());
        }
        // Warn before the mail is sent, so that the user can still stop it.
        context.output.warn_of(&warnings);
        if self.dry_run {
            invocation = invocation.dry_run();
        }
        let host = context.host(context.accounts())?;
        let connector = context.connector(&host)?;
        if let Some(account) = account.filter(|_| self.queue.is_chosen()) {
            return self
                .queue
                .enqueue(context, &connector, invocation, account.name(), origin)
                .await;
        }
        let mut interrupt = Interrupt::listen()?;
        let outcome = connector.invoke_until(invocation, interrupt.wait()).await;
        if let Some(account) = &named {
            context.note_use(account, &outcome);
        }
        let outcome = outcome.map_err(|error| {
            context.tell_causes(&error);
            interrupt.explain(origin.teach(error))
        })?;
        if context.output.is_json() {
            context.output.print_json(&with_warnings(outcome.as_json(), &warnings))?;
        }
        warn(&outcome, context, origin);
        tell(&outcome, context)?;
        Ok(Exit::Done)
    }
}

/// Returns the error of a user who has not added an account yet.
fn no_account() -> Error {
    Error::account("there is no account to send with yet").with_hint(
        "add one: run `smtp-connector accounts add`, which asks for everything. In a script: \
         smtp-connector accounts add work --provider gmail --username you@gmail.com --from you@gmail.com \
         (`smtp-connector providers` lists the providers; for any other server, use --host smtp.example.com). \
         To try it without a server: smtp-connector demo",
    )
}

/// Returns the result with the command's own warnings added.
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

/// Returns the error for a result of the component that cannot be parsed.
pub(crate) fn unreadable(reason: &serde_json::Error) -> Stop {
    let message = format!("could not parse the component's result: {reason}");
    Stop::Failed(crate::stop::bug(message))
}

/// Prints the warnings of an outcome, and the recipients that the server refused.
pub(crate) fn warn(outcome: &smtp_connector_host::Outcome, context: &Context<'_>, origin: Origin) {
    let mut warnings = outcome.warnings().to_vec();
    origin.name_options(&mut warnings);
    context.output.warn_of(&warnings);
    for one in outcome.rejected() {
        let code = one.reply.code;
        let said = one.reply.text.replace('\n', " ");
        context.output.warn(format!("the server refused {}: {code} {said}", one.recipient));
    }
}

fn tell(outcome: &smtp_connector_host::Outcome, context: &Context<'_>) -> Result<(), Stop> {
    let output = context.output;
    if outcome.status() == Some(Status::DryRun) {
        output.say(format_args!("nothing was sent: this was a dry run"))?;
    } else {
        let accepted: Vec<_> = outcome.accepted().iter().map(ForwardPath::as_str).collect();
        output.say(format_args!("sent to {}", accepted.join(", ")))?;
        let reply = outcome.reply().map_or(String::new(), |reply| {
            format!("{} {}", reply.code, reply.text.replace('\n', " "))
        });
        let queue = outcome.queue_id().map_or(String::new(), |id| format!(" (queue id {id})"));
        output.say(format_args!("  server      {reply}{queue}"))?;
    }
    let attached = text::count(outcome.attachments().len(), "attachment");
    let size = text::size(outcome.message_size().unwrap_or_default());
    output.say(format_args!("  Message-ID  {}", outcome.message_id().unwrap_or_default()))?;
    output.say(format_args!("  size        {size}, {attached}"))
}
