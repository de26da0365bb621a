//! Asks for an account's settings at the terminal, field by field, and tests them.

mod agree;
mod answers;
mod login;
mod more;
mod questions;
mod secret;
mod server;
mod trial;

use self::answers::{Answers, Login, Server};
pub(super) use self::login::prefers_keyring;
use self::questions::{confirm, input, optional, parsed, select, valid};
use super::super::context::Context;
use super::super::output::tell_error;
use super::super::stop::Stop;
use super::consent::Asked;
use super::settings::Settings;
use smtp_connector_host::accounts::{Account, AccountName, HostName, TokenPlace};
use smtp_connector_host::consent::Grant;
use smtp_connector_smtp::ForwardPath;
use smtp_connector_smtp::settings::Security;

/// The questions about an account.
pub(super) struct Form<'f> {
    pub(super) context: &'f Context<'f>,
    /// The options, which are not asked for.
    pub(super) settings: &'f Settings,
    pub(super) asked: &'f Asked,
    /// The account to change, or `None` for a new one.
    pub(super) base: Option<&'f Account>,
    /// The names of other accounts.
    pub(super) taken: &'f [String],
}

/// The account that the user described, with the consent that replaces its secret.
pub(super) struct Answered {
    pub(super) account: Account,
    pub(super) grant: Option<Grant>,
    /// Whether its password, which is text so far, belongs in the system's keyring.
    pub(super) in_keyring: bool,
    /// Whether a server accepted the account just now.
    pub(super) is_tested: bool,
}

impl Answered {
    /// An account that is not tested, with a login that is stored with it.
    pub(super) fn new(account: Account) -> Self {
        Self { account, grant: None, in_keyring: false, is_tested: false }
    }
}

/// The decision about an account that fails its test.
enum AfterFailure {
    Change,
    Save,
    Cancel,
}

impl Form<'_> {
    /// Asks for everything that the options leave open, and tests the account. If the test fails, the user can change the
    /// answers. Returns `None` if the user cancels.
    pub(super) async fn ask(&self, name: Option<&str>) -> Result<Option<Answered>, Stop> {
        let proxy = self.context.proxy_to_save()?;
        let mut answers = self.base.map(Answers::of).unwrap_or_default();
        loop {
            if !self.round(&mut answers, name).await? {
                return Ok(None);
            }
            let mut builder = answers.builder(self.base, self.settings);
            if let Some(name) = &answers.name {
                builder = builder.name(name);
            }
            if let Some(proxy) = &proxy {
                builder = builder.proxy(proxy.clone());
            }
            let account = match builder.build() {
                Ok(account) => account,
                Err(error) => {
                    tell_error(&error);
                    if confirm("Change the settings", true)? {
                        continue;
                    }
                    return Ok(None);
                }
            };
            let mut grant = match &mut answers.login {
                Login::Consent(grant, _) => Some(&mut **grant),
                _ => None,
            };
            let is_skipped = self.base.is_some() && !confirm("Test the account now", true)?;
            let is_tested =
                !is_skipped && trial::passes(self.context, &account, grant.as_deref_mut()).await;
            let grant = grant.cloned();
            let in_keyring = answers.in_keyring();
            let answered = Answered { account, grant, in_keyring, is_tested };
            if is_skipped || is_tested {
                return Ok(Some(answered));
            }
            match after_failure()? {
                AfterFailure::Change => {}
                AfterFailure::Save => return Ok(Some(answered)),
                AfterFailure::Cancel => return Ok(None),
            }
        }
    }

    /// Asks each question once. Returns whether the user goes on.
    async fn round(&self, answers: &mut Answers, name: Option<&str>) -> Result<bool, Stop> {
        let address = match self.base {
            Some(_) => None,
            None => Some(self.ask_address(answers)?),
        };
        answers.server = Some(match self.given_server()? {
            Some(server) => server,
            None => server::ask(answers, address.as_ref())?,
        });
        if !self.ask_login(answers).await? {
            return Ok(false);
        }
        let before = answers.sender.clone();
        answers.sender = match (&self.settings.from, self.base) {
            (Some(from), _) => Some(from.clone()),
            (None, Some(_)) => optional("Sender of your mails", before.as_deref())?,
            (None, None) => {
                Some(input("Sender of your mails", before.or_else(|| answers.address.clone()))?)
            }
        };
        match self.base {
            Some(account) => more::ask(answers, account)?,
            None => answers.name = Some(self.ask_name(answers, name)?),
        }
        Ok(true)
    }

    fn ask_address(&self, answers: &mut Answers) -> Result<ForwardPath, Stop> {
        let known = self.settings.from.as_ref().or(self.settings.username.as_ref());
        let known = known.and_then(|text| text.parse::<ForwardPath>().ok());
        let address = match known {
            Some(address) => address,
            None => parsed("Your email address", answers.address.as_deref())?,
        };
        answers.address = Some(address.to_string());
        Ok(address)
    }

    /// Returns the server that the options name.
    fn given_server(&self) -> Result<Option<Server>, Stop> {
        if let Some(preset) = self.settings.preset()? {
            return Ok(Some(Server::Provider(preset)));
        }
        let Some(host) = &self.settings.host else { return Ok(None) };
        let host: HostName = host.parse().map_err(|reason| {
            Stop::Usage(format!("--host: {reason}; write a name such as smtp.example.com"))
        })?;
        // The other options are applied to it.
        Ok(Some(Server::Other { host, port: 587, security: Security::Auto }))
    }

    fn ask_name(&self, answers: &Answers, name: Option<&str>) -> Result<String, Stop> {
        let accounts = self.context.accounts();
        let is_consent = matches!(answers.login, Login::Consent(..));
        let check = |name: &str| {
            name.parse::<AccountName>().map_err(|error| error.to_string())?;
            if self.taken.iter().any(|known| known == name) {
                return Err(format!("there is an account {name:?} already"));
            }
            if is_consent {
                // The refresh token will be stored there.
                let source = accounts.refresh_token_source(name, TokenPlace::File);
                source.map_err(|error| error.to_string())?;
            }
            if answers.in_keyring() {
                accounts.password_entry(name).map_err(|error| error.to_string())?;
            }
            Ok(name.to_owned())
        };
        if let Some(name) = name.and_then(|name| check(name).ok()) {
            return Ok(name);
        }
        let address = answers.address.as_deref().and_then(|text| text.rsplit_once('@'));
        let first = address.and_then(|(_, domain)| domain.split('.').next()).unwrap_or("work");
        let before = answers.name.as_deref().unwrap_or(first);
        valid("Name of the account", Some(before), check)
    }
}

fn after_failure() -> Result<AfterFailure, Stop> {
    let choices = ["Change the settings", "Save the account anyway", "Cancel"];
    Ok(match select("The test failed", &choices, 0)? {
        0 => AfterFailure::Change,
        1 => AfterFailure::Save,
        _ => AfterFailure::Cancel,
    })
}

/// Waits for the future, or for Ctrl-C. Returns `None` for Ctrl-C, so that the questions go on.
async fn stoppable<T>(future: impl Future<Output = T>) -> Option<T> {
    let interrupted = async {
        if tokio::signal::ctrl_c().await.is_err() {
            // Listening failed, so the future cannot be stopped this way.
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        ended = future => Some(ended),
        () = interrupted => None,
    }
}
