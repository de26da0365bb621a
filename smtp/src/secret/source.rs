//! Secrets: values that cannot be printed, and places where they are kept.

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

use crate::failure::Failure;
use crate::private_files;

/// A secret. It cannot be printed, and is overwritten when it is dropped.
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
    /// Takes a secret in.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The secret in a text: its first line, without what editors and shells put around it. None: it is empty.
    pub fn first_line_of(text: &str) -> Option<Self> {
        // Tools on Windows write a byte order mark, and CR before LF.
        let line = text.trim_start_matches('\u{feff}').lines().next().unwrap_or_default();
        let line = line.trim_end_matches('\r');
        (!line.is_empty()).then(|| Self::new(line))
    }

    /// The secret itself: for the wire, and for nothing that is printed.
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

/// Where a secret is kept. It is looked up when it is needed, and not held.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SecretSource {
    /// Here.
    Text(Secret),
    /// In an environment variable.
    Env(String),
    /// In the first line of a file, which nobody but its owner may read (on Unix), unless it was mounted into a container
    /// or given to a group by root.
    File(PathBuf),
    /// In the first line that a program prints: the program and its arguments.
    Command(Vec<String>),
}

impl SecretSource {
    /// Looks the secret up. `what` it is, for errors: "password".
    pub async fn resolve(&self, what: &str) -> Result<Secret, Failure> {
        let secret = match self {
            Self::Text(secret) => return Ok(secret.clone()),
            Self::Env(name) => std::env::var(name).map(Zeroizing::new).map_err(|_| {
                Failure::of_settings(format!("the {what}'s environment variable {name} is not set"))
                    .hint(format!("set {name}, or say in the account where else the {what} is"))
            })?,
            Self::File(path) => {
                let (path, what) = (path.clone(), what.to_owned());
                // tokio's own file would leave a copy in its buffer.
                let read = tokio::task::spawn_blocking(move || read_private(&path, &what)).await;
                read.map_err(|reason| {
                    Failure::of_settings("a file cannot be read").caused_by(reason)
                })??
            }
            Self::Command(words) => run(words, what).await?,
        };
        Secret::first_line_of(&secret).ok_or_else(|| {
            Failure::of_settings(format!(
                "the {what} from {self} is empty: its first line has no text"
            ))
            .hint(format!("put the {what} into the first line"))
        })
    }
}

/// Reads a file that only its owner may read.
fn read_private(path: &Path, what: &str) -> Result<Zeroizing<String>, Failure> {
    let failed = |reason: io::Error| {
        let path = path.display();
        let (why, hint) = match reason.kind() {
            ErrorKind::NotFound => (": it is not there", "check the path"),
            ErrorKind::IsADirectory => (": it is a folder", "name a file in it"),
            ErrorKind::PermissionDenied => (
                ": this user may not read it",
                "check the owner and the mode of the file and its folders",
            ),
            _ => ("", "check that the file is there and may be read"),
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
            "{}; or take the {what} from elsewhere: {{ env = \"VARIABLE\" }} or {{ command = [\"program\"] }}",
            exposed.hint()
        );
        Failure::of_settings(exposed.to_string()).hint(hint)
    })?;
    let mut bytes = Zeroizing::new(Vec::new());
    file.read_to_end(&mut bytes).map_err(failed)?;
    decode(&bytes).map(Zeroizing::new).map_err(|encoding| {
        Failure::of_settings(format!("the {what}'s file {} is {encoding}", path.display())).hint(
            "save it in UTF-8; Windows PowerShell 5 does that with: Set-Content -Encoding UTF8",
        )
    })
}

/// The text of a file or of a program, or how it is encoded instead. The reason of the library would hold the bytes.
fn decode(bytes: &[u8]) -> Result<String, &'static str> {
    if bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff") {
        return Err("in UTF-16, as Windows PowerShell 5 writes it, and not in UTF-8");
    }
    std::str::from_utf8(bytes).map(str::to_owned).map_err(|_| "not in UTF-8")
}

