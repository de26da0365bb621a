//! `preview`: builds a message without sending it.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;

use super::context::Context;
use super::exit::Exit;
use super::input::{Empty, Files, Input, Prepared};
use super::send::{warn, with_warnings};
use super::stop::{Outcome, Stop};
use super::{question, text};
use smtp_connector_smtp::private_files;

/// Build a message and print it, without sending
///
/// With --json, it prints the result as JSON, with the message in it.
#[derive(Args, Debug)]
pub(crate) struct Preview {
    #[command(flatten)]
    input: Input,

    /// Write the message to this file; `-` is standard output
    ///
    /// A new file is readable only by you.
    #[arg(short, long, value_name = "FILE.eml")]
    output: Option<PathBuf>,

    /// Overwrite the --output file without asking
    #[arg(long)]
    force: bool,
}

impl Preview {
    pub(crate) async fn run(&self, context: &Context<'_>) -> Outcome {
        let account = self.input.account(context)?;
        let target = self.target(context)?;
        let Prepared { invocation, warnings, origin } =
            self.input.prepare(context, account.as_deref(), Empty::Warned, Files::Uploads)?;
        context.output.warn_of(&warnings);
        let invocation = invocation.dry_run();
        let host = context.host(context.accounts())?;
        let connector = context.connector(&host)?;
        let outcome = connector
            .invoke(invocation)
            .await
            .map_err(|error| context.explain(origin.teach(error)))?;
        let message = outcome.message().unwrap_or_default();
        if let Target::File { path, is_new } = &target {
            write(path, *is_new, message.as_bytes())?;
            context.output.say(format_args!("wrote the message to {}", path.display()))?;
        }
        if context.output.is_json() {
            context.output.print_json(&with_warnings(outcome.as_json(), &warnings))?;
        } else if matches!(target, Target::StandardOutput) {
            context.output.print_message(message.as_bytes())?;
        }
        warn(&outcome, context, origin);
        Ok(Exit::Done)
    }

    /// Returns the target of the message. Asks before it overwrites a file, unless `--force` is given.
    fn target(&self, context: &Context<'_>) -> Result<Target, Stop> {
        let Some(path) = self.output.clone() else { return Ok(Target::StandardOutput) };
        // Do not open these devices: if standard output is redirected to a file, that would truncate the file.
        if ["-", "/dev/stdout", "/dev/fd/1"].iter().any(|name| path == Path::new(name)) {
            return match context.output.is_json() {
                true => Err(Stop::Usage(
                    "--json prints the result, with the message in it, to standard output; \
                     remove --output"
                        .to_owned(),
                )),
                false => Ok(Target::StandardOutput),
            };
        }
        let shown = path.display();
        let is_new = match fs::metadata(&path) {
            Ok(found) if found.is_dir() => {
                let message = format!("--output {shown} is a folder; give the path of a file");
                return Err(Stop::Usage(message));
            }
            Ok(found) if found.is_file() => {
                question::confirm_or_force(self.force, &format!("overwrite {shown}"))?;
                false
            }
            // Writing to a pipe or a device does not overwrite data.
            Ok(_) => false,
            // If the path cannot be written to, `write` reports it.
            Err(_) => !self.force,
        };
        Ok(Target::File { path, is_new })
    }
}

/// The target that a message is written to.
enum Target {
    StandardOutput,
    File {
        path: PathBuf,
        /// Whether the file did not exist. If it exists when it is created, another process made it.
        is_new: bool,
    },
}

fn write(path: &Path, is_new: bool, message: &[u8]) -> Result<(), Stop> {
    let opened = match is_new {
        true => private_files::create_new(path),
        false => private_files::create(path),
    };
    opened.and_then(|mut file| file.write_all(message)).map_err(|reason| {
        let shown = path.display();
        Stop::Usage(format!("could not write the message to {shown}: {}", text::reason(&reason)))
    })
}
