//! Secrets: values that cannot be printed, and places where they are kept.

use std::fmt;
use std::fs::File;
use std::hash::{Hash, Hasher};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use zeroize::Zeroizing;

use crate::error::{Error, Result};
use crate::private_files;

/// A secret. It cannot be printed, and is overwritten when it is dropped.
///
/// ```
/// use smtp_connector_host::Secret;
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
#[non_exhaustive]
pub enum SecretSource {
    /// Here.
    Text(Secret),
    /// In an environment variable.
    Env(String),
    /// In the first line of a file, which nobody but its owner may read (on Unix).
    File(PathBuf),
    /// In the first line that a program prints: the program and its arguments.
    Command(Vec<String>),
}

impl SecretSource {
    /// Looks the secret up. `what` it is, for errors: "password".
    pub(crate) async fn reveal(&self, what: &str) -> Result<Secret> {
        let secret = match self {
            Self::Text(secret) => return Ok(secret.clone()),
            Self::Env(name) => std::env::var(name).map(Zeroizing::new).map_err(|_| {
                Error::account(format!("the {what}'s environment variable {name} is not set"))
                    .with_hint(format!(
                        "set {name}, or say in the account where else the {what} is"
                    ))
            })?,
            Self::File(path) => {
                let (path, what) = (path.clone(), what.to_owned());
                // tokio's own file would leave a copy in its buffer.
                let read = tokio::task::spawn_blocking(move || read_private(&path, &what)).await;
                read.map_err(|reason| Error::account("a file cannot be read").with_source(reason))??
            }
            Self::Command(words) => run(words, what).await?,
        };
        let line = secret.lines().next().unwrap_or_default();
        if line.is_empty() {
            return Err(Error::account(format!("the {what} from {self} is empty")));
        }
        Ok(Secret::new(line))
    }
}

/// Reads a file that only its owner may read.
fn read_private(path: &Path, what: &str) -> Result<Zeroizing<String>> {
    let failed = |reason: io::Error| {
        Error::account(format!("the {what}'s file {} cannot be read", path.display()))
            .with_hint("check that the file is there and may be read")
            .with_source(reason)
    };
    let mut file = File::open(path).map_err(failed)?;
    private_files::check_secret(path, &file.metadata().map_err(failed)?)?;
    let mut text = Zeroizing::new(String::new());
    file.read_to_string(&mut text).map_err(failed)?;
    Ok(text)
}

/// Runs a program for what it prints. Its standard error is the person's to read: it may ask for a key.
async fn run(words: &[String], what: &str) -> Result<Zeroizing<String>> {
    let failed = |message: String| {
        Error::account(message)
            .with_hint(format!("run the command by hand: it must print the {what}"))
    };
    let (program, arguments) =
        words.split_first().ok_or_else(|| failed(format!("the {what}'s command is empty")))?;
    let output = tokio::process::Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(|reason| {
            failed(format!("the {what}'s command {program} cannot be run")).with_source(reason)
        })?;
    let printed = Zeroizing::new(output.stdout);
    if !output.status.success() {
        return Err(failed(format!("the {what}'s command {program} ended with {}", output.status)));
    }
    let text = std::str::from_utf8(&printed)
        .map_err(|_| failed(format!("the {what}'s command {program} printed no text")))?;
    Ok(Zeroizing::new(text.to_owned()))
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

    async fn reveal(source: SecretSource) -> Result<String> {
        source.reveal("password").await.map(|secret| secret.expose().to_owned())
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
                    reveal(SecretSource::File(path.clone())).await.expect_err("others read it");
                assert!(error.hint().is_some_and(|hint| hint.starts_with("chmod 600")));
            }
            mode(0o600);
        }
        assert_eq!(reveal(SecretSource::File(path)).await.ok().as_deref(), Some("s3cr3t"));
        let echo = ["echo", "s3cr3t"].map(str::to_owned).to_vec();
        assert_eq!(reveal(SecretSource::Command(echo)).await.ok().as_deref(), Some("s3cr3t"));
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
            let error = reveal(source.clone()).await.expect_err("there is none");
            assert_eq!(error.code().as_str(), "account", "{source}");
        }
    }
}
