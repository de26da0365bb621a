//! Secret values that cannot be printed, and the sources they come from.

use std::fmt;
use std::fs::File;
use std::hash::{Hash, Hasher};
use std::io::{self, ErrorKind, Read as _};
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::{ExitStatus, Stdio};
use std::task::Poll;
use std::time::Duration;

use tokio::io::AsyncReadExt as _;
use tokio::process::Command;
use tokio::time::timeout;
use zeroize::Zeroizing;

use super::KeyringEntry;
use crate::failure::Failure;
use crate::private_files;

/// A secret value. It cannot be printed, and its memory is overwritten when it is dropped.
///
/// ```
/// use smtp_connector_smtp::Secret;
///
/// let secret = Secret::new("hunter2");
/// assert_eq!(format!("{secret:?}"), "Secret(..)");
/// assert_eq!(secret.expose(), "hunter2");
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<String>);

impl Secret {
    /// Creates a secret from a text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// Returns the first line of a text as a secret, without a byte order mark or line end, or `None` if it is empty.
    pub fn first_line_of(text: &str) -> Option<Self> {
        // Windows tools write a byte order mark, and CR before LF.
        let line = text.trim_start_matches('\u{feff}').lines().next().unwrap_or_default();
        let line = line.trim_end_matches('\r');
        (!line.is_empty()).then(|| Self::new(line))
    }

    /// Returns the secret itself, to send it to a server. Never print it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl Hash for Secret {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.expose().hash(state);
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// The source of a secret. The secret is read when it is needed, and is not kept.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SecretSource {
    /// The secret itself.
    Text(Secret),
    /// An environment variable.
    Env(String),
    /// The first line of a file. On Unix, only the owner may have access to it, unless it was mounted into a container
    /// or root gave it to a group.
    File(PathBuf),
    /// The first line of a program's output: the program and its arguments.
    Command(Vec<String>),
    /// The first line of an entry in the system's keyring, of the service `smtp-connector` and this user. It needs the
    /// feature `keyring`.
    Keyring(String),
}

impl SecretSource {
    /// Reads the secret. `what` names it in errors, such as "password".
    pub async fn resolve(&self, what: &str) -> Result<Secret, Failure> {
        let secret = match self {
            Self::Text(secret) => return Ok(secret.clone()),
            Self::Env(name) => std::env::var(name).map(Zeroizing::new).map_err(|_| {
                Failure::of_settings(format!("the {what}'s environment variable {name} is not set"))
                    .hint(format!("set {name}, or change the source of the {what} in the account"))
            })?,
            Self::File(path) => {
                let (path, what) = (path.clone(), what.to_owned());
                // tokio's File would leave a copy of the secret in its buffer.
                let read = tokio::task::spawn_blocking(move || read_private(&path, &what)).await;
                read.map_err(|reason| {
                    Failure::of_settings("a file cannot be read").caused_by(reason)
                })??
            }
            Self::Command(words) => run(words, what).await?,
            Self::Keyring(name) => KeyringEntry::new(name).resolve(what).await?,
        };
        Secret::first_line_of(&secret).ok_or_else(|| {
            Failure::of_settings(format!(
                "the {what} from {self} is empty: the first line has no text"
            ))
            .hint(format!("put the {what} on the first line"))
        })
    }
}

/// Reads a file that only its owner may read.
fn read_private(path: &Path, what: &str) -> Result<Zeroizing<String>, Failure> {
    let failed = |reason: io::Error| {
        let path = path.display();
        let (why, hint) = match reason.kind() {
            ErrorKind::NotFound => (": it does not exist", "check the path"),
            ErrorKind::IsADirectory => (": it is a folder", "give the path of a file in it"),
            ErrorKind::PermissionDenied => {
                (": permission denied", "check the owner and the mode of the file and its folders")
            }
            _ => ("", "check that the file exists and that this user may read it"),
        };
        Failure::of_settings(format!("the {what}'s file {path} cannot be read{why}"))
            .hint(hint)
            .caused_by(reason)
    };
    let mut file = File::open(path).map_err(failed)?;
    let found = file.metadata().map_err(failed)?;
    if found.is_dir() {
        return Err(failed(ErrorKind::IsADirectory.into()));
    }
    private_files::check_secret(path, &found).map_err(|exposed| {
        let hint = format!(
            "{}; or use another source for the {what}: {{ env = \"VARIABLE\" }} or {{ command = [\"program\"] }}",
            exposed.hint()
        );
        Failure::of_settings(exposed.to_string()).hint(hint)
    })?;
    let mut bytes = Zeroizing::new(Vec::new());
    file.read_to_end(&mut bytes).map_err(failed)?;
    decode(&bytes).map(Zeroizing::new).map_err(|encoding| {
        Failure::of_settings(format!("the {what}'s file {} is {encoding}", path.display()))
            .hint("save it in UTF-8; in Windows PowerShell 5, use: Set-Content -Encoding UTF8")
    })
}

/// Decodes the text of a file or a program. The error names the encoding; the library's own error would hold the bytes.
fn decode(bytes: &[u8]) -> Result<String, &'static str> {
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return Err("in UTF-16, the default of Windows PowerShell 5, and not in UTF-8");
    }
    std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| "not in UTF-8")
}

