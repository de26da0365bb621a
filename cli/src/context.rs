//! The environment that all commands share: folders, accounts and the sandbox.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::home::Home;
use super::output::{Output, tell};
use super::proxy::ChosenProxy;
use super::shared::Shared;
use super::stop::Stop;
use super::text;
use super::uses::Uses;
use smtp_connector_host::CacheEvent;
use smtp_connector_host::accounts::{Account, Accounts, AccountsFile, Proxy};
use smtp_connector_host::attachments::AttachmentHosts;
use smtp_connector_host::consent::NetworkClient;
use smtp_connector_host::{Allocation, Connector, Host, ProxyNetwork};
use smtp_connector_host::{Error, Outcome as Sent, Phase, Status};
use smtp_connector_outbox::Webhook;
use smtp_connector_smtp::{Entry, SmtpTransport, Transcript};

/// The environment of a command.
pub(crate) struct Context<'o> {
    pub(crate) output: &'o Output,
    pub(crate) home: Home,
    shared: Shared,
    proxy: Option<ChosenProxy>,
    has_compiled: Arc<AtomicBool>,
}

impl<'o> Context<'o> {
    pub(crate) fn new(shared: Shared, output: &'o Output) -> Result<Self, Stop> {
        let home = Home::find(shared.home.clone()).ok_or_else(|| {
            Stop::Usage("could not find your home folder; set one with --home".to_owned())
        })?;
        // clap's `requires` only sees options on the same side of the subcommand.
        if shared.sha256.is_some() && shared.component.is_none() {
            let message = "--sha256 pins a --component FILE; add --component";
            return Err(Stop::Usage(message.to_owned()));
        }
        let proxy = shared.proxy.as_ref().map(ChosenProxy::of).transpose()?;
        Ok(Self { output, home, shared, proxy, has_compiled: Arc::default() })
    }

    /// Returns the user's accounts.
    pub(crate) fn accounts(&self) -> AccountsFile {
        AccountsFile::new(&self.home.accounts)
    }

    /// Returns the times at which this command used the accounts.
    pub(crate) fn uses(&self) -> Uses {
        Uses::new(self.home.uses.clone())
    }

    /// Notes that an account of the file was used, if the server, or the way to it, was tried.
    pub(crate) fn note_use(&self, account: &Account, outcome: &Result<Sent, Error>) {
        let is_tried = match outcome {
            Ok(outcome) => outcome.status() != Some(Status::DryRun),
            Err(error) => !matches!(
                error.phase(),
                Phase::Input | Phase::Attachments | Phase::Build | Phase::Policy
            ),
        };
        if is_tried {
            self.uses().note(account.name());
        }
    }

    /// Returns the named account, or the only one. Returns `None` if there are no accounts.
    pub(crate) fn choose_account(&self, named: Option<&str>) -> Result<Option<Arc<Account>>, Stop> {
        Ok(self.chosen_account(named)?.map(|account| self.routed(account)))
    }

    fn chosen_account(&self, named: Option<&str>) -> Result<Option<Arc<Account>>, Stop> {
        let accounts = self.accounts();
        if let Some(name) = named {
            return Ok(Some(accounts.get(name)?));
        }
        if let Some(name) = accounts.default_name()? {
            return Ok(Some(accounts.get(&name)?));
        }
        let all = accounts.all()?;
        let names: Vec<_> = all.keys().cloned().collect();
        match names.len() {
            0 | 1 => Ok(all.into_values().next().transpose()?),
            _ => Err(Stop::Usage(format!(
                "there are several accounts; choose one with --account, or run `smtp-connector accounts default NAME`: {}",
                names.join(", ")
            ))),
        }
    }

    /// Returns the account with this name, for a test of its server.
    pub(crate) fn account_for_test(&self, name: &str) -> Result<Arc<Account>, Stop> {
        Ok(self.routed(self.accounts().get(name)?))
    }

    /// Returns a client for the authorization server of an account.
    pub(crate) fn authorization_client(&self, account: &Account) -> NetworkClient {
        let client = NetworkClient::new().danger_allow_private_hosts();
        match (&self.proxy, account.server().proxy()) {
            (Some(chosen), _) => client.network(chosen.network.clone()),
            (None, Some(proxy)) => {
                let network = ProxyNetwork::new(proxy.clone());
                client.network(network.setting("the account's setting proxy"))
            }
            (None, None) => client,
        }
    }

    /// Returns a webhook that connects through the proxy of `--proxy`, if there is one.
    pub(crate) fn through_proxy(&self, webhook: Webhook) -> Webhook {
        match &self.proxy {
            Some(chosen) => webhook.network(chosen.network.clone()),
            None => webhook,
        }
    }

    /// Returns an account without its proxy if `--proxy` replaces it.
    pub(crate) fn routed(&self, account: Arc<Account>) -> Arc<Account> {
        match &self.proxy {
            Some(_) => Arc::new(Arc::unwrap_or_clone(account).without_proxy()),
            None => account,
        }
    }

    /// Reports whether a connection for an account goes through a proxy.
    pub(crate) fn uses_proxy(&self, account: &Account) -> bool {
        self.proxy.is_some() || account.server().proxy().is_some()
    }

