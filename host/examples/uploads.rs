//! Implements a store of uploads: files that your platform holds, by id.
//!
//! `cargo run --package smtp-connector-host --example uploads`

use std::collections::HashMap;

use smtp_connector_host::accounts::{Account, BoxFuture};
use smtp_connector_host::attachments::{Content, Metadata, SourceError, Uploads};
use smtp_connector_host::transport::RecordingTransport;
use smtp_connector_host::{Connector, Host, Invocation};

/// Files by id. Your program opens them in an object store. Any `AsyncRead` works, and is read chunk by chunk.
struct ObjectStore {
    files: HashMap<&'static str, &'static [u8]>,
}

impl Uploads for ObjectStore {
    fn open<'a>(&'a self, id: &'a str) -> BoxFuture<'a, Result<Content, SourceError>> {
        Box::pin(async move {
            let missing = || SourceError::NotFound("there is no such file".to_owned());
            let bytes = *self.files.get(id).ok_or_else(missing)?;
            let metadata = Metadata::default()
                .filename("report.txt".to_owned())
                .media_type("text/plain".to_owned())
                .size(bytes.len() as u64);
            Ok(Content::new(metadata, bytes))
        })
    }
}

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let transport = RecordingTransport::new();
    let files = HashMap::from([("u-1", &b"All is well."[..])]);
    let host = Host::builder().uploads(ObjectStore { files }).transport(transport.clone());
    let connector = Connector::builtin(&host.build()?)?;

    let account = Account::builder("work", "smtp.example.com").sender("alice@example.com");
    let input =
        r#"{"to": "bob@example.net", "body": "See the report.", "attachments": {"upload": "u-1"}}"#;
    let mail = Invocation::send_mail(input).with_account(account.build()?);
    let outcome = connector.invoke(mail).await?;
    assert_eq!(outcome.attachments()[0].filename.as_deref(), Some("report.txt"));
    let message = String::from_utf8(transport.take().remove(0).message)?;
    assert!(message.contains("filename=\"report.txt\"") || message.contains("filename=report.txt"));
    Ok(())
}