/// Runs a program and returns its output. Its standard error goes to the terminal, where it may ask for a key.
async fn run(words: &[String], what: &str) -> Result<Zeroizing<String>, Failure> {
    let failed = |message: String| {
        Failure::of_settings(message)
            .hint(format!("run the command yourself and check that it prints the {what}"))
    };
    let (program, arguments) =
        words.split_first().ok_or_else(|| failed(format!("the {what}'s command is empty")))?;
    let unusable = |reason: io::Error| {
        failed(format!("the {what}'s command {program} cannot be run")).caused_by(reason)
    };
    let mut command = Command::new(program);
    command.args(arguments);
    let (status, printed) = end_of(command, !has_terminal()).await.map_err(unusable)?;
    if printed.len() > MOST_PRINTED {
        let message =
            format!("the {what}'s command {program} printed more than {MOST_PRINTED} bytes");
        return Err(failed(message));
    }
    if !status.success() {
        return Err(failed(format!("the {what}'s command {program} ended with {status}")));
    }
    decode(&printed).map(Zeroizing::new).map_err(|encoding| {
        failed(format!("the {what}'s command {program} printed text that is {encoding}"))
    })
}

/// The most bytes that a program may print. The longest tokens have a few thousand, and the output is held in memory.
const MOST_PRINTED: usize = 64 << 10;

/// The time for which output is still read after the program ends. The program's own output is there by then.
const REST_OF_OUTPUT: Duration = Duration::from_millis(500);

/// Reports whether the program can ask the user at a terminal.
fn has_terminal() -> bool {
    cfg!(unix) && File::open("/dev/tty").is_ok()
}

/// Runs a program, and returns its exit status and its output. A program that prints too much is stopped.
///
/// This function does not wait for the end of the output. The output ends with the last process that holds the pipe,
/// and the program may have started an agent that never ends. If the future is dropped early, the program is killed.
///
/// With `own_group`, the program's child processes end with it. At a terminal this is not possible: a background
/// process group is stopped when it reads from the terminal.
async fn end_of(
    mut command: Command,
    own_group: bool,
) -> io::Result<(ExitStatus, Zeroizing<Vec<u8>>)> {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::inherit());
    command.kill_on_drop(true);
    #[cfg(unix)]
    if own_group {
        command.process_group(0);
    }
    let mut child = command.spawn()?;
    let group = Group(child.id().filter(|_| own_group));
    // Allocated once: a buffer that grows leaves copies of the secret behind.
    let mut printed = Zeroizing::new(Vec::with_capacity(MOST_PRINTED + 1));
    let output = child.stdout.take();
    let status = {
        let mut reading = pin!(async {
            let Some(mut output) = output else { return Ok(()) };
            while printed.len() <= MOST_PRINTED {
                let room = (MOST_PRINTED + 1 - printed.len()) as u64;
                if (&mut output).take(room).read_buf(&mut *printed).await? == 0 {
                    break;
                }
            }
            io::Result::Ok(())
        });
        let mut ending = pin!(child.wait());
        let mut is_read = false;
        // The output is read while the program runs: a pipe holds less than a program may print.
        let status = std::future::poll_fn(|context| {
            if !is_read && let Poll::Ready(read) = reading.as_mut().poll(context) {
                is_read = true;
                if let Err(reason) = read {
                    return Poll::Ready(Err(reason));
                }
            }
            ending.as_mut().poll(context)
        });
        let status = status.await?;
        // Dropped at once, before the system can give the group's id to another group.
        drop(group);
        if !is_read {
            // It does not matter whether the pipe was closed by then.
            timeout(REST_OF_OUTPUT, reading).await.unwrap_or(Ok(()))?;
        }
        status
    };
    Ok((status, printed))
}

/// A program's process group, which is killed when this is dropped. The remaining processes hold the program's standard
/// error, and its reader would wait for them. A daemon is in its own session, and stays.
struct Group(Option<u32>);

impl Drop for Group {
    fn drop(&mut self) {
        let leader = self.0.take().and_then(|id| i32::try_from(id).ok());
        #[cfg(unix)]
        if let Some(leader) = leader.and_then(rustix::process::Pid::from_raw) {
            // All of them may have ended by now.
            let _ = rustix::process::kill_process_group(leader, rustix::process::Signal::KILL);
        }
        #[cfg(not(unix))]
        let _ = leader;
    }
}

impl fmt::Display for SecretSource {
    /// Writes the source of the secret, never the secret itself.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(_) => f.write_str("the accounts file"),
            Self::Env(name) => write!(f, "the environment variable {name}"),
            Self::File(path) => write!(f, "the file {}", path.display()),
            Self::Command(words) => {
                write!(f, "the command {}", words.first().map_or("", String::as_str))
            }
            Self::Keyring(name) => write!(f, "the keyring entry {name}"),
        }
    }
}

impl From<Secret> for SecretSource {
    fn from(secret: Secret) -> Self {
        Self::Text(secret)
    }
}

#[cfg(test)]
mod tests;
