//! What is printed, and where: results to standard output, words about them to standard error.
//!
//! Every line and every document goes through here, and so through [`printable`], which makes the words of components,
//! servers and mails safe for a terminal.

use std::fmt;
use std::io::{self, IsTerminal as _, Write as _};

use serde_json::{Value, json};

use super::exit::Exit;
use super::stop::Stop;
use super::{printable, text};
use smtp_connector_host::Issue;

/// How the command prints.
#[derive(Clone)]
pub(crate) struct Output {
    json: bool,
    quiet: bool,
}

impl Output {
    pub(crate) fn new(json: bool, quiet: bool) -> Self {
        Self { json, quiet }
    }

    /// Whether a JSON document is what was asked for.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Prints one line of a result for people, unless JSON or nothing was asked for.
    pub(crate) fn say(&self, line: impl fmt::Display) -> Result<(), Stop> {
        if self.json || self.quiet {
            return Ok(());
        }
        Ok(writeln!(io::stdout().lock(), "{}", printable::line(&line.to_string()))?)
    }

    /// Prints the title of a further section for people.
    pub(crate) fn title(&self, title: &str) -> Result<(), Stop> {
        self.say("")?;
        self.say(title)
    }

    /// Prints the JSON document, if it was asked for.
    pub(crate) fn document(&self, value: &Value) -> Result<(), Stop> {
        if self.json {
            self.print_json(&pretty(value))?;
        }
        Ok(())
    }

    /// Prints a JSON document that was asked for whatever the options.
    pub(crate) fn print_json(&self, document: &str) -> Result<(), Stop> {
        let mut out = io::stdout().lock();
        writeln!(out, "{}", printable::json(document.trim_end()))?;
        Ok(out.flush()?)
    }

    /// Prints a message as it is; on a terminal, what the terminal would obey is shown instead.
    pub(crate) fn print_message(&self, message: &[u8]) -> Result<(), Stop> {
        let mut out = io::stdout().lock();
        if out.is_terminal() {
            out.write_all(printable::raw(message).as_bytes())?;
        } else {
            out.write_all(message)?;
        }
        Ok(out.flush()?)
    }

    /// Tells a person something beside the result.
    pub(crate) fn note(&self, line: impl fmt::Display) {
        if !self.quiet {
            tell(line);
        }
    }

    /// Warns, even where nothing else is to be said.
    pub(crate) fn warn(&self, line: impl fmt::Display) {
        tell(format_args!("warning: {line}"));
    }

    /// Warns of each.
    pub(crate) fn warn_of(&self, warnings: &[Issue]) {
        for warning in warnings {
            self.warn(text::issue(warning));
        }
    }

    fn stop_for_usage(&self, message: &str, hint: Option<&str>) -> Exit {
        tell(format_args!("error: {message}"));
        if let Some(hint) = hint {
            tell(format_args!("  hint: {hint}"));
        }
        if self.json {
            let hint = hint.unwrap_or("see --help");
            print_json(&json!({
                "error": {
                    "code": "validation", "message": message, "hint": hint, "phase": "input",
                    "retry": "never", "delivered": "no", "issues": [], "rejectedErrors": [],
                },
            }));
        }
        Exit::Usage
    }

    /// Says why the command ends, and how.
    pub(crate) fn stop(&self, stop: &Stop) -> Exit {
        match stop {
            Stop::Closed => Exit::Done,
            Stop::Usage(message) => self.stop_for_usage(message, None),
            Stop::UsageWithHint(message, hint) => self.stop_for_usage(message, Some(hint)),
            Stop::Component(file, error) => {
                let (file, mut message) =
                    (file.display().to_string(), text::without_numbers(&error.to_string()));
                // A file that cannot be read is named already.
                if !message.contains(&file) {
                    message = format!("{file}: {message}");
                }
                self.stop_for_usage(&message, error.hint())
            }
            Stop::Failed(error) => {
                self.tell_error(error);
                Exit::from(error)
            }
            Stop::Interrupted(error, exit) => {
                self.tell_error(error);
                *exit
            }
        }
    }

    fn tell_error(&self, error: &smtp_connector_host::Error) {
        text::error(error).iter().for_each(tell);
        if self.json {
            print_json(&json!({ "error": error.to_json() }));
        }
    }
}

/// Prints a document where an error of printing could not be told any more.
pub(crate) fn print_json(value: &Value) {
    let _ = writeln!(io::stdout().lock(), "{}", printable::json(&pretty(value)));
}

/// Tells a person something, on one line. Where even that cannot be printed, the exit code is left.
pub(crate) fn tell(line: impl fmt::Display) {
    let _ = writeln!(io::stderr().lock(), "{}", printable::line(&line.to_string()));
}

/// Prints lines of our own where an error of printing could not be told any more.
pub(crate) fn print_lines(lines: &str, to_stderr: bool) {
    let lines = printable::lines(lines);
    let _ = match to_stderr {
        true => io::stderr().lock().write_all(lines.as_bytes()),
        false => io::stdout().lock().write_all(lines.as_bytes()),
    };
}

fn pretty(value: &Value) -> String {
    // `Display` of a value cannot fail, and indents in its alternate form.
    format!("{value:#}")
}
