//! `accounts test`: tries an account, and sends nothing.

use std::time::Instant;

use clap::Args;
use serde_json::json;

use super::super::context::Context;
use super::super::exit::Exit;
use super::super::stop::Outcome;
use super::super::text;
use smtp_connector_smtp::settings::Security;

/// Resolve, connect, encrypt and log in, as sending would, and explain what goes wrong.
#[derive(Args, Debug)]
pub(crate) struct Test {
    /// The account
    name: String,
}

impl Test {
    pub(crate) async fn run(&self, context: &Context<'_>) -> Outcome {
        let account = context.accounts().get(&self.name)?;
        context.output.warn_of(&account.warnings());
        let started = Instant::now();
        context
            .transport()
            .test(account.server())
            .await
            .map_err(|failure| context.explain(failure.into()))?;
        let took = started.elapsed();
        let server = format!("{}:{}", account.host(), account.port());
        context.output.document(&json!({
            "ok": true,
            "account": account.name(),
            "server": server,
            "milliseconds": u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
        }))?;
        let how = match account.security() {
            Security::Tls => "over TLS",
            Security::Starttls => "over STARTTLS",
            Security::StarttlsOptional => "over STARTTLS where the server offers it",
            _ => "in the clear",
        };
        let login = match account.credentials() {
            Some(credentials) => format!("logged in as {}", credentials.username),
            None => "without logging in".to_owned(),
        };
        let took = text::duration(took);
        context.output.say(format_args!("{server} answers {how}, {login}; it took {took}"))?;
        Ok(Exit::Done)
    }
}
