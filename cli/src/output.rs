//! Output: results to standard output, notes, warnings and errors to standard error.
//!
//! All output goes through this module, and so through [`printable`], which makes text from components, servers and
//! mails safe for a terminal.

use std::fmt;
use std::io::{self, IsTerminal as _, Write as _};

use serde_json::{Value, json};

use super::exit::Exit;
use super::stop::Stop;
use super::{printable, text};
use smtp_connector_host::Issue;

/// The output settings of the command.
#[derive(Clone)]
pub(crate) struct Output {
    json: bool,
    quiet: bool,
}

impl Output {
    pub(crate) fn new(json: bool, quiet: bool) -> Self {
        Self { json, quiet }
    }

    /// Reports whether `--json` is given.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// Prints one line of the result, unless `--json` or `--quiet` is given.
    pub(crate) fn say(&self, line: impl fmt::Display) -> Result<(), Stop> {
        if self.json || self.quiet {
            return Ok(());
        }
        Ok(writeln!(io::stdout().lock(), "{}", printable::line(&line.to_string()))?)
    }

    /// Prints a blank line and the title of the next section.
    pub(crate) fn title(&self, title: &str) -> Result<(), Stop> {
        self.say("")?;
        self.say(title)
    }

    /// Prints the JSON document, if `--json` is given.
    pub(crate) fn document(&self, value: &Value) -> Result<(), Stop> {
        if self.json {
            self.print_json(&pretty(value))?;
        }
        Ok(())
    }

    /// Prints a JSON document, regardless of the options.
    pub(crate) fn print_json(&self, document: &str) -> Result<(), Stop> {
        let mut out = io::stdout().lock();
        writeln!(out, "{}", printable::json(document.trim_end()))?;
        Ok(out.flush()?)
    }

    /// Prints a message unchanged. On a terminal, control characters are escaped.
    pub(crate) fn print_message(&self, message: &[u8]) -> Result<(), Stop> {
        let mut out = io::stdout().lock();
        if out.is_terminal() {
            out.write_all(printable::raw(message).as_bytes())?;
        } else {
            out.write_all(message)?;
        }
        Ok(out.flush()?)
    }

    /// Prints a note to standard error, unless `--quiet` is given.
    pub(crate) fn note(&self, line: impl fmt::Display) {
        if !self.quiet {
            tell(line);
        }
    }

    /// Prints a warning, even with `--quiet`.
    pub(crate) fn warn(&self, line: impl fmt::Display) {
        tell(format_args!("warning: {line}"));
    }

    /// Prints each warning.
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

    /// Prints why the command ends, and returns its exit code.
    pub(crate) fn stop(&self, stop: &Stop) -> Exit {
        match stop {
            Stop::Closed => Exit::Done,
            Stop::Usage(message) => self.stop_for_usage(message, None),
            Stop::UsageWithHint(message, hint) => self.stop_for_usage(message, Some(hint)),
            Stop::Component(file, error) => {
                let (file, mut message) =
                    (file.display().to_string(), text::without_numbers(&error.to_string()));
                // The error for an unreadable file already names it.
                if !message.contains(&file) {
                    message = format!("{file}: {message}");
                }
                self.stop_for_usage(&message, error.hint())
            }
            Stop::Outbox(error) => {
                self.report_outbox(error);
                Exit::from(error)
            }
            Stop::Failed(error) => {
                self.report(error);
                Exit::from(error)
            }
            Stop::Interrupted(error, exit) => {
                self.report(error);
                *exit
            }
        }
    }

    fn report_outbox(&self, error: &smtp_connector_outbox::Error) {
        let message = text::without_numbers(&error.to_string());
        tell(format_args!("error: {message}"));
        if let Some(hint) = error.hint() {
            tell(format_args!("  hint: {hint}"));
        }
        if self.json {
            let retry = if error.is_transient() { "later" } else { "never" };
            print_json(&json!({
                "error": {
                    "code": "outbox", "kind": error.kind(), "message": message, "hint": error.hint(),
                    "phase": "input", "retry": retry, "delivered": "no", "issues": [], "rejectedErrors": [],
                },
            }));
        }
    }

    fn report(&self, error: &smtp_connector_host::Error) {
        tell_error(error);
        if self.json {
            print_json(&json!({ "error": error.to_json() }));
        }
    }
}

/// Prints an error to standard error: what happened, where, and what to do.
pub(crate) fn tell_error(error: &smtp_connector_host::Error) {
    text::error(error).iter().for_each(tell);
}

/// Prints a JSON document, and ignores write errors, which could not be reported.
pub(crate) fn print_json(value: &Value) {
    let _ = writeln!(io::stdout().lock(), "{}", printable::json(&pretty(value)));
}

/// Prints one line to standard error. Ignores write errors: the exit code still reports the outcome.
pub(crate) fn tell(line: impl fmt::Display) {
    let _ = writeln!(io::stderr().lock(), "{}", printable::line(&line.to_string()));
}

/// Prints lines whose values are already escaped, and ignores write errors, which could not be reported.
pub(crate) fn print_lines(lines: &str, to_stderr: bool) {
    let lines = printable::lines(lines);
    let _ = match to_stderr {
        true => io::stderr().lock().write_all(lines.as_bytes()),
        false => io::stdout().lock().write_all(lines.as_bytes()),
    };
}

fn pretty(value: &Value) -> String {
    // `Display` of a `Value` cannot fail. Its alternate form indents.
    format!("{value:#}")
}
