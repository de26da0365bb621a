//! A pseudo-terminal for tests.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};

use rustix::pty;

use super::Ran;

/// Runs a command on a terminal, with input typed ahead. `out` holds the screen: both of its outputs.
pub(crate) fn run_on_terminal(mut command: Command, typed: &str) -> Ran {
    let terminal =
        pty::openpt(pty::OpenptFlags::RDWR | pty::OpenptFlags::NOCTTY).expect("a terminal");
    pty::grantpt(&terminal).expect("it is ours");
    pty::unlockpt(&terminal).expect("it is ours");
    let name = pty::ptsname(&terminal, Vec::new()).expect("it has a name");
    let name = name.to_str().expect("a path");
    let open = || Stdio::from(File::options().read(true).write(true).open(name).expect("it opens"));
    let mut terminal = File::from(terminal);
    let mut child =
        command.stdin(open()).stdout(open()).stderr(open()).spawn().expect("the command starts");
    // The command has its own copies.
    drop(command);
    terminal.write_all(typed.as_bytes()).expect("it is read");
    let mut shown = Vec::new();
    // On Linux, reading past the end of a terminal is an error.
    let _ = terminal.read_to_end(&mut shown);
    let status = child.wait().expect("it ends");
    let out = String::from_utf8_lossy(&shown).replace("\r\n", "\n");
    Ran { code: status.code().unwrap_or(-1), out, err: String::new() }
}
