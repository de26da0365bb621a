//! `accounts add`: adds an account.

use clap::Args;
use serde_json::json;

use super::super::context::Context;
use super::super::exit::Exit;
use super::super::question;
use super::super::stop::{Outcome, Stop};
use super::ask;
use super::json_of;
use super::settings::Settings;
use smtp_connector_host::Issue;
use smtp_connector_host::accounts::{Account, AccountBuilder, Preset};
use smtp_connector_smtp::secret::{Secret, SecretSource};
use smtp_connector_smtp::settings::AuthSecret;

/// Add an account
///
/// Without options, the command asks for everything at the terminal, and tests the account before it saves it.
///
/// The password is not an argument, because other users could see it there. The command asks for it, or reads it from
/// standard input, an environment variable or a file.
#[derive(Args, Debug)]
pub(crate) struct Add {
    /// Name of the account
    name: Option<String>,

    #[command(flatten)]
    settings: Settings,

    /// Replace the existing account with this name
    #[arg(long)]
    replace: bool,
}

impl Add {
    pub(crate) async fn run(&self, context: &Context<'_>) -> Outcome {
        let names_a_server = self.settings.provider.is_some() || self.settings.host.is_some();
        let account = match &self.name {
            Some(name) if names_a_server || !question::can_ask() => {
                self.with_options(context, name)?
            }
            None if !question::can_ask() => return Err(needs_a_name()),
            name => {
                let taken = if self.replace { Vec::new() } else { names(context)? };
                match ask::account(context, name.as_deref(), &self.settings, &taken).await? {
                    Some(account) => account,
                    None => return Err(Stop::Usage("nothing was saved".to_owned())),
                }
            }
        };
        self.save(context, &account).await
    }

    /// Builds the account from the options alone.
    fn with_options(&self, context: &Context<'_>, name: &str) -> Result<Account, Stop> {
        if !self.replace && names(context)?.iter().any(|known| known == name) {
            let message =
                format!("the account {name:?} already exists; use --replace to replace it");
            return Err(Stop::Usage(message));
        }
        if self.settings.password.is_given() && self.settings.username.is_none() {
            return Err(Stop::Usage("a password needs a user: add --username NAME".to_owned()));
        }
        // Check all other settings before asking for the password.
        let builder = self.builder(name)?.proxy(context.proxy_to_save()?);
        let Some(username) = &self.settings.username else { return Ok(builder.build()?) };
        builder.clone().credentials(username, Secret::new("?")).build()?;
        Ok(builder.credentials(username, self.settings.password.source()?).build()?)
    }

    async fn save(&self, context: &Context<'_>, account: &Account) -> Outcome {
        let accounts = context.accounts();
        if self.replace {
            accounts.put(account)?;
        } else {
            accounts.add(account)?;
        }
        let output = context.output;
        let warnings = self.warnings(account).await;
        let listed: Vec<_> = warnings.iter().map(Issue::to_json).collect();
        output.document(&json!({ "account": json_of(account), "warnings": listed }))?;
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
    fn needs_a_server(&self, name: &str) -> Stop {
        // Guess the provider from the domain of alice@gmail.com, or from an account name such as gmail.
        let at = self.settings.username.as_deref().and_then(|user| user.rsplit_once('@'));
        let guess = at.map_or(name, |(_, domain)| domain.split('.').next().unwrap_or_default());
        let (provider, user) = match Preset::find(guess) {
            Some(preset) => {
                (preset.id, self.settings.username.as_deref().unwrap_or("you@example.com"))
            }
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

    fn builder(&self, name: &str) -> Result<AccountBuilder, Stop> {
        let builder = match self.settings.preset()? {
            Some(preset) => Account::with_provider(name, preset),
            None if self.settings.host.is_none() => return Err(self.needs_a_server(name)),
            None => Account::builder(name, ""),
        };
        Ok(self.settings.apply(builder))
    }
}

/// Returns the names of the accounts in the file.
fn names(context: &Context<'_>) -> Result<Vec<String>, Stop> {
    Ok(context.accounts().all()?.into_keys().collect())
}

fn needs_a_name() -> Stop {
    Stop::UsageWithHint(
        "there is no terminal to ask for the account's settings; give its name and options".to_owned(),
        "run: smtp-connector accounts add work --provider gmail --username you@gmail.com --password-env MAIL_PASSWORD"
            .to_owned(),
    )
}
