//! Cancels a run, and finds out whether the message may have been delivered.
//!
//! `cargo run --package smtp-connector-host --example cancelling`

use std::time::Duration;

use smtp_connector_host::accounts::{Account, Security};
use smtp_connector_host::smtp::SmtpTransport;
use smtp_connector_host::{Connector, Delivered, FailureCode, Host, Invocation};
use tokio::net::TcpListener;

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // A server that accepts connections and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").await?;
    let account = Account::builder("work", "127.0.0.1")
        .port(silent.local_addr()?.port())
        .security(Security::None)
        .sender("alice@example.com")
        .build()?;
    let host = Host::builder().transport(SmtpTransport::new().danger_allow_private_hosts());
    let connector = Connector::builtin(&host.build()?)?;

    let mail = Invocation::send_mail(r#"{"to": "bob@example.net", "body": "Hi!"}"#);
    // Your program waits for a signal, or for a customer who cancels.
    let stop = tokio::time::sleep(Duration::from_millis(100));
    let stopped = connector.invoke_until(mail.with_account(account), stop).await;
    let error = stopped.expect_err("the server never answers");
    assert_eq!(error.code(), FailureCode::Cancelled);
    // After the end of the message was sent, this is `Unknown`: check for the message before you send it again.
    assert_eq!(error.delivered(), Delivered::No);
    Ok(())
}