    /// Returns the words that repeat `--proxy`. Its URL may hold a password, so the user fills it in.
    pub(crate) fn proxy_option(&self) -> Vec<&'static str> {
        match &self.proxy {
            Some(_) => vec!["--proxy", "URL"],
            None => Vec::new(),
        }
    }

    /// Returns the proxy to save with a new account, if `--proxy` gives one.
    pub(crate) fn proxy_to_save(&self) -> Result<Option<Proxy>, Stop> {
        match &self.proxy {
            None => Ok(None),
            Some(ChosenProxy { from_argument: Some(proxy), .. }) => Ok(Some(proxy.clone())),
            Some(_) => Err(Stop::UsageWithHint(
                "--proxy env cannot be saved with an account".to_owned(),
                "give the proxy's URL, or use --proxy env with the commands that connect"
                    .to_owned(),
            )),
        }
    }

    /// Returns the transport. It may connect to private hosts, because the command runs on the user's machine.
    pub(crate) fn transport(&self) -> SmtpTransport {
        // A command sends one message, so a pool would not be used.
        self.pooled_transport().without_pool()
    }

    /// Returns a transport that keeps connections for the next messages.
    fn pooled_transport(&self) -> SmtpTransport {
        let mut transport = SmtpTransport::new().danger_allow_private_hosts();
        if let Some(proxy) = &self.proxy {
            transport = transport.network(proxy.network.clone());
        }
        if self.shared.verbose {
            transport.transcript(Arc::new(ToStandardError))
        } else {
            transport
        }
    }

    /// Builds a host with these accounts.
    pub(crate) fn host(&self, accounts: impl Accounts) -> Result<Host, Stop> {
        // A command is one run, on the user's machine.
        self.host_with(accounts, self.transport(), Allocation::OnDemand)
    }

    /// Builds a host for many runs.
    pub(crate) fn worker_host(&self) -> Result<Host, Stop> {
        self.host_with(self.accounts(), self.pooled_transport(), Allocation::default())
    }

    fn host_with(
        &self,
        accounts: impl Accounts,
        transport: SmtpTransport,
        allocation: Allocation,
    ) -> Result<Host, Stop> {
        let builder =
            Host::builder().allocation(allocation).attachment_hosts(AttachmentHosts::danger_any());
        let builder = match &self.proxy {
            Some(proxy) => builder.network(proxy.network.clone()),
            None => builder,
        };
        let builder = builder.accounts(accounts).transport(transport);
        let (output, has_compiled) = (self.output.clone(), Arc::clone(&self.has_compiled));
        let builder = builder.cache_directory(&self.home.cache).cache_observer(move |event| match event {
            CacheEvent::Compiling { keep } => {
                has_compiled.store(true, Ordering::Relaxed);
                // Without `keep` the cache cannot be used, and `Unusable` gives the reason.
                if *keep {
                    output.note("compiling the component for this machine: a few seconds, only once");
                }
            }
            CacheEvent::Unusable { reason, hint } => output.warn(format_args!(
                "the cache of compiled components cannot be used, so every start compiles again: {reason}; {hint}"
            )),
            _ => {}
        });
        Ok(builder.build()?)
    }

    /// Returns a command line of this program, for the same home.
    pub(crate) fn own_command(&self, words: &[&str]) -> String {
        let mut line = "smtp-connector".to_owned();
        // A home from the environment is still there for the next command.
        let known = std::env::var_os("SMTP_CONNECTOR_HOME");
        let home = self.shared.home.as_ref();
        if let Some(home) = home.filter(|home| known.as_deref() != Some(home.as_os_str())) {
            line += &format!(" --home {}", text::quoted(&home.display().to_string()));
        }
        words.iter().fold(line, |line, word| line + " " + &text::quoted(word))
    }

    /// Reports whether this command compiled the component, because it was not in the cache.
    pub(crate) fn has_compiled(&self) -> bool {
        self.has_compiled.load(Ordering::Relaxed)
    }

    /// Loads the component that the user named, or the built-in one.
    pub(crate) fn connector(&self, host: &Host) -> Result<Connector, Stop> {
        let loaded = match (&self.shared.component, self.shared.sha256) {
            (Some(path), Some(pinned)) => Connector::from_file_pinned(host, path, pinned),
            (Some(path), None) => Connector::from_file(host, path),
            (None, _) => Connector::builtin(host),
        };
        loaded.map_err(|error| match &self.shared.component {
            // The user chose this file, so an invalid component is not a bug of the command.
            Some(path) => Stop::Component(path.clone(), error),
            None => error.into(),
        })
    }

    /// Prints the causes of an error if `--verbose` is given.
    pub(crate) fn tell_causes(&self, error: &smtp_connector_host::Error) {
        if self.shared.verbose {
            text::causes(error).iter().for_each(tell);
        }
    }

    /// Prints the causes as `tell_causes` does, and ends the command with the error.
    pub(crate) fn explain(&self, error: smtp_connector_host::Error) -> Stop {
        self.tell_causes(&error);
        Stop::Failed(error)
    }
}

/// A transcript that prints SMTP conversations to standard error.
struct ToStandardError;

impl Transcript for ToStandardError {
    fn note(&self, at: Duration, entry: &Entry) {
        tell(format_args!("{:>8.3} {entry}", at.as_secs_f64()));
    }
}
