//! The command line: global options and the list of commands.

use std::env::ArgsOs;

use clap::error::ErrorKind;
use clap::{CommandFactory as _, Parser, Subcommand};
use serde_json::json;

use super::exit::Exit;
use super::shared::Shared;
use super::{output, printable};

/// Send mail through a sandboxed connector that never sees your password and has no socket
///
/// Start with `smtp-connector demo`.
#[derive(Debug, Parser)]
#[command(name = "smtp-connector", version, arg_required_else_help = true, max_term_width = 100)]
pub(crate) struct Options {
    #[command(flatten)]
    pub(crate) shared: Shared,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands. The doc comment of each command's struct is its help text.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Demo(super::demo::Demo),
    Send(Box<super::send::Send>),
    Preview(super::preview::Preview),
    Validate(super::validate::Validate),
    Describe(super::describe::Describe),
    Accounts(super::accounts::Accounts),
    Providers(super::providers::Providers),
    Inbox(super::inbox::Inbox),
    Outbox(super::outbox::OutboxCommand),
    Worker(super::worker::Worker),
}

/// Prints what is wrong with the command line, or the help or version that the user asked for.
pub(crate) fn explain(error: clap::Error, words: ArgsOs) -> Exit {
    let words: Vec<_> = words.map(|word| word.to_string_lossy().into_owned()).collect();
    let json = words.iter().any(|word| word == "--json");
    let error = if words.iter().all(|word| printable::is_printable(word)) {
        // If this cannot be printed, there is no other way to report it.
        let _ = error.print();
        error
    } else {
        // clap prints arguments unescaped. Parse escaped arguments instead, to get the same error with safe text.
        let words = words.iter().map(|word| printable::line(word).into_owned());
        let error = Options::command().try_get_matches_from(words).err().unwrap_or(error);
        output::print_lines(&error.render().to_string(), error.use_stderr());
        error
    };
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => return Exit::Done,
        _ if !json => {}
        _ => {
            let text = error.render().to_string();
            let message = text.lines().next().unwrap_or_default().trim_start_matches("error: ");
            output::print_json(&json!({
                "error": {
                    "code": "validation", "message": message, "hint": "see --help", "phase": "input",
                    "retry": "never", "delivered": "no", "issues": [], "rejectedErrors": [],
                },
            }));
        }
    }
    Exit::Usage
}
