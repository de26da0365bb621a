//! Implements a store of accounts, with the passwords in a vault.
//!
//! `cargo run --package smtp-connector-host --example vault`

use std::collections::HashMap;
use std::sync::Arc;

use smtp_connector_host::accounts::{Account, Accounts, BoxFuture, Security};
use smtp_connector_host::smtp::SmtpTransport;
use smtp_connector_host::{Connector, Error, Host, Invocation, Result, Secret};
use smtp_connector_inbox::Inbox;

/// The accounts of customers. Your program reads the settings from a database, and the password from a vault.
struct Vault {
    /// The port of each customer's server on this machine.
    ports: HashMap<String, u16>,
}

impl Accounts for Vault {
    fn account<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Arc<Account>>> {
        Box::pin(async move {
            let port = self.ports.get(name).ok_or_else(|| Error::no_such_account(name))?;
            let account = Account::builder(name, "127.0.0.1")
                .port(*port)
                .security(Security::None)
                .credentials("alice", Secret::new("what the vault says"))
                .sender("alice@example.com");
            Ok(Arc::new(account.build()?))
        })
    }
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let inbox = Inbox::builder().login("alice", "what the vault says").start("127.0.0.1:0").await?;
    let ports = HashMap::from([("customer-17".to_owned(), inbox.address().port())]);
    let host = Host::builder()
        .accounts(Vault { ports })
        // The server is on this machine. For public servers, use the default transport.
        .transport(SmtpTransport::new().danger_allow_private_hosts())
        .build()?;
    let connector = Connector::builtin(&host)?;

    let mail = Invocation::send_mail(r#"{"to": "bob@example.net", "body": "Hi!"}"#);
    let outcome = connector.invoke(mail.clone().account("customer-17")).await?;
    assert_eq!(outcome.accepted(), ["bob@example.net"]);
    assert_eq!(inbox.next().await.user.as_deref(), Some("alice"));

    let error = connector.invoke(mail.account("customer-18")).await.expect_err("it is not there");
    assert_eq!(error.to_string(), "there is no account \"customer-18\"");
    Ok(())
}
