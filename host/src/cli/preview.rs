//! `preview`: assembles a mail, and sends nothing.

use std::io::Write as _;
use std::path::PathBuf;

use clap::Args;

use super::context::Context;
use super::exit::Exit;
use super::input::Input;
use super::send::{Sent, unreadable};
use super::{Outcome, Stop};
use crate::private_files;

/// Assemble a mail, and send nothing.
///
/// Prints the message; with --json, the result with the message in it.
#[derive(Args, Debug)]
pub(crate) struct Preview {
    #[command(flatten)]
    input: Input,

    /// Write the message to this file instead; a new file is for you alone
    #[arg(short, long, value_name = "FILE.eml")]
    output: Option<PathBuf>,
}

impl Preview {
    pub(crate) async fn run(&self, context: &Context<'_>) -> Outcome {
        let invocation = self.input.invocation(context)?.dry_run();
        let host = context.host(context.accounts())?;
        let connector = context.connector(&host)?;
        let outcome = connector.invoke(invocation).await.map_err(|error| context.explain(error))?;
        let made: Sent = outcome.parse().map_err(|reason| unreadable(&reason))?;
        let message = made.message.as_deref().unwrap_or_default();
        if let Some(path) = &self.output {
            let written =
                private_files::create(path).and_then(|mut file| file.write_all(message.as_bytes()));
            written.map_err(|reason| {
                Stop::Usage(format!(
                    "the message cannot be written to {}: {reason}",
                    path.display()
                ))
            })?;
            context.output.say(format_args!("the message is in {}", path.display()))?;
        }
        if context.output.is_json() {
            context.output.print_json(outcome.as_json())?;
        } else if self.output.is_none() {
            context.output.print_message(message.as_bytes())?;
        }
        made.warn(context);
        Ok(Exit::Done)
    }
}
