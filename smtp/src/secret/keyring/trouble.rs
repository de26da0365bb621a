//! The errors of a keyring, and advice on each.

use std::error::Error;
use std::time::Duration;

use super::KeyringEntry;
use crate::failure::Failure;

type Cause = Box<dyn Error + Send + Sync>;

/// An access to an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Action {
    Read,
    Write,
    Remove,
}

/// The reason why an access failed. It holds no secret, not even one that could not be decoded.
#[derive(Debug)]
#[cfg_attr(
    not(all(feature = "keyring", target_os = "linux")),
    allow(dead_code, reason = "each system reports some of them")
)]
pub(super) enum Trouble {
    /// Several entries have the name.
    Ambiguous(usize),
    /// The library of the keyring gave no answer.
    Crashed,
    /// The first line has no text.
    Empty,
    /// The entry is not text.
    Encoding,
    /// The keyring did not answer in time, perhaps because it waits for its user.
    Late(Duration),
    /// The keyring is locked, and the user did not unlock it or could not be asked.
    Locked,
    /// There is no such entry.
    Missing,
    /// The service of the keyring runs, but has no place for new entries.
    NoCollection,
    /// There is no service that keeps secrets.
    NoService(Option<Cause>),
    /// There is no session bus to reach a service.
    NoSession(Option<Cause>),
    /// This program is built without the feature.
    #[cfg(not(feature = "keyring"))]
    NotBuilt,
    /// The keyring reports another error.
    Other(Cause),
    /// The keyring stores shorter texts only.
    TooLong(u32),
}

impl Trouble {
    /// Returns the failure for an entry. `what` names the secret, such as "password".
    pub(super) fn failure(self, action: Action, what: &str, name: &str) -> Failure {
        let entry = match action {
            Action::Read => format!("the {what}'s keyring entry {name} cannot be read"),
            Action::Write => format!("the keyring entry {name} cannot be written"),
            Action::Remove => format!("the keyring entry {name} cannot be removed"),
        };
        let instead = match action {
            Action::Read => format!(
                "or use another source for the {what}: {{ env = \"VARIABLE\" }} or {{ file = \"path\" }}"
            ),
            Action::Write => {
                "or store the secret elsewhere: in a file or an environment variable".to_owned()
            }
            Action::Remove => format!("or remove it yourself: {}", commands(name).remove),
        };
        let failed =
            |why: &str, hint: String| Failure::of_settings(format!("{entry}: {why}")).hint(hint);
        let caused = |failure: Failure, cause: Option<Cause>| match cause {
            Some(cause) => failure.caused_by(Reported(cause)),
            None => failure,
        };
        match self {
            Self::Ambiguous(number) => failed(
                &format!("the keyring has {number} entries of this service and user"),
                format!("remove them, and store the secret again: {}", commands(name).remove),
            ),
            Self::Crashed => failed(
                "the access to the keyring ended without an answer",
                format!("try again; {instead}"),
            ),
            Self::Empty => failed(
                "its first line has no text",
                format!("store the secret again: {}", commands(name).store),
            ),
            Self::Encoding => failed(
                "it is not text in UTF-8",
                format!("store the secret again, as text: {}", commands(name).store),
            ),
            Self::Late(limit) => failed(
                &format!("the keyring did not answer within {} s", limit.as_secs()),
                format!(
                    "the keyring may be waiting for you: look for a window that asks for its password, and try again; \
                     {instead}"
                ),
            )
            .later(),
            Self::Locked => failed(
                "the keyring is locked",
                format!("unlock the keyring, for example by logging in to your desktop, and try again; {instead}"),
            )
            .later(),
            Self::Missing => Failure::of_settings(format!(
                "the {what}'s keyring entry {name} does not exist"
            ))
            .hint(format!("store it: {}; {instead}", commands(name).store)),
            Self::NoCollection => failed(
                "the keyring has no default collection, where new entries belong",
                format!("log in to your desktop once, or create a keyring in its password manager; {instead}"),
            ),
            Self::NoService(cause) => caused(
                failed(
                    "no program in this session keeps secrets",
                    format!("install and start GNOME Keyring or KWallet; {instead}"),
                ),
                cause,
            ),
            Self::NoSession(cause) => caused(
                failed(
                    "this session has no D-Bus, over which the keyring is reached",
                    format!(
                        "run the command in a terminal of your desktop, or set DBUS_SESSION_BUS_ADDRESS; {instead}"
                    ),
                ),
                cause,
            ),
            #[cfg(not(feature = "keyring"))]
            Self::NotBuilt => failed(
                "this program is built without keyrings",
                format!("build it with the feature \"keyring\" of the crate smtp-connector-host; {instead}"),
            ),
            Self::Other(cause) => caused(
                failed("the keyring reports an error", format!("check the keyring; {instead}")),
                Some(cause),
            ),
            Self::TooLong(limit) => failed(
                &format!("the keyring stores at most {limit} characters"),
                "store the secret elsewhere: in a file or an environment variable".to_owned(),
            ),
        }
    }
}

/// An error of a library of keyrings.
#[derive(Debug)]
struct Reported(Cause);

impl std::fmt::Display for Reported {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for Reported {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.0.source()
    }
}

/// The commands of the system that store and remove an entry.
struct Commands {
    store: String,
    remove: String,
}

fn commands(name: &str) -> Commands {
    let service = KeyringEntry::SERVICE;
    // The characters of a name that no shell interprets.
    let plain = |c: char| c.is_ascii_alphanumeric() || "@%_+=:,./-".contains(c);
    let name = match name.chars().all(plain) {
        true => name.to_owned(),
        false if cfg!(windows) => format!("\"{name}\""),
        false => format!("'{}'", name.replace('\'', r"'\''")),
    };
    if cfg!(target_os = "macos") {
        return Commands {
            store: format!("security add-generic-password -U -s {service} -a {name} -w"),
            remove: format!("security delete-generic-password -s {service} -a {name}"),
        };
    }
    if cfg!(windows) {
        // The target of an entry is its user and its service.
        let target = format!("{name}.{service}");
        return Commands {
            store: format!("cmdkey /generic:{target} /user:{name} /pass"),
            remove: format!("cmdkey /delete:{target}"),
        };
    }
    Commands {
        store: format!("secret-tool store --label={service} service {service} username {name}"),
        remove: format!("secret-tool clear service {service} username {name}"),
    }
}
