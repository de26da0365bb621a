//! `outbox`: shows and changes the mails of the outbox.

mod change;
mod export;
mod list;
mod migrate;
mod move_to;
mod show;

use clap::{Args, Subcommand};
use serde_json::json;

use super::context::Context;
use super::exit::Exit;
use super::queue::ChosenOutbox;
use super::stop::Outcome;
use super::text;

/// Show and change the mails of the outbox
///
/// `send --queue` puts mails into the outbox, and `worker` sends them.
#[derive(Args, Debug)]
pub(crate) struct OutboxCommand {
    #[command(subcommand)]
    command: Command,

    #[command(flatten)]
    outbox: ChosenOutbox,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(list::List),
    Show(show::Show),
    /// Try mails now that failed, are unknown, or wait for a later attempt
    ///
    /// A mail that is unknown may arrive twice. Both copies have the same Message-ID.
    Retry(change::Runs),
    /// Cancel mails that are not under way
    Cancel(change::Runs),
    /// Hold mails that wait
    Hold(change::Runs),
    /// Release mails that are held
    Release(change::Runs),
    /// Try a paused account at once, for example after its password was changed
    Resume {
        /// Name of the account
        account: String,
    },
    Export(export::Export),
    /// Delete what the workers delete: inputs after 7 days, and mails that ended after 30 days
    Prune,
    /// Make the outbox in a PostgreSQL database, or upgrade it
    ///
    /// Needs a role that may change the database. An outbox in a file is made and upgraded when it is opened.
    Migrate,
    Move(move_to::Move),
}

impl OutboxCommand {
    pub(crate) async fn run(&self, context: &Context<'_>) -> Outcome {
        match &self.command {
            Command::Migrate => return migrate::run(context, &self.outbox).await,
            Command::Move(one) => return one.run(context, &self.outbox).await,
            _ => {}
        }
        let outbox = self.outbox.open(context).await?;
        match &self.command {
            // They open the outbox in another way.
            Command::Migrate | Command::Move(_) => Ok(Exit::Done),
            Command::List(list) => list.run(context, &outbox).await,
            Command::Show(show) => show.run(context, &outbox).await,
            Command::Retry(runs) => {
                runs.change(context, "retried", async |id| outbox.retry(id).await).await
            }
            Command::Cancel(runs) => {
                runs.change(context, "cancelled", async |id| outbox.cancel(id).await).await
            }
            Command::Hold(runs) => {
                runs.change(context, "held", async |id| outbox.hold(id).await).await
            }
            Command::Release(runs) => {
                runs.change(context, "released", async |id| outbox.release(id).await).await
            }
            Command::Resume { account } => {
                let was_paused = outbox.resume(account).await?;
                context.output.document(&json!({ "account": account, "wasPaused": was_paused }))?;
                context.output.say(match was_paused {
                    true => format!("the account {account:?} is tried again"),
                    false => format!("the account {account:?} is not paused"),
                })?;
                Ok(Exit::Done)
            }
            Command::Export(export) => export.run(context, &outbox).await,
            Command::Prune => {
                let (inputs, runs) = outbox.prune().await?;
                context.output.document(&json!({ "inputs": inputs, "runs": runs }))?;
                let (inputs, runs) = (text::count(inputs, "input"), text::count(runs, "mail"));
                context.output.say(format_args!("deleted {inputs} and {runs}"))?;
                Ok(Exit::Done)
            }
        }
    }
}
