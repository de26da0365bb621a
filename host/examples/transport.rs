//! Implements a transport. It writes messages to a folder, from which another program sends them.
//!
//! `cargo run --package smtp-connector-host --example transport`

use std::path::PathBuf;
use std::sync::Arc;

use smtp_connector_host::accounts::{Account, BoxFuture};
use smtp_connector_host::transport::{Envelope, Outgoing, Receipt, Transport};
use smtp_connector_host::{
    Connector, Failure, FailureCode, Host, Invocation, Phase, Reply, ReplyCode,
};

/// A transport that writes messages to a folder.
struct Spool(PathBuf);

/// A message that is being received. If it is dropped before it is finished, no file is written.
struct Message {
    folder: PathBuf,
    envelope: Envelope,
    bytes: Vec<u8>,
}

impl Transport for Spool {
    fn begin<'a>(
        &'a self,
        _: &'a Arc<Account>,
        envelope: Envelope,
    ) -> BoxFuture<'a, Result<Box<dyn Outgoing>, Failure>> {
        let message = Message { folder: self.0.clone(), envelope, bytes: Vec::new() };
        Box::pin(async { Ok(Box::new(message) as Box<dyn Outgoing>) })
    }
}

impl Outgoing for Message {
    fn write(
        mut self: Box<Self>,
        chunk: Vec<u8>,
    ) -> BoxFuture<'static, Result<Box<dyn Outgoing>, Failure>> {
        self.bytes.extend(chunk);
        Box::pin(async { Ok(self as Box<dyn Outgoing>) })
    }

    fn finish(self: Box<Self>) -> BoxFuture<'static, Result<Receipt, Failure>> {
        Box::pin(async move {
            let Self { folder, envelope, bytes } = *self;
            tokio::fs::write(folder.join("1.eml"), bytes).await.map_err(|reason| {
                Failure::new(FailureCode::Data, Phase::FinalReply, "the spool cannot be written")
                    .hint("check the disk")
                    .later()
                    .caused_by(reason)
            })?;
            let reply = Reply::new(ReplyCode::OK, "spooled as 1");
            let accepted = envelope.recipients;
            Ok(Receipt::new(reply, accepted).queue_id("1".to_owned()))
        })
    }
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = tempfile::tempdir()?;
    let host = Host::builder().transport(Spool(folder.path().to_owned())).build()?;
    let connector = Connector::builtin(&host)?;

    let account = Account::builder("work", "smtp.example.com").sender("alice@example.com");
    let mail =
        Invocation::send_mail(r#"{"to": "bob@example.net", "subject": "Hi", "body": "Hi!"}"#);
    let outcome = connector.invoke(mail.with_account(account.build()?)).await?;
    assert_eq!(outcome.queue_id(), Some("1"));
    let message = std::fs::read_to_string(folder.path().join("1.eml"))?;
    assert!(message.contains("Subject: Hi\r\n"), "{message}");
    Ok(())
}
