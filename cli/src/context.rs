//! The environment that all commands share: folders, accounts and the sandbox.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
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

/// The environment of a command.
pub(crate) struct Context<'o> {
    pub(crate) output: &'o Output,
    pub(crate) home: Home,
    shared: Shared,
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
        Ok(Self { output, home, shared, has_compiled: Arc::default() })
    }

    /// Returns the user's accounts.
    pub(crate) fn accounts(&self) -> AccountsFile {
        AccountsFile::new(&self.home.accounts)
    }

    /// Returns the named account, or the only one. Returns `None` if there are no accounts.
    pub(crate) fn choose_account(&self, named: Option<&str>) -> Result<Option<Arc<Account>>, Stop> {
        let accounts = self.accounts();
        if let Some(name) = named {
            return Ok(Some(accounts.get(name)?));
        }
        let all = accounts.all()?;
        if let Some(name) = accounts.default_name()? {
            return Ok(Some(accounts.get(&name)?));
        }
        let names: Vec<_> = all.keys().cloned().collect();
        match names.len() {
            0 | 1 => Ok(all.into_values().next().transpose()?),
            _ => Err(Stop::Usage(format!(
                "there are several accounts; choose one with --account, or run `smtp-connector accounts default NAME`: {}",
                names.join(", ")
            ))),
        }
    }

    /// Returns the transport. It may connect to private hosts, because the command runs on the user's machine.
    pub(crate) fn transport(&self) -> SmtpTransport {
        // A command sends one message, so a pool would not be used.
        let transport = SmtpTransport::new().danger_allow_private_hosts().without_pool();
        if self.shared.verbose {
            transport.transcript(Arc::new(ToStandardError))
        } else {
            transport
        }
    }

    /// Builds a host with these accounts.
    pub(crate) fn host(&self, accounts: impl Accounts) -> Result<Host, Stop> {
        // A command is one run, on the user's machine.
        let builder = Host::builder()
            .allocation(Allocation::OnDemand)
            .attachment_hosts(AttachmentHosts::danger_any());
        let builder = builder.accounts(accounts).transport(self.transport());
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
            super::text::causes(error).iter().for_each(tell);
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
