//! What commands share: where things are, the accounts, and the sandbox.

use std::sync::Arc;
use std::time::Duration;

use super::home::Home;
use super::output::{Output, tell};
use super::shared::Shared;
use super::stop::Stop;
use smtp_connector_host::CacheEvent;
use smtp_connector_host::accounts::{Account, Accounts, AccountsFile};
use smtp_connector_host::attachments::AttachmentHosts;
use smtp_connector_host::{Allocation, Connector, Host};
use smtp_connector_smtp::{Entry, SmtpTransport, Transcript};

/// The surroundings of a command.
pub(crate) struct Context<'o> {
    pub(crate) output: &'o Output,
    pub(crate) home: Home,
    shared: Shared,
}

impl<'o> Context<'o> {
    pub(crate) fn new(shared: Shared, output: &'o Output) -> Result<Self, Stop> {
        let home = Home::find(shared.home.clone()).ok_or_else(|| {
            Stop::Usage("there is no home folder for you; name one with --home".to_owned())
        })?;
        // clap looks for what an option requires on the same side of the command.
        if shared.sha256.is_some() && shared.component.is_none() {
            let message = "--sha256 pins the file of --component; name one";
            return Err(Stop::Usage(message.to_owned()));
        }
        Ok(Self { output, home, shared })
    }

    /// The user's accounts.
    pub(crate) fn accounts(&self) -> AccountsFile {
        AccountsFile::new(&self.home.accounts)
    }

    /// The account that is meant: the one that is named, or the only one. None: there is none at all.
    pub(crate) fn choose_account(&self, named: Option<&str>) -> Result<Option<Arc<Account>>, Stop> {
        let accounts = self.accounts();
        if let Some(name) = named {
            return Ok(Some(accounts.get(name)?));
        }
        let all = accounts.all()?;
        let names: Vec<_> = all.keys().cloned().collect();
        match names.len() {
            0 | 1 => Ok(all.into_values().next().transpose()?),
            _ => Err(Stop::Usage(format!(
                "there are several accounts; choose one with --account: {}",
                names.join(", ")
            ))),
        }
    }

    /// The way to servers. This is the user's own machine: nothing on it is out of bounds.
    pub(crate) fn transport(&self) -> SmtpTransport {
        // A command sends one message, and is done.
        let transport = SmtpTransport::new().danger_allow_private_hosts().without_pool();
        if self.shared.verbose {
            transport.transcript(Arc::new(ToStandardError))
        } else {
            transport
        }
    }

    /// A host with these accounts.
    pub(crate) fn host(&self, accounts: impl Accounts) -> Result<Host, Stop> {
        // A command is one run, on its user's own machine.
        let builder = Host::builder()
            .allocation(Allocation::OnDemand)
            .attachment_hosts(AttachmentHosts::danger_any());
        let builder = builder.accounts(accounts).transport(self.transport());
        let output = self.output.clone();
        let builder = builder.cache_directory(&self.home.cache).cache_observer(move |event| match event {
            CacheEvent::Compiling { keep: true } => {
                output.note("compiling the component, once on this machine");
            }
            CacheEvent::Unusable { reason, hint } => output.warn(format_args!(
                "the cache of compiled components is not used, so every start compiles: {reason}; {hint}"
            )),
            // A compilation that is not kept: the reason was told.
            _ => {}
        });
        Ok(builder.build()?)
    }

    /// The component: the built-in one, or the one that was named.
    pub(crate) fn connector(&self, host: &Host) -> Result<Connector, Stop> {
        let loaded = match (&self.shared.component, self.shared.sha256) {
            (Some(path), Some(pinned)) => Connector::from_file_pinned(host, path, pinned),
            (Some(path), None) => Connector::from_file(host, path),
            (None, _) => Connector::builtin(host),
        };
        loaded.map_err(|error| match &self.shared.component {
            // Another component is the caller's choice: not being one is no bug here.
            Some(path) => Stop::Component(path.clone(), error),
            None => error.into(),
        })
    }

    /// Tells what an error was caused by, where that was asked for.
    pub(crate) fn tell_causes(&self, error: &smtp_connector_host::Error) {
        if self.shared.verbose {
            super::text::causes(error).iter().for_each(tell);
        }
    }

    /// The same, and ends the command with the error.
    pub(crate) fn explain(&self, error: smtp_connector_host::Error) -> Stop {
        self.tell_causes(&error);
        Stop::Failed(error)
    }
}

/// Shows conversations on standard error.
struct ToStandardError;

impl Transcript for ToStandardError {
    fn note(&self, at: Duration, entry: &Entry) {
        tell(format_args!("{:>8.3} {entry}", at.as_secs_f64()));
    }
}
