//! `outbox move`: moves an outbox from a file into PostgreSQL.

use clap::Args;
use smtp_connector_outbox::{Moved, Outbox};

use super::super::context::Context;
use super::super::exit::Exit;
use super::super::queue::{ChosenOutbox, database};
use super::super::stop::{Outcome, Stop};
use super::super::text;

/// Move everything from an outbox in a file into PostgreSQL
///
/// Stop the workers first, and make the new outbox with `outbox migrate`. From then on, the file can only be read. A move
/// that was interrupted is repeated.
///
/// Example: smtp-connector outbox move --to postgres://worker@db.example.com/shop
#[derive(Args, Debug)]
pub(super) struct Move {
    /// URL of the PostgreSQL database
    ///
    /// The URL is postgres://user@host/database. Its password comes from PGPASSWORD.
    #[arg(long, value_name = "URL")]
    to: String,
}

impl Move {
    pub(super) async fn run(&self, context: &Context<'_>, chosen: &ChosenOutbox) -> Outcome {
        let Some(file) = chosen.file(context)? else {
            return Err(Stop::UsageWithHint(
                "only an outbox in a file can be moved".to_owned(),
                "name the file with --outbox; SMTP_CONNECTOR_OUTBOX may name a database".to_owned(),
            ));
        };
        let Some(url) = database(&self.to, "--to")? else {
            return Err(Stop::UsageWithHint(
                "an outbox can be moved only into PostgreSQL".to_owned(),
                "name its database: --to postgres://user@host/database".to_owned(),
            ));
        };
        // Opening it would make it.
        if !file.exists() {
            return Err(Stop::UsageWithHint(
                format!("there is no outbox {}", file.display()),
                "name its file with --outbox".to_owned(),
            ));
        }
        let new = Outbox::connect(url).await?;
        let moved = Outbox::open(&file).await?.move_to(&new).await?;
        context.output.document(&serde_json::json!(moved))?;
        tell(context, &moved)?;
        Ok(Exit::Done)
    }
}

fn tell(context: &Context<'_>, moved: &Moved) -> Result<(), Stop> {
    let output = context.output;
    if moved.was_done {
        return output
            .say(format_args!("the outbox was moved to the database {} before", moved.to));
    }
    let count =
        |number: u64, thing| text::count(usize::try_from(number).unwrap_or(usize::MAX), thing);
    output.say(format_args!(
        "moved {}, {} and {} to the database {}",
        count(moved.runs, "mail"),
        count(moved.events, "event"),
        count(moved.accounts, "account"),
        moved.to
    ))?;
    for id in &moved.without_key {
        output.warn(format_args!(
            "{id} has no key any more, because another mail there has it; if it waited, it is held: release it or cancel it"
        ));
    }
    output.note("from now on, name the new outbox in the services and programs that used the file");
    Ok(())
}
