//! `accounts edit`: changes the settings of an account.

use clap::Args;
use serde_json::json;

use super::super::context::Context;
use super::super::exit::Exit;
use super::super::question;
use super::super::stop::{Outcome, Stop};
use super::ask::{Answered, Form};
use super::consent::Asked;
use super::json_of;
use super::keyring;
use super::settings::Settings;
use smtp_connector_host::Issue;
use smtp_connector_host::accounts::{Account, AccountBuilder};

/// Change the settings of an account
///
/// Without options, the command asks for each setting at the terminal, with the present value as the default, and can test
/// the account before it saves it.
///
/// Settings without an option stay as they are, and so do the comments in the file. A change of the provider replaces the
/// host, the port and the encryption. To return a setting to its default, use --security auto, --auth auto, --pipelining
/// true, or one of the --no options.
#[derive(Args, Debug)]
pub(crate) struct Edit {
    /// Name of the account
    name: String,

    #[command(flatten)]
    settings: Settings,

    #[command(flatten)]
    removed: Removed,
}

/// The settings to remove.
#[derive(Args, Debug)]
struct Removed {
    /// Remove the login
    #[arg(long, conflicts_with_all = ["username", "password_prompt", "password_stdin", "password_env", "password_file", "password_keyring"])]
    no_login: bool,

    /// Remove the provider; host, port and encryption stay
    #[arg(long, conflicts_with = "provider")]
    no_provider: bool,

    /// Remove the sender of mails that do not set one
    #[arg(long, conflicts_with = "from")]
    no_from: bool,

    /// Remove the Reply-To address of mails that do not set one
    #[arg(long, conflicts_with = "reply_to")]
    no_reply_to: bool,

    /// Send the machine's name in EHLO again
    #[arg(long, conflicts_with = "ehlo_name")]
    no_ehlo_name: bool,

    /// Remove the proxy
    #[arg(long)]
    no_proxy: bool,
}

impl Edit {
    pub(crate) async fn run(&self, context: &Context<'_>) -> Outcome {
        let accounts = context.accounts();
        let proxy = context.proxy_to_save()?;
        if self.removed.no_proxy && proxy.is_some() {
            return Err(Stop::Usage("--proxy and --no-proxy cannot be used together".to_owned()));
        }
        let is_empty = self.settings.is_empty() && self.removed.is_empty() && proxy.is_none();
        let before = match is_empty && !question::can_ask() {
            true => return Err(nothing_to_change(context)),
            false => accounts.get(&self.name)?,
        };
        let Answered { mut account, grant, in_keyring, .. } = if is_empty {
            ask(context, &before).await?
        } else {
            let mut builder = self.removed.apply(self.builder(&before)?);
            if let Some(proxy) = proxy {
                builder = builder.proxy(proxy);
            }
            let in_keyring = self.settings.password_keyring;
            Answered { in_keyring, ..Answered::new(builder.build()?) }
        };
        let place = keyring::place_of_token(&before);
        match &grant {
            Some(grant) => accounts.put_authorized(&account, place, grant)?,
            None if in_keyring => {
                account = keyring::save(context, &account, |account| accounts.put(account))?;
            }
            None => accounts.put(&account)?,
        }
        let warnings = account.warnings();
        let listed: Vec<_> = warnings.iter().map(Issue::to_json).collect();
        context.output.document(&json!({ "account": json_of(&account), "warnings": listed }))?;
        context.output.say(format_args!("changed the account {:?}", self.name))?;
        context.output.warn_of(&warnings);
        Ok(Exit::Done)
    }

    fn builder(&self, before: &Account) -> Result<AccountBuilder, Stop> {
        let mut builder = before.to_builder();
        if let Some(preset) = self.settings.preset()? {
            builder = builder.settings_of(preset);
        }
        builder = self.settings.apply(builder);
        if self.removed.no_login {
            return Ok(builder.without_login());
        }
        let before = before.credentials();
        let username = self.settings.username.as_ref().or(before.map(|one| &one.username));
        let Some(username) = username else {
            return match self.settings.gives_password() {
                true => Err(Stop::Usage("a password needs a user: add --username NAME".to_owned())),
                false => Ok(builder),
            };
        };
        // A user who had no password yet is asked for one.
        match self.settings.gives_password() || before.is_none() {
            true => Ok(builder.credentials(username, self.settings.secret()?)),
            false => Ok(builder.username(username)),
        }
    }
}

impl Removed {
    fn is_empty(&self) -> bool {
        let Self { no_login, no_provider, no_from, no_reply_to, no_ehlo_name, no_proxy } = self;
        ![no_login, no_provider, no_from, no_reply_to, no_ehlo_name, no_proxy].contains(&&true)
    }

    /// Removes everything but the login.
    fn apply(&self, mut builder: AccountBuilder) -> AccountBuilder {
        if self.no_provider {
            builder = builder.without_provider();
        }
        if self.no_from {
            builder = builder.without_sender();
        }
        if self.no_reply_to {
            builder = builder.without_reply_to();
        }
        if self.no_ehlo_name {
            builder = builder.without_ehlo_name();
        }
        if self.no_proxy {
            builder = builder.proxy(None);
        }
        builder
    }
}

/// Asks for each setting at the terminal.
async fn ask(context: &Context<'_>, before: &Account) -> Result<Answered, Stop> {
    let (settings, asked) = (&Settings::default(), &Asked::default());
    let form = Form { context, settings, asked, base: Some(before), taken: &[] };
    let answered = form.ask(None).await?;
    answered.ok_or_else(|| Stop::Usage("nothing was changed".to_owned()))
}

fn nothing_to_change(context: &Context<'_>) -> Stop {
    let path = context.home.accounts.display();
    Stop::UsageWithHint(
        "there is nothing to change, and no terminal to ask at; give at least one option"
            .to_owned(),
        format!("smtp-connector accounts edit --help lists the options; {path} has all settings"),
    )
}
