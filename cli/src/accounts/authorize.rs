//! `accounts authorize`: asks the user for consent (OAuth 2), and stores it with the account.

use std::sync::Arc;

use clap::Args;
use serde_json::json;

use super::super::context::Context;
use super::super::exit::Exit;
use super::super::stop::{Outcome, Stop};
use super::consent::{Asked, Provider};
use super::flow::Flow;
use super::json_of;
use super::keyring;
use smtp_connector_host::Account;
use smtp_connector_host::accounts::{
    AccountBuilder, OAuth2, Preset, Secret, SecretSource, TokenPlace,
};

/// Log an account in with OAuth 2: ask for your consent in a browser
///
/// You need a client id, which you get when you register an application with the provider. Without --client-id, the
/// command lists the steps for your provider.
///
/// The command opens the browser and waits for your consent. With --device, you enter a code in a browser on any machine
/// instead. The refresh token is stored in a file beside accounts.toml, or in the system's keyring, and replaces the
/// account's password.
#[derive(Args, Debug)]
pub(crate) struct Authorize {
    /// Name of the account
    name: String,

    #[command(flatten)]
    asked: Asked,

    #[command(flatten)]
    flow: Flow,

    /// Store the refresh token in the system's keyring [default: if the account's secret is there]
    #[arg(long)]
    keyring: bool,

    /// For a new account: use a provider's settings
    #[arg(long, value_name = "ID")]
    provider: Option<String>,

    /// For a new account: host name of the server
    #[arg(long, value_name = "HOST")]
    host: Option<String>,

    /// User name, usually your email address [default: the account's]
    #[arg(long, value_name = "NAME")]
    username: Option<String>,

    /// For a new account: sender of mails that do not set one
    #[arg(long, value_name = "ADDRESS")]
    from: Option<String>,
}

/// The account to authorize.
enum Target {
    Existing(Arc<Account>),
    New(Box<Account>),
}

impl Authorize {
    pub(crate) async fn run(&self, context: &Context<'_>) -> Outcome {
        let accounts = context.accounts();
        let target = self.target(context)?;
        let account = target.account();
        let client = context.authorization_client(account);
        let provider = Provider::of(account);
        let own = self.asked.client(account, &provider)?;
        let request = self.asked.request(own, &provider, &client).await?;
        let user = self.username(account)?;
        let request = request.login_hint(user.clone());
        // Before the user spends time in a browser.
        let place = match self.keyring {
            true => TokenPlace::Keyring,
            false => keyring::place_of_token(account),
        };
        let stored = accounts.refresh_token_source(&self.name, place);
        let stored = stored.map_err(|error| context.explain(error))?;
        let grant = self.flow.ask(context, &request, &provider, &client).await?;
        match &target {
            Target::Existing(_) => {
                accounts.authorize(&self.name, self.username.as_deref(), place, &grant)?;
            }
            Target::New(account) => accounts.add_authorized(account, place, &grant)?,
        }
        let output = context.output;
        let mut document = json!({ "account": json_of(&*accounts.get(&self.name)?) });
        let shown = match &stored {
            SecretSource::File(path) => {
                document["refreshTokenFile"] = path.display().to_string().into();
                path.display().to_string()
            }
            SecretSource::Keyring(name) => {
                document["refreshTokenKeyring"] = name.as_str().into();
                stored.to_string()
            }
            other => other.to_string(),
        };
        output.document(&document)?;
        output.say(format_args!(
            "authorized the account {:?}: the refresh token is in {shown}",
            self.name
        ))?;
        output.say(format_args!("  test it: smtp-connector accounts test {:?}", self.name))?;
        Ok(Exit::Done)
    }

    fn target(&self, context: &Context<'_>) -> Result<Target, Stop> {
        let accounts = context.accounts();
        let name = &self.name;
        if accounts.all()?.contains_key(name) {
            let others =
                [("--provider", &self.provider), ("--host", &self.host), ("--from", &self.from)];
            if let Some((option, _)) = others.into_iter().find(|(_, value)| value.is_some()) {
                let message = format!(
                    "{option} is for a new account, and the account {name:?} already exists"
                );
                return Err(Stop::Usage(message));
            }
            return Ok(Target::Existing(accounts.get(name)?));
        }
        let builder = match (&self.provider, &self.host) {
            (Some(id), _) => {
                let preset = Preset::find(id).ok_or_else(|| {
                    Stop::Usage(format!("--provider {id:?}: {}", Preset::unknown(id)))
                })?;
                Account::with_provider(name, preset)
            }
            (None, Some(_)) => Account::builder(name, ""),
            (None, None) => {
                return Err(Stop::UsageWithHint(
                    format!(
                        "there is no account {name:?} yet; name a provider or a host to add it"
                    ),
                    format!(
                        "run: smtp-connector accounts authorize {name:?} --provider gmail --username you@gmail.com \
                         --client-id ID"
                    ),
                ));
            }
        };
        let account = self.filled(builder)?.build()?;
        Ok(Target::New(Box::new(account)))
    }

    /// Adds the options of a new account. Its token is not known yet.
    fn filled(&self, mut builder: AccountBuilder) -> Result<AccountBuilder, Stop> {
        let Some(username) = &self.username else {
            let message = format!(
                "the new account {:?} needs --username, usually your email address",
                self.name
            );
            return Err(Stop::Usage(message));
        };
        if let Some(host) = &self.host {
            builder = builder.host(host);
        }
        if let Some(from) = &self.from {
            builder = builder.sender(from);
        }
        Ok(builder.oauth2(username, OAuth2::token(Secret::new("?"))))
    }

    fn username(&self, account: &Account) -> Result<String, Stop> {
        let known = account.credentials().map(|one| &one.username);
        self.username.as_ref().or(known).cloned().ok_or_else(|| {
            let message = format!("the account {:?} has no user; add --username", self.name);
            Stop::Usage(message)
        })
    }
}

impl Target {
    fn account(&self) -> &Account {
        match self {
            Self::Existing(account) => account,
            Self::New(account) => account,
        }
    }
}
