//! `accounts add`: adds an account.

use std::io::{self, IsTerminal as _, Read as _};
use std::path::PathBuf;

use clap::Args;
use clap::builder::PossibleValuesParser;
use serde_json::json;

use super::super::context::Context;
use super::super::exit::Exit;
use super::super::stop::{Outcome, Stop};
use super::json_of;
use smtp_connector_host::Issue;
use smtp_connector_host::accounts::in_home;
use smtp_connector_host::accounts::{Account, AccountBuilder, Preset};
use smtp_connector_smtp::secret::{Secret, SecretSource};
use smtp_connector_smtp::settings::{Auth, AuthSecret, Security};

/// Add an account
///
/// The password is not an argument, because other users could see it there. The command asks for it, or reads it from
/// standard input, an environment variable or a file.
#[derive(Args, Debug)]
pub(crate) struct Add {
    /// Name of the account
    name: String,

    /// Use a provider's settings; `smtp-connector providers` lists them
    #[arg(long, value_name = "ID")]
    provider: Option<String>,

    /// Host name of the server
    #[arg(long, value_name = "HOST")]
    host: Option<String>,

    /// Port of the server [default: 587]
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..))]
    port: Option<u16>,

    /// Encryption of the connection [default: auto, by the port]
    #[arg(long, value_name = "HOW", value_parser = names(Security::NAMES))]
    security: Option<String>,

    /// User name, if the server requires a login
    #[arg(long, value_name = "NAME")]
    username: Option<String>,

    /// Login mechanism [default: auto]
    #[arg(long, value_name = "HOW", value_parser = names(Auth::NAMES))]
    auth: Option<String>,

    /// Sender of mails that do not set one
    #[arg(long, value_name = "ADDRESS")]
    from: Option<String>,

    /// Reply-To address of mails that do not set one
    #[arg(long, value_name = "ADDRESS")]
    reply_to: Option<String>,

    /// Host name to send in EHLO [default: the machine's name]
    #[arg(long, value_name = "NAME")]
    ehlo_name: Option<String>,

    #[command(flatten)]
    password: Password,

    /// Replace the existing account with this name
    #[arg(long)]
    replace: bool,
}

/// The options for the source of the password.
#[derive(Args, Debug)]
#[group(multiple = false, requires = "username")]
struct Password {
    /// Read the password from standard input and store it with the account
    #[arg(long)]
    password_stdin: bool,

    /// Read the password from this environment variable at each use
    #[arg(long, value_name = "VAR")]
    password_env: Option<String>,

    /// Read the password from the first line of this file at each use
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

fn names<T>(names: &[(&'static str, T)]) -> PossibleValuesParser {
    PossibleValuesParser::new(names.iter().map(|(name, _)| *name))
}

fn value<T: Copy>(names: &[(&str, T)], text: &str) -> Option<T> {
    names.iter().find(|(name, _)| *name == text).map(|(_, value)| *value)
}

impl Add {
    pub(crate) async fn run(&self, context: &Context<'_>) -> Outcome {
        let accounts = context.accounts();
        if !self.replace && accounts.all()?.contains_key(&self.name) {
            let message =
                format!("the account {:?} already exists; use --replace to replace it", self.name);
            return Err(Stop::Usage(message));
        }
        // Check all other settings before asking for the password.
        let builder = self.builder()?;
        let probe = match &self.username {
            Some(name) => builder.clone().credentials(name, Secret::new("?")),
            None => builder.clone(),
        };
        probe.build()?;
        let builder = match &self.username {
            Some(name) => builder.credentials(name, self.password.source()?),
            None => builder,
        };
        let account = builder.build()?;
        if self.replace {
            accounts.put(&account)?;
        } else {
            accounts.add(&account)?;
        }
        let output = context.output;
        let warnings = self.warnings(&account).await;
        let listed: Vec<_> = warnings.iter().map(Issue::to_json).collect();
        output.document(&json!({ "account": json_of(&account), "warnings": listed }))?;
        let path = accounts.path().display();
        output.say(format_args!("saved the account {:?} in {path}", account.name()))?;
        if let Some(preset) = account.provider() {
            output.say(format_args!("  {}: {}", preset.title, preset.hint))?;
        }
        output.say(format_args!("  test it: smtp-connector accounts test {:?}", account.name()))?;
        output.warn_of(&warnings);
        Ok(Exit::Done)
    }

    /// Returns the warnings for the account, with one for a password file that cannot be used yet.
    async fn warnings(&self, account: &Account) -> Vec<Issue> {
        let mut warnings = account.warnings();
        let Some(AuthSecret::Password(source @ SecretSource::File(_))) =
            account.credentials().map(|one| &one.secret)
        else {
            return warnings;
        };
        if let Err(error) = source.resolve("password").await {
            let message = match &error.hint {
                Some(hint) => format!("{error}; {hint}"),
                None => error.to_string(),
            };
            let (path, code) = ("password".to_owned(), "unusable-password".to_owned());
            warnings.push(Issue { path, code, message });
        }
        warnings
    }

    /// Returns the error for an account without a provider and a host.
    fn needs_a_server(&self) -> Stop {
        let name = &self.name;
        // Guess the provider from the domain of alice@gmail.com, or from an account name such as gmail.
        let at = self.username.as_deref().and_then(|user| user.rsplit_once('@'));
        let guess =
            at.map_or(name.as_str(), |(_, domain)| domain.split('.').next().unwrap_or_default());
        let (provider, user) = match Preset::find(guess) {
            Some(preset) => (preset.id, self.username.as_deref().unwrap_or("you@example.com")),
            None => ("gmail", "you@gmail.com"),
        };
        Stop::UsageWithHint(
            format!("the account {name:?} needs a server; name a provider or a host"),
            format!(
                "run: smtp-connector accounts add {name:?} --provider {provider} --username {user} \
                 (`smtp-connector providers` lists the providers). For any other server, use --host smtp.example.com"
            ),
        )
    }

    fn builder(&self) -> Result<AccountBuilder, Stop> {
        let mut builder = match &self.provider {
            Some(id) => {
                let preset = Preset::find(id).ok_or_else(|| {
                    Stop::Usage(format!("--provider {id:?}: {}", Preset::unknown(id)))
                })?;
                Account::with_provider(&self.name, preset)
            }
            None if self.host.is_none() => return Err(self.needs_a_server()),
            None => Account::builder(&self.name, ""),
        };
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
        Ok(builder)
    }
}

impl Password {
    fn source(&self) -> Result<SecretSource, Stop> {
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
    rpassword::prompt_password("Password: ")
        .map(Secret::new)
        .map_err(|reason| Stop::Usage(format!("could not ask for the password: {reason}")))
}