/// Runs a program for what it prints. Its standard error is the person's to read: it may ask for a key.
async fn run(words: &[String], what: &str) -> Result<Zeroizing<String>, Failure> {
    let failed = |message: String| {
        Failure::of_settings(message)
            .hint(format!("run the command by hand: it must print the {what}"))
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

/// Bytes that a program may print: the longest tokens have a few thousand, and its output is held in memory.
const MOST_PRINTED: usize = 64 << 10;

/// How long output is read on once its program has ended: what the program itself printed is there by then.
const REST_OF_OUTPUT: Duration = Duration::from_millis(500);

/// Whether a person may be asked at a terminal.
fn has_terminal() -> bool {
    cfg!(unix) && File::open("/dev/tty").is_ok()
}

/// How a program ended, and what it printed. A program that prints more than it may is ended by that.
///
/// The end of the output is not waited for: it comes with the last process that has the pipe, and an agent that the
/// program started may run for ever. Dropped before the program has ended, it kills the program.
///
/// In a group of its own, what the program started ends with it. At a terminal it cannot have one: a program of another
/// group than the one in front is stopped when it asks for something there.
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
    // In one piece from the start: a buffer that grows leaves copies behind.
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
        // It is read while the program runs: a pipe holds less than a program may print.
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
        // At once, while its number cannot be another's.
        drop(group);
        if !is_read {
            // Whether the pipe was closed by then does not matter.
            timeout(REST_OF_OUTPUT, reading).await.unwrap_or(Ok(()))?;
        }
        status
    };
    Ok((status, printed))
}

/// A program's group of processes, killed when this is dropped. What is left of it has the standard error that the program
/// was given, and whoever reads that would wait for it. A daemon has a session of its own, and stays.
struct Group(Option<u32>);

impl Drop for Group {
    fn drop(&mut self) {
        let leader = self.0.take().and_then(|id| i32::try_from(id).ok());
        #[cfg(unix)]
        if let Some(leader) = leader.and_then(rustix::process::Pid::from_raw) {
            // They may all have ended by now.
            let _ = rustix::process::kill_process_group(leader, rustix::process::Signal::KILL);
        }
        #[cfg(not(unix))]
        let _ = leader;
    }
}

impl fmt::Display for SecretSource {
    /// Where the secret is, never what it is.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(_) => f.write_str("the accounts file"),
            Self::Env(name) => write!(f, "the environment variable {name}"),
            Self::File(path) => write!(f, "the file {}", path.display()),
            Self::Command(words) => {
                write!(f, "the command {}", words.first().map_or("", String::as_str))
            }
        }
    }
}

