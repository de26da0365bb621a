//! `accounts test`: tests an account without sending.

use std::time::Instant;

use clap::Args;
use serde_json::json;

use super::super::context::Context;
use super::super::exit::Exit;
use super::super::stop::Outcome;
use super::super::text;
use smtp_connector_smtp::settings::Security;

/// Test an account: connect and log in, without sending
///
/// The command resolves the host name, connects, encrypts and logs in, as `send` does, and explains what goes wrong.
#[derive(Args, Debug)]
pub(crate) struct Test {
    /// Name of the account
    name: String,
}

impl Test {
    pub(crate) async fn run(&self, context: &Context<'_>) -> Outcome {
        let account = context.account_for_test(&self.name)?;
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
            Security::Starttls => "with STARTTLS",
            Security::StarttlsOptional => "with STARTTLS if the server offers it",
            _ => "without encryption",
        };
        let login = match account.credentials() {
            Some(credentials) => format!("logged in as {}", credentials.username),
            None => "without a login".to_owned(),
        };
        let took = text::duration(took);
        context.output.say(format_args!("connected to {server} {how}, {login}, in {took}"))?;
        Ok(Exit::Done)
    }
}
