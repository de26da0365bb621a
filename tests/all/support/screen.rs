//! A pseudo-terminal for tests.

use std::fs::File;
use std::io::{Read as _, Write as _};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::pty;

use super::Ran;

/// How long a question may take to appear.
const PATIENCE: Duration = Duration::from_secs(30);

/// Runs a command on a terminal, and answers its questions: each answer is typed once its question is on the screen.
pub(crate) fn answer_on_terminal(command: Command, answers: &[(&str, &str)]) -> Ran {
    let (mut terminal, mut child) = start(command);
    let screen = Arc::new(Mutex::new(String::new()));
    let reader = std::thread::spawn({
        let (mut terminal, screen) =
            (terminal.try_clone().expect("a second handle"), Arc::clone(&screen));
        move || {
            let mut block = [0; 4096];
            // On Linux, reading past the end of a terminal is an error.
            while let Ok(length @ 1..) = terminal.read(&mut block) {
                let text = String::from_utf8_lossy(&block[..length]).into_owned();
                screen.lock().expect("nobody panics while holding it").push_str(&text);
            }
        }
    });
    let mut seen = 0;
    for (question, answer) in answers {
        let until = Instant::now() + PATIENCE;
        loop {
            let text = screen.lock().expect("nobody panics while holding it").clone();
            if let Some(at) = text[seen..].find(question) {
                seen += at + question.len();
                break;
            }
            if Instant::now() > until || child.try_wait().expect("it runs").is_some() {
                let _ = child.kill();
                panic!("{question:?} is not asked:\n{text}");
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        // The command reads keys only once it has drawn the question.
        std::thread::sleep(Duration::from_millis(50));
        terminal.write_all(answer.as_bytes()).expect("it is read");
    }
    let status = child.wait().expect("it ends");
    reader.join().expect("it ends with the command");
    let out = screen.lock().expect("nobody panics while holding it").replace("\r\n", "\n");
    Ran { code: status.code().unwrap_or(-1), out, err: String::new() }
}

/// Runs a command on a terminal, with input typed ahead. `out` holds the screen: both of its outputs.
pub(crate) fn run_on_terminal(command: Command, typed: &str) -> Ran {
    let (mut terminal, mut child) = start(command);
    terminal.write_all(typed.as_bytes()).expect("it is read");
    let mut shown = Vec::new();
    // On Linux, reading past the end of a terminal is an error.
    let _ = terminal.read_to_end(&mut shown);
    let status = child.wait().expect("it ends");
    let out = String::from_utf8_lossy(&shown).replace("\r\n", "\n");
    Ran { code: status.code().unwrap_or(-1), out, err: String::new() }
}

/// Starts a command on a terminal. Returns the other end of the terminal.
fn start(mut command: Command) -> (File, Child) {
    let terminal =
        pty::openpt(pty::OpenptFlags::RDWR | pty::OpenptFlags::NOCTTY).expect("a terminal");
    pty::grantpt(&terminal).expect("it is ours");
    pty::unlockpt(&terminal).expect("it is ours");
    let name = pty::ptsname(&terminal, Vec::new()).expect("it has a name");
    let name = name.to_str().expect("a path");
    let open = || Stdio::from(File::options().read(true).write(true).open(name).expect("it opens"));
    let child =
        command.stdin(open()).stdout(open()).stderr(open()).spawn().expect("the command starts");
    // Dropping the command closes its copies of the terminal.
    (File::from(terminal), child)
}