impl From<Secret> for SecretSource {
    fn from(secret: Secret) -> Self {
        Self::Text(secret)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn resolve(source: SecretSource) -> Result<String, Failure> {
        source.resolve("password").await.map(|secret| secret.expose().to_owned())
    }

    #[tokio::test]
    async fn a_secret_is_the_first_line_of_where_it_is_kept() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let path = directory.path().join("password");
        std::fs::write(&path, "s3cr3t\r\nnot this\n").expect("the file is written");
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = |mode| {
                let mode = std::fs::Permissions::from_mode(mode);
                std::fs::set_permissions(&path, mode).expect("the mode is set");
            };
            for open in [0o644, 0o640, 0o604] {
                mode(open);
                let error =
                    resolve(SecretSource::File(path.clone())).await.expect_err("others read it");
                let hint = error.hint.expect("it says what to do");
                assert!(hint.starts_with("chmod 600") && hint.contains("{ env = "), "{hint}");
            }
            mode(0o600);
        }
        assert_eq!(resolve(SecretSource::File(path)).await.ok().as_deref(), Some("s3cr3t"));
        let echo = ["echo", "s3cr3t"].map(str::to_owned).to_vec();
        assert_eq!(resolve(SecretSource::Command(echo)).await.ok().as_deref(), Some("s3cr3t"));
    }

    #[test]
    fn what_editors_and_shells_put_around_a_secret_is_no_part_of_it() {
        for text in [
            "s3cr3t",
            "s3cr3t\n",
            "s3cr3t\r\n",
            "s3cr3t\r",
            "\u{feff}s3cr3t\r\nnot this\r\n",
            "s3cr3t\n\nnot this",
        ] {
            let found = Secret::first_line_of(text).expect(text);
            assert_eq!(found.expose(), "s3cr3t", "{text:?}");
        }
        assert_eq!(Secret::first_line_of(" s3cr3t ").expect("blanks count").expose(), " s3cr3t ");
        for text in ["", "\n", "\r\ns3cr3t", "\u{feff}", "\u{feff}\r\n"] {
            assert!(Secret::first_line_of(text).is_none(), "{text:?}");
        }
    }

    #[tokio::test]
    async fn a_file_that_cannot_be_a_secret_is_called_what_it_is() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let utf16 = b"\xff\xfes\x003\x00c\x00\r\x00\n\x00";
        for (name, bytes, words, hint) in [
            ("utf-16", &utf16[..], "UTF-16, as Windows PowerShell 5", "-Encoding UTF8"),
            ("latin-1", b"s\xe4cret", "not in UTF-8", "UTF-8"),
            ("empty", b"", "is empty", "first line"),
        ] {
            let path = directory.path().join(name);
            private_files::write(&path, bytes).expect("it can be written");
            let error = resolve(SecretSource::File(path)).await.expect_err("it is no secret");
            assert!(error.to_string().contains(words), "{error}");
            let told = error.hint.unwrap_or_default();
            assert!(told.contains(hint), "{told}");
        }
        let folder = SecretSource::File(directory.path().to_owned());
        let error = resolve(folder).await.expect_err("it is a folder");
        assert!(error.to_string().contains("it is a folder"), "{error}");
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn a_command_is_over_when_it_has_ended_and_not_when_its_children_have() {
        let command =
            |script: &str| SecretSource::Command(["sh", "-c", script].map(str::to_owned).to_vec());
        let began = std::time::Instant::now();
        for script in
            ["sleep 60 & echo s3cr3t", "sleep 60 & printf s3cr3t", "echo s3cr3t; cat /dev/null"]
        {
            assert_eq!(resolve(command(script)).await.ok().as_deref(), Some("s3cr3t"), "{script}");
        }
        // A pipe holds less than this.
        let long = "i=0; while [ $i -lt 900 ]; do printf %64s x; i=$((i + 1)); done; echo";
        assert_eq!(resolve(command(long)).await.expect("it is printed").len(), 900 * 64);
        for endless in ["yes", "while :; do echo s3cr3t; done", "head -c 70000 /dev/zero"] {
            let error = resolve(command(endless)).await.expect_err("it prints too much");
            assert!(error.to_string().contains("more than 65536 bytes"), "{endless}: {error}");
        }
        assert!(began.elapsed() < Duration::from_secs(20), "{:?}", began.elapsed());
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn what_a_command_started_ends_with_it_also_where_it_is_given_up() {
        let directory = tempfile::tempdir().expect("a temporary directory");
        for (rest, is_given_up) in [("sleep 300", true), ("echo s3cr3t", false)] {
            let path = directory.path().join(rest);
            let mut command = Command::new("sh");
            let script = format!("sleep 300 & echo $! > \"$0\"; {rest}");
            command.args(["-c", &script]).arg(&path);
            let ended = timeout(Duration::from_secs(2), end_of(command, true)).await;
            assert_eq!(ended.is_err(), is_given_up, "{rest}");
            let child = std::fs::read_to_string(&path).expect("the shell has written it");
            let child = child.trim().parse().ok().and_then(rustix::process::Pid::from_raw);
            is_over(child.expect("a number")).await;
        }
    }

    /// Waits until a process is gone, or waits for somebody to notice.
    #[cfg(unix)]
    async fn is_over(process: rustix::process::Pid) {
        for _ in 0..200 {
            let stat = std::fs::read_to_string(format!("/proc/{}/stat", process.as_raw_nonzero()));
            let is_gone = rustix::process::test_kill_process(process).is_err();
            if is_gone || stat.is_ok_and(|stat| stat.contains(") Z ")) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("it outlives the command");
    }

    #[tokio::test]
    async fn a_secret_that_is_not_there_is_an_account_error() {
        for source in [
            SecretSource::Env("SMTP_CONNECTOR_NO_SUCH_VARIABLE".into()),
            SecretSource::File("no-such-file".into()),
            SecretSource::Command(vec!["false".into()]),
            SecretSource::Command(vec!["true".into()]),
            SecretSource::Command(vec!["no-such-program".into()]),
            SecretSource::Command(Vec::new()),
        ] {
            let error = resolve(source.clone()).await.expect_err("there is none");
            assert_eq!(error.code.as_str(), "account", "{source}");
        }
    }
}
