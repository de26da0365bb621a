//! The command that helps after a failed test.

use std::path::Path;

use super::super::super::context::Context;
use super::super::super::text::quoted;
use smtp_connector_host::{Account, Error, Failure, FailureCode, Mend, Phase, Retry};
use smtp_connector_smtp::secret::{KeyringEntry, KeyringState, SecretSource};
use smtp_connector_smtp::settings::AuthSecret;
use smtp_connector_smtp::steps::StepKind;

/// The facts of a failure that decide which command helps.
pub(super) struct Trouble<'f> {
    code: FailureCode,
    phase: Phase,
    retry: Retry,
    hint: Option<&'f str>,
    mend: Option<Mend>,
    /// Whether the secret is missing, cannot be read, or was refused.
    is_about_secret: bool,
}

impl<'f> Trouble<'f> {
    /// Returns the facts of a step that failed.
    pub(super) fn of(kind: StepKind, failure: &'f Failure) -> Self {
        let is_refused = kind == StepKind::Login
            && failure.code == FailureCode::Auth
            && failure.reply.as_ref().is_some_and(|reply| reply.code.is_permanent());
        Self {
            code: failure.code,
            phase: failure.phase,
            retry: failure.retry,
            hint: failure.hint.as_deref(),
            mend: failure.mend,
            is_about_secret: kind == StepKind::Secret || is_refused,
        }
    }

    /// Returns the facts of a mail that was not sent.
    pub(super) fn of_send(error: &'f Error) -> Self {
        Self {
            code: error.code(),
            phase: error.phase(),
            retry: error.retry(),
            hint: error.hint(),
            mend: None,
            is_about_secret: false,
        }
    }

    /// Returns the command that helps. Words in capitals are for the user to fill in.
    pub(super) fn command(&self, context: &Context<'_>, account: &Account) -> String {
        // The advice on a file's mode is the command itself.
        if let Some(mode) = self.hint.filter(|hint| hint.starts_with("chmod ")) {
            return mode.split("; ").next().unwrap_or_default().to_owned();
        }
        let accounts = |action: &str, options: &[&str]| {
            context.own_command(&[&["accounts", action, account.name()], options].concat())
        };
        let change = |options: &[&str]| accounts("edit", options);
        match self.mend {
            Some(Mend::Security { security, port: Some(port) }) => {
                return change(&["--port", &port.to_string(), "--security", security]);
            }
            Some(Mend::Security { security, port: None }) => {
                return change(&["--security", security]);
            }
            Some(Mend::AutoAuth) => return change(&["--auth", "auto"]),
            _ => {}
        }
        if self.is_about_secret && self.retry != Retry::Later {
            return match account.credentials().map(|one| &one.secret) {
                Some(AuthSecret::Password(SecretSource::Env(name))) => set_variable(name),
                Some(AuthSecret::Password(SecretSource::File(path))) => open(path),
                Some(AuthSecret::Password(SecretSource::Text(_))) => change(&["--password-prompt"]),
                Some(AuthSecret::Password(SecretSource::Keyring(name)))
                    if name == account.name()
                        && KeyringEntry::new(name).state() != KeyringState::Unavailable =>
                {
                    change(&["--password-keyring"])
                }
                Some(AuthSecret::OAuth2(oauth2)) if oauth2.grant() == "refresh-token" => {
                    accounts("authorize", &[])
                }
                _ => open(context.accounts().path()),
            };
        }
        if self.phase == Phase::Connect && context.uses_proxy(account) {
            // The proxy refuses the port or does not work, so another port does not help.
            return match self.retry {
                Retry::Later => accounts("test", &context.proxy_option()),
                _ => open(context.accounts().path()),
            };
        }
        match (self.code, self.phase, account.port()) {
            // The name of a provider's server is right, so the network is not.
            (FailureCode::Dns, ..) if account.provider().is_none() => change(&["--host", "HOST"]),
            (FailureCode::Connect | FailureCode::Timeout, Phase::Connect, 25 | 587 | 2587) => {
                change(&["--port", "465", "--security", "tls"])
            }
            (FailureCode::Connect | FailureCode::Timeout, Phase::Connect, 465 | 2465) => {
                change(&["--port", "587", "--security", "starttls"])
            }
            (FailureCode::Auth, ..) if account.credentials().is_none() => {
                change(&["--username", "NAME"])
            }
            (FailureCode::Validation, ..) if account.sender().is_none() => {
                change(&["--from", "ADDRESS"])
            }
            (FailureCode::Recipients, ..) => accounts("test", &["--send-to", "ADDRESS"]),
            _ if self.retry == Retry::Later => accounts("test", &context.proxy_option()),
            _ => open(context.accounts().path()),
        }
    }
}

/// Returns the command that opens a file in the user's editor.
fn open(path: &Path) -> String {
    let path = quoted(&path.display().to_string());
    match cfg!(windows) {
        true => format!("notepad {path}"),
        false => format!("${{EDITOR:-vi}} {path}"),
    }
}

/// Returns the command that asks for the value of an environment variable. The value does not get into the history of
/// the shell.
fn set_variable(name: &str) -> String {
    match cfg!(windows) {
        true => format!("$env:{name} = Read-Host {name}"),
        false => format!("read -rs {name} && export {name}"),
    }
}
