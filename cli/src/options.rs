//! What stands on the command line, for all commands.

use std::env::ArgsOs;

use clap::error::ErrorKind;
use clap::{CommandFactory as _, Parser, Subcommand};
use serde_json::json;

use super::exit::Exit;
use super::shared::Shared;
use super::{output, printable};

/// Sends mail with a connector that runs in a sandbox: it never sees your password, and has no socket.
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

/// The commands. Where one has more to say than a line, it does so itself.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Send an example through the sandbox to an inbox in this process, and show what arrived
    Demo(super::demo::Demo),
    Send(super::send::Send),
    Preview(super::preview::Preview),
    /// Say everything that is wrong with an input, connecting to nothing
    Validate(super::validate::Validate),
    /// Print the manifest: what forms can be drawn from
    Describe(super::describe::Describe),
    /// Manage connected accounts
    Accounts(super::accounts::Accounts),
    /// List providers whose settings are known
    Providers(super::providers::Providers),
    Inbox(super::inbox::Inbox),
}

/// Says what is wrong with the command line, or what was asked for: help, the version.
pub(crate) fn explain(error: clap::Error, words: ArgsOs) -> Exit {
    let words: Vec<_> = words.map(|word| word.to_string_lossy().into_owned()).collect();
    let json = words.iter().any(|word| word == "--json");
    let error = if words.iter().all(|word| printable::is_printable(word)) {
        // Nothing more can be done where even this cannot be printed.
        let _ = error.print();
        error
    } else {
        // clap prints words as they are. Of words that are safe, it says the same.
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
