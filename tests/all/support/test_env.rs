//! A host with one account, and an inbox that the account sends to.

use std::time::Duration;

use serde_json::Value;
use smtp_connector_host::accounts::{AccountBuilder, AccountsInMemory, Security};
use smtp_connector_host::attachments::AttachmentHosts;
use smtp_connector_host::smtp::SmtpTransport;
use smtp_connector_host::{Account, Connector, Error, Host, HostBuilder, Invocation};
use smtp_connector_inbox::{Inbox, InboxBuilder, Received};

/// The cache folder of the command's user (`XDG_CACHE_HOME`).
pub(crate) const USER_CACHE: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/user");

/// The cache of compiled components, shared by all tests and by the command: compiling takes a second, reading a
/// moment. There are two folders. The host creates them for this user only, so that others cannot write there under any
/// umask.
pub(crate) const HOST_CACHE: &str =
    concat!(env!("CARGO_TARGET_TMPDIR"), "/user/smtp-connector/components");

/// The timeout of every step.
const PATIENCE: Duration = Duration::from_secs(20);

/// The setup of most tests.
pub(crate) struct TestEnv {
    pub(crate) inbox: Inbox,
    pub(crate) connector: Connector,
}

/// A host with a platform's default settings, which reaches no test server.
pub(crate) fn public_host(accounts: impl IntoIterator<Item = Account>) -> HostBuilder {
    Host::builder().accounts(AccountsInMemory::from_iter(accounts)).cache_directory(HOST_CACHE)
}

/// A host with the settings that the tests need.
pub(crate) fn host_builder(accounts: impl IntoIterator<Item = Account>) -> HostBuilder {
    public_host(accounts)
        .transport(SmtpTransport::new().danger_allow_private_hosts())
        .attachment_hosts(AttachmentHosts::danger_any())
}

/// Loads the built-in component in a host.
pub(crate) fn connector_in(host: HostBuilder) -> Connector {
    let host = host.build().expect("the sandbox runs on this machine");
    Connector::builtin(&host).expect("the built-in component is one")
}

impl TestEnv {
    /// An inbox that accepts everything, with an account named `work` that sends to it.
    pub(crate) async fn new() -> Self {
        Self::with(Inbox::builder(), |account| account).await
    }

    /// An environment with other settings for the inbox or the account.
    pub(crate) async fn with(
        inbox: InboxBuilder,
        settings: impl FnOnce(AccountBuilder) -> AccountBuilder,
    ) -> Self {
        Self::with_component(Connector::builtin_bytes(), inbox, settings).await
    }

    /// An environment with this component instead of the built-in one.
    pub(crate) async fn with_component(
        component: &[u8],
        inbox: InboxBuilder,
        settings: impl FnOnce(AccountBuilder) -> AccountBuilder,
    ) -> Self {
        Self::with_host(component, inbox, settings, |host| host).await
    }

    /// An environment with other host settings.
    pub(crate) async fn with_host(
        component: &[u8],
        inbox: InboxBuilder,
        settings: impl FnOnce(AccountBuilder) -> AccountBuilder,
        host_settings: impl FnOnce(HostBuilder) -> HostBuilder,
    ) -> Self {
        let inbox = inbox.start("127.0.0.1:0").await.expect("a port on loopback is free");
        let account = Account::builder("work", "127.0.0.1")
            .port(inbox.address().port())
            .security(Security::None)
            .sender("Alice <alice@example.com>")
            .ehlo_name("client.example.com");
        let account = settings(account).build().expect("the account's settings are right");
        let host = host_settings(host_builder([account])).build();
        let host = host.expect("the sandbox runs on this machine");
        let connector = Connector::from_bytes(&host, component).expect("it is a component");
        Self { inbox, connector }
    }

    /// Sends a mail, and returns the result.
    pub(crate) async fn send(&self, input: &Value) -> Result<Value, Error> {
        self.invoke(Invocation::send_mail(input.to_string()).account("work")).await
    }

    /// Runs an invocation, and returns the result.
    pub(crate) async fn invoke(&self, invocation: Invocation) -> Result<Value, Error> {
        let outcome = tokio::time::timeout(PATIENCE, self.connector.invoke(invocation)).await;
        let outcome = outcome.expect("a run ends in time")?;
        Ok(outcome.parse().expect("a result is JSON"))
    }

    /// Returns the next message that arrives.
    pub(crate) async fn received(&self) -> Received {
        let received = tokio::time::timeout(PATIENCE, self.inbox.next()).await;
        received.expect("a message arrives in time")
    }
}
