//! Embeds the connector in a small platform. Set `SMTP_HOST`, `SMTP_USER`, `SMTP_PASSWORD` and `TO`, and run
//! `cargo run --package smtp-connector-host --example embed`.

use std::env;
use std::sync::Arc;

use smtp_connector_host::accounts::{Account, Accounts, BoxFuture, Policy, SecretSource};
use smtp_connector_host::attachments::{MemoryUploads, Metadata};
use smtp_connector_host::{Connector, Host, Invocation, Result};

/// The store of a platform's accounts. Here they come from environment variables. Yours may use a vault.
struct Vault;

impl Accounts for Vault {
    fn account<'a>(&'a self, name: &'a str) -> BoxFuture<'a, Result<Arc<Account>>> {
        Box::pin(async move {
            let (host, user) = (variable("SMTP_HOST"), variable("SMTP_USER"));
            let account = Account::builder(name, host)
                // Read when it is needed, and overwritten in memory afterwards.
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
    let connector = Connector::builtin(&host)?; // load it once, and clone it for each task

    // The input that a customer filled in, and the values of its keywords.
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
