//! The settings of an account as options of the command line.

use std::io::{self, IsTerminal as _, Read as _};
use std::path::PathBuf;

use clap::Args;
use clap::builder::PossibleValuesParser;

use super::super::stop::Stop;
use smtp_connector_host::accounts::in_home;
use smtp_connector_host::accounts::{AccountBuilder, Preset};
use smtp_connector_smtp::secret::{Secret, SecretSource};
use smtp_connector_smtp::settings::{Auth, Security};

/// The settings that `accounts add` and `accounts edit` take.
#[derive(Args, Debug, Default)]
pub(super) struct Settings {
    /// Use a provider's settings; `smtp-connector providers` lists them
    #[arg(long, value_name = "ID")]
    pub(super) provider: Option<String>,

    /// Host name of the server
    #[arg(long, value_name = "HOST")]
    pub(super) host: Option<String>,

    /// Port of the server [default: 587]
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    pub(super) port: Option<u16>,

    /// Encryption of the connection [default: auto, by the port]
    #[arg(long, value_name = "HOW", value_parser = names(Security::NAMES))]
    pub(super) security: Option<String>,

    /// User name, if the server requires a login
    #[arg(long, value_name = "NAME")]
    pub(super) username: Option<String>,

    /// Login mechanism [default: auto]
    #[arg(long, value_name = "HOW", value_parser = names(Auth::NAMES))]
    pub(super) auth: Option<String>,

    /// Sender of mails that do not set one
    #[arg(long, value_name = "ADDRESS")]
    pub(super) from: Option<String>,

    /// Reply-To address of mails that do not set one
    #[arg(long, value_name = "ADDRESS")]
    pub(super) reply_to: Option<String>,

    /// Host name to send in EHLO [default: the machine's name]
    #[arg(long, value_name = "NAME")]
    pub(super) ehlo_name: Option<String>,

    /// Send several commands at once if the server allows it; `false` for a server that loses commands [default: true]
    #[arg(long, value_name = "BOOL")]
    pub(super) pipelining: Option<bool>,

    #[command(flatten)]
    pub(super) password: Password,

    /// Store the password in the system's keyring: from standard input, or as you type it
    #[arg(long, conflicts_with = "Password")]
    pub(super) password_keyring: bool,
}

/// The options for the source of the password.
#[derive(Args, Debug, Default)]
#[group(multiple = false)]
pub(crate) struct Password {
    /// Ask for the password at the terminal
    #[arg(long)]
    password_prompt: bool,

    /// Read the password from standard input and store it with the account
    #[arg(long)]
    password_stdin: bool,

    /// Read the password from this environment variable at each use
    #[arg(long, value_name = "VAR")]
    pub(super) password_env: Option<String>,

    /// Read the password from the first line of this file at each use
    #[arg(long, value_name = "FILE")]
    pub(super) password_file: Option<PathBuf>,
}

fn names<T>(names: &[(&'static str, T)]) -> PossibleValuesParser {
    PossibleValuesParser::new(names.iter().map(|(name, _)| *name))
}

fn value<T: Copy>(names: &[(&str, T)], text: &str) -> Option<T> {
    names.iter().find(|(name, _)| *name == text).map(|(_, value)| *value)
}

impl Settings {
    /// Reports whether no option was given.
    pub(super) fn is_empty(&self) -> bool {
        let Self {
            provider,
            host,
            port,
            security,
            username,
            auth,
            from,
            reply_to,
            ehlo_name,
            pipelining,
            password: _,
            password_keyring: _,
        } = self;
        let texts = [provider, host, security, username, auth, from, reply_to, ehlo_name];
        texts.iter().all(|text| text.is_none())
            && port.is_none()
            && pipelining.is_none()
            && !self.gives_password()
    }

    /// Reports whether an option names the source of the password.
    pub(super) fn gives_password(&self) -> bool {
        self.password.is_given() || self.password_keyring
    }

    /// Returns the source that the options name, or the password itself, also if it belongs in the keyring.
    pub(super) fn secret(&self) -> Result<SecretSource, Stop> {
        match self.password_keyring && !io::stdin().is_terminal() {
            true => Ok(from_standard_input()?.into()),
            false => self.password.source(),
        }
    }

    /// Finds the provider that the options name.
    pub(super) fn preset(&self) -> Result<Option<&'static Preset>, Stop> {
        let Some(id) = &self.provider else { return Ok(None) };
        let preset = Preset::find(id);
        preset
            .map(Some)
            .ok_or_else(|| Stop::Usage(format!("--provider {id:?}: {}", Preset::unknown(id))))
    }

    /// Applies everything but the provider and the login.
    pub(super) fn apply(&self, mut builder: AccountBuilder) -> AccountBuilder {
        if let Some(host) = &self.host {
            builder = builder.host(host);
        }
        if let Some(port) = self.port {
            builder = builder.port(port);
        }
        if let Some(security) =
            self.security.as_deref().and_then(|name| value(Security::NAMES, name))
        {
            builder = builder.security(security);
        }
        if let Some(auth) = self.auth.as_deref().and_then(|name| value(Auth::NAMES, name)) {
            builder = builder.auth(auth);
        }
        if let Some(from) = &self.from {
            builder = builder.sender(from);
        }
        if let Some(reply_to) = &self.reply_to {
            builder = builder.reply_to(reply_to);
        }
        if let Some(name) = &self.ehlo_name {
            builder = builder.ehlo_name(name);
        }
        if let Some(pipelining) = self.pipelining {
            builder = builder.pipelining(pipelining);
        }
        builder
    }
}

impl Password {
    /// Reports whether an option names the source of the password.
    pub(crate) fn is_given(&self) -> bool {
        self.password_prompt
            || self.password_stdin
            || self.password_env.is_some()
            || self.password_file.is_some()
    }

    /// Returns the source that the options name, or the password that the user types.
    pub(crate) fn source(&self) -> Result<SecretSource, Stop> {
        if let Some(name) = &self.password_env {
            return Ok(SecretSource::Env(name.clone()));
        }
        if let Some(path) = &self.password_file {
            let path = std::path::absolute(in_home(path)).map_err(|reason| {
                Stop::Usage(format!("--password-file {}: {reason}", path.display()))
            })?;
            return Ok(SecretSource::File(path));
        }
        let secret = if self.password_stdin { from_standard_input()? } else { from_prompt()? };
        if secret.expose().is_empty() {
            return Err(Stop::Usage("the password is empty".to_owned()));
        }
        Ok(secret.into())
    }
}

fn from_standard_input() -> Result<Secret, Stop> {
    let mut text = zeroize::Zeroizing::new(String::new());
    io::stdin().lock().read_to_string(&mut text).map_err(|reason| {
        Stop::Usage(format!("could not read the password from standard input: {reason}"))
    })?;
    Secret::first_line_of(&text).ok_or_else(|| Stop::Usage("the password is empty".to_owned()))
}

fn from_prompt() -> Result<Secret, Stop> {
    if !io::stdin().is_terminal() {
        let message = "there is no terminal to ask for the password; use --password-stdin, --password-env \
                       or --password-file";
        return Err(Stop::Usage(message.to_owned()));
    }
    dialoguer::Password::new()
        .with_prompt("Password")
        .interact()
        .map(Secret::new)
        .map_err(|reason| Stop::Usage(format!("could not ask for the password: {reason}")))
}
