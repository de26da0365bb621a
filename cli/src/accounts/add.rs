//! `accounts add`: adds an account.

use clap::Args;
use serde_json::json;

use super::super::context::Context;
use super::super::exit::Exit;
use super::super::question;
use super::super::stop::{Outcome, Stop};
use super::ask::{self, Answered, Form};
use super::consent::{Asked, Provider};
use super::flow::Flow;
use super::json_of;
use super::keyring;
use super::settings::Settings;
use smtp_connector_host::Issue;
use smtp_connector_host::accounts::{Account, AccountBuilder, OAuth2, Preset, TokenPlace};
use smtp_connector_smtp::secret::{Secret, SecretSource};
use smtp_connector_smtp::settings::AuthSecret;

/// Add an account
///
/// Without options, the command asks for everything at the terminal, and tests the account before it saves it. With
/// --client-id, it asks for your consent in a browser, as `accounts authorize` does.
///
/// The password is not an argument, because other users could see it there. The command asks for it, or reads it from
/// standard input, an environment variable or a file. It can store the password in the system's keyring.
#[derive(Args, Debug)]
pub(crate) struct Add {
    /// Name of the account
    name: Option<String>,

    #[command(flatten)]
    settings: Settings,

    #[command(
        flatten,
        next_help_heading = "Consent in a browser (OAuth 2), instead of a password"
    )]
    asked: Asked,

    /// Replace the existing account with this name
    #[arg(long)]
    replace: bool,
}

impl Add {
    pub(crate) async fn run(&self, context: &Context<'_>) -> Outcome {
        let answered = match &self.name {
            Some(name) if self.says_everything()? || !question::can_ask() => {
                self.with_options(context, name).await?
            }
            None if !question::can_ask() => return Err(needs_a_name()),
            name => {
                let taken = if self.replace { Vec::new() } else { names(context)? };
                let (settings, asked) = (&self.settings, &self.asked);
                let form = Form { context, settings, asked, base: None, taken: &taken };
                match form.ask(name.as_deref()).await? {
                    Some(answered) => answered,
                    None => return Err(Stop::Usage("nothing was saved".to_owned())),
                }
            }
        };
        self.save(context, &answered).await
    }

    /// Reports whether the options leave nothing open, except for a password.
    fn says_everything(&self) -> Result<bool, Stop> {
        let preset = self.settings.preset()?;
        // Without a client id, the consent needs some explanation.
        let needs_consent = preset.is_some_and(|preset| !preset.takes_password())
            && !self.settings.gives_password()
            && !self.asked.is_given();
        Ok((preset.is_some() || self.settings.host.is_some()) && !needs_consent)
    }

    /// Builds the account from the options alone.
    async fn with_options(&self, context: &Context<'_>, name: &str) -> Result<Answered, Stop> {
        if !self.replace && names(context)?.iter().any(|known| known == name) {
            let message =
                format!("the account {name:?} already exists; use --replace to replace it");
            return Err(Stop::Usage(message));
        }
        let (is_password, is_consent) = (self.settings.gives_password(), self.asked.is_given());
        if (is_password || is_consent) && self.settings.username.is_none() {
            let what = if is_password { "a password" } else { "a consent" };
            return Err(Stop::Usage(format!("{what} needs a user: add --username NAME")));
        }
        if is_password && is_consent {
            let message = "an account has a password or a consent, not both; remove the options of one of them";
            return Err(Stop::Usage(message.to_owned()));
        }
        // Check all other settings before asking for the password.
        let builder = self.builder(name)?.proxy(context.proxy_to_save()?);
        let Some(username) = &self.settings.username else {
            return Ok(Answered::new(builder.build()?));
        };
        if is_consent {
            return self.with_consent(context, builder, username).await;
        }
        builder.clone().credentials(username, Secret::new("?")).build()?;
        let in_keyring = match is_password {
            true => self.settings.password_keyring,
            false => question::can_ask() && ask::prefers_keyring()?,
        };
        if in_keyring {
            let entry = context.accounts().password_entry(name);
            entry.map_err(|error| context.explain(error))?;
        }
        let account = builder.credentials(username, self.settings.secret()?).build()?;
        Ok(Answered { in_keyring, ..Answered::new(account) })
    }

    async fn with_consent(
        &self,
        context: &Context<'_>,
        builder: AccountBuilder,
        username: &str,
    ) -> Result<Answered, Stop> {
        // The token is not known yet.
        let account = builder.clone().oauth2(username, OAuth2::token(Secret::new("?"))).build()?;
        let provider = Provider::of(&account);
        let network = context.authorization_client(&account);
        let client = self.asked.client(&account, &provider)?;
        let request = self.asked.request(client, &provider, &network).await?;
        let request = request.login_hint(username.to_owned());
        // Before the user spends time in a browser.
        context.accounts().refresh_token_source(account.name(), TokenPlace::File)?;
        let grant = Flow::default().ask(context, &request, &provider, &network).await?;
        let login = grant.login(grant.refresh_token.clone());
        let account = builder.oauth2(username, login).build()?;
        Ok(Answered { grant: Some(grant), ..Answered::new(account) })
    }

    async fn save(&self, context: &Context<'_>, answered: &Answered) -> Outcome {
        let Answered { account, grant, in_keyring, is_tested } = answered;
        let accounts = context.accounts();
        let write = |account: &Account| match (grant, self.replace) {
            (Some(grant), true) => accounts.put_authorized(account, TokenPlace::File, grant),
            (Some(grant), false) => accounts.add_authorized(account, TokenPlace::File, grant),
            (None, true) => accounts.put(account),
            (None, false) => accounts.add(account),
        };
        let account = match in_keyring {
            true => &keyring::save(context, account, write)?,
            false => {
                write(account)?;
                account
            }
        };
        let output = context.output;
        let warnings = self.warnings(account).await;
        let listed: Vec<_> = warnings.iter().map(Issue::to_json).collect();
        output.document(&json!({ "account": json_of(account), "warnings": listed }))?;
        let path = accounts.path().display();
        output.say(format_args!("saved the account {:?} in {path}", account.name()))?;
        let test = context.own_command(&["accounts", "test", account.name()]);
        if *is_tested {
            output.say(format_args!("  test it with a mail: {test} --send-to ADDRESS"))?;
        } else {
            if let Some(preset) = account.provider() {
                output.say(format_args!("  {}: {}", preset.title, preset.hint))?;
            }
            output.say(format_args!("  test it: {test}"))?;
        }
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
