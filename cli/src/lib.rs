//! The command `smtp-connector`, with one file for each subcommand.

#![deny(missing_docs)]
#![deny(unsafe_code)]

mod accounts;
mod body;
mod context;
mod demo;
mod describe;
mod exit;
mod home;
mod inbox;
mod input;
mod interrupt;
mod message_view;
mod mime_parts;
mod monitoring;
mod one_off;
mod options;
mod outbox;
mod output;
mod preview;
mod printable;
mod providers;
mod proxy;
mod question;
mod queue;
mod send;
mod shared;
mod standard_input;
mod stop;
mod text;
mod uses;
mod validate;
mod webhooks;
mod worker;

use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _};

use context::Context;
use options::{Command, Options};
use output::Output;
use stop::{Outcome, Stop, bug};

/// Runs the command with the process's arguments.
pub fn main() -> ExitCode {
    let matches = Options::command().try_get_matches_from(std::env::args_os());
    let options = match matches.and_then(|matches| Options::from_arg_matches(&matches)) {
        Ok(options) => options,
        Err(error) => return options::explain(error, std::env::args_os()).into(),
    };
    let output = Output::new(options.shared.json, options.shared.quiet);
    let runtime = match options.command {
        // The other commands send at most one mail.
        Command::Worker(_) => tokio::runtime::Builder::new_multi_thread().enable_all().build(),
        _ => tokio::runtime::Builder::new_current_thread().enable_all().build(),
    };
    let outcome = match runtime {
        Ok(runtime) => {
            let outcome = runtime.block_on(run(options, &output));
            // Do not wait for tasks that wait for a server's reply to QUIT.
            runtime.shutdown_background();
            outcome
        }
        Err(reason) => {
            let message = format!("could not start the async runtime: {reason}");
            Err(Stop::Failed(bug(message)))
        }
    };
    match outcome {
        Ok(exit) => exit.into(),
        Err(stop) => output.stop(&stop).into(),
    }
}

async fn run(options: Options, output: &Output) -> Outcome {
    let context = Context::new(options.shared, output)?;
    match options.command {
        Command::Demo(command) => command.run(&context).await,
        Command::Send(command) => command.run(&context).await,
        Command::Preview(command) => command.run(&context).await,
        Command::Validate(command) => command.run(&context).await,
        Command::Describe(command) => command.run(&context).await,
        Command::Accounts(command) => command.run(&context).await,
        Command::Providers(command) => command.run(&context),
        Command::Inbox(command) => command.run(&context).await,
        Command::Outbox(command) => command.run(&context).await,
        Command::Worker(command) => command.run(&context).await,
    }
}
