//! `preview`: assembles a mail, and sends nothing.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use clap::Args;

use super::context::Context;
use super::exit::Exit;
use super::input::{Empty, Input, Prepared};
use super::send::{warn, with_warnings};
use super::stop::{Outcome, Stop};
use super::{question, text};
use smtp_connector_smtp::private_files;

/// Assemble a mail, and send nothing.
///
/// Prints the message; with --json, the result with the message in it.
#[derive(Args, Debug)]
pub(crate) struct Preview {
    #[command(flatten)]
    input: Input,

    /// Write the message to this file instead; `-` is standard output. A new file is for you alone
    #[arg(short, long, value_name = "FILE.eml")]
    output: Option<PathBuf>,

    /// Overwrite the file of --output without asking
    #[arg(long)]
    force: bool,
}

impl Preview {
    pub(crate) async fn run(&self, context: &Context<'_>) -> Outcome {
        let account = self.input.account(context)?;
        let target = self.target(context)?;
        let Prepared { invocation, warnings, origin } =
            self.input.prepare(context, account.as_deref(), Empty::Warned)?;
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
            context.output.say(format_args!("the message is in {}", path.display()))?;
        }
        if context.output.is_json() {
            context.output.print_json(&with_warnings(outcome.as_json(), &warnings))?;
        } else if matches!(target, Target::StandardOutput) {
            context.output.print_message(message.as_bytes())?;
        }
        warn(&outcome, context, origin);
        Ok(Exit::Done)
    }

    /// Where the message goes. What is there already is not overwritten unless that is meant.
    fn target(&self, context: &Context<'_>) -> Result<Target, Stop> {
        let Some(path) = self.output.clone() else { return Ok(Target::StandardOutput) };
        // Of the devices, since opening one that is redirected to a file would empty the file.
        if ["-", "/dev/stdout", "/dev/fd/1"].iter().any(|name| path == Path::new(name)) {
            return match context.output.is_json() {
                true => Err(Stop::Usage(
                    "--json prints the result, with the message in it, to standard output; \
                     leave out --output"
                        .to_owned(),
                )),
                false => Ok(Target::StandardOutput),
            };
        }
        let shown = path.display();
        let is_new = match fs::metadata(&path) {
            Ok(found) if found.is_dir() => {
                let message = format!("--output {shown} is a folder; name a file in it");
                return Err(Stop::Usage(message));
            }
            Ok(found) if found.is_file() => {
                question::confirm_or_force(self.force, &format!("overwrite {shown}"))?;
                false
            }
            // A pipe or a device: nothing in it is lost.
            Ok(_) => false,
            // One that cannot be written to is told when it is.
            Err(_) => !self.force,
        };
        Ok(Target::File { path, is_new })
    }
}

/// Where a message is written to.
enum Target {
    StandardOutput,
    File {
        path: PathBuf,
        /// Whether nothing was there, so that what is there now is somebody else's.
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
        Stop::Usage(format!("the message cannot be written to {shown}: {}", text::reason(&reason)))
    })
}
