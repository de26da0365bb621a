//! What is printed, and where: results to standard output, words about them to standard error.

use std::fmt;
use std::io::{self, Write as _};

use serde_json::{Value, json};

use super::exit::Exit;
use super::{Stop, text};
use crate::Issue;

/// How the command prints.
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

    /// Prints a result for people, unless JSON or nothing was asked for.
    pub(crate) fn say(&self, line: impl fmt::Display) -> Result<(), Stop> {
        if self.json || self.quiet {
            return Ok(());
        }
        Ok(writeln!(io::stdout().lock(), "{line}")?)
    }

    /// Prints the JSON document, if it was asked for.
    pub(crate) fn document(&self, value: &Value) -> Result<(), Stop> {
        if self.json {
            self.print(&pretty(value))?;
        }
        Ok(())
    }

    /// Prints what was asked for whatever the options: a message, a manifest.
    pub(crate) fn print(&self, text: &str) -> Result<(), Stop> {
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes())?;
        if !text.ends_with('\n') {
            out.write_all(b"\n")?;
        }
        Ok(out.flush()?)
    }

    /// Prints bytes as they are.
    pub(crate) fn print_bytes(&self, bytes: &[u8]) -> Result<(), Stop> {
        let mut out = io::stdout().lock();
        out.write_all(bytes)?;
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
            self.warn(format_args!("{}: {}", warning.path, warning.message));
        }
    }

    /// Says why the command ends, and how.
    pub(crate) fn stop(&self, stop: &Stop) -> Exit {
        match stop {
            Stop::Closed => Exit::Done,
            Stop::Usage(message) => {
                tell(format_args!("error: {message}"));
                if self.json {
                    print_json(&json!({
                        "error": {
                            "code": "validation", "message": message, "hint": "see --help",
                            "phase": "input", "retry": "never", "delivered": "no", "issues": [],
                            "rejectedErrors": [],
                        },
                    }));
                }
                Exit::Usage
            }
            Stop::Failed(error) => {
                tell(text::error(error));
                if self.json {
                    print_json(&json!({ "error": error.to_json() }));
                }
                Exit::from(error)
            }
        }
    }
}

/// Prints a document where an error of printing could not be told any more.
pub(crate) fn print_json(value: &Value) {
    let _ = writeln!(io::stdout().lock(), "{}", pretty(value));
}

/// Tells a person something. Where even that cannot be printed, the exit code is left.
pub(crate) fn tell(line: impl fmt::Display) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

fn pretty(value: &Value) -> String {
    // `Display` of a value cannot fail, and indents in its alternate form.
    format!("{value:#}")
}
