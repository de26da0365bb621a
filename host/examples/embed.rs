//! A platform in sixty lines. Set `SMTP_HOST`, `SMTP_USER`, `SMTP_PASSWORD` and `TO`, and run
//! `cargo run --package smtp-connector-host --example embed`.

use std::env;
use std::sync::Arc;

use smtp_connector_host::accounts::{Account, Accounts, BoxFuture, Policy, SecretSource};
use smtp_connector_host::attachments::{MemoryUploads, Metadata};
use smtp_connector_host::{Connector, Host, Invocation, Result};

/// Where a platform keeps its customers' accounts: here, in variables; with you, in a vault.
struct Vault;

impl Accounts for Vault {
    fn account<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Arc<Account>>> {
        Box::pin(async move {
            let (host, user) = (variable("SMTP_HOST"), variable("SMTP_USER"));
            let account = Account::builder(name, host)
                // Looked up when it is needed, and overwritten afterwards.
                .credentials(&user, SecretSource::Env("SMTP_PASSWORD".into()))
                .sender(&user)
                .policy(Policy::default().allowed_senders(vec![user.parse()?]))
                .build()?;
            Ok(Arc::new(account))
        })
    }
}

#[tokio::main]
async fn main() -> Result<()> {
    let host = Host::builder().accounts(Vault).build()?;
    let connector = Connector::builtin(&host)?; // once; every task clones it

    // What a customer filled in, and what the fields are bound to.
    let input = r#"{"to": "{{to}}", "subject": "Hello", "body": "Hello!", "attachments": {"upload": "u-1"}}"#;
    let keywords = format!("{{\"to\": {:?}}}", variable("TO"));
    let note = Metadata::default().filename("note.txt".to_owned());
    let mail = Invocation::send_mail(input)
        .keywords(keywords)
        .account("customer 17")
        .uploads(MemoryUploads::new().with("u-1", note, *b"A note."));
    match connector.invoke(mail).await {
        Ok(outcome) => tell(outcome.as_json()),
        Err(error) if error.is_transient() => tell(&format!("try again later: {error}")),
        Err(error) => {
            tell(&format!("{error}; {}", error.hint().unwrap_or("no hint")));
            error.issues().iter().for_each(|one| tell(&format!("{}: {}", one.path, one.message)));
        }
    }
    Ok(())
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_default()
}

#[allow(clippy::print_stdout)]
fn tell(text: &str) {
    println!("{text}");
}
