//! The webhooks of `worker`, and their secrets.

use std::path::PathBuf;

use clap::Args;
use smtp_connector_outbox::Webhook;
use smtp_connector_smtp::Secret;
use smtp_connector_smtp::secret::SecretSource;

use super::context::Context;
use super::stop::Stop;

/// The webhooks that the user chose.
#[derive(Args, Debug)]
pub(crate) struct ChosenWebhooks {
    /// Post each event of the outbox to this URL, signed; repeatable
    ///
    /// Give all workers the same webhooks: one of them posts each event. Other users can see arguments, so a URL with a
    /// token belongs in the variable.
    #[arg(long, value_name = "URL", env = VARIABLE, hide_env_values = true, value_delimiter = ' ')]
    // Text, because clap repeats a value that it cannot parse, and it may hold a token.
    webhook: Vec<String>,

    /// Sign the posts with the secret in this variable; one for each --webhook, in the same order
    ///
    /// `echo whsec_$(openssl rand -base64 32)` makes a secret. Two secrets with a space between them both sign, so that the
    /// receiver can change from one to the other.
    #[arg(long, value_name = "VAR", conflicts_with = "webhook_secret_file")]
    webhook_secret_env: Vec<String>,

    /// Sign the posts with the secret in the first line of this file
    #[arg(long, value_name = "FILE")]
    webhook_secret_file: Vec<PathBuf>,

    /// Danger: allow webhooks on this machine and in private networks, also with http://
    #[arg(long)]
    webhook_private: bool,
}

/// The variable that names the URLs.
const VARIABLE: &str = "SMTP_CONNECTOR_WEBHOOK";

/// The way to a secret.
const MAKE: &str = "make a secret with: echo whsec_$(openssl rand -base64 32)";

impl ChosenWebhooks {
    /// Returns the webhooks, with their secrets.
    pub(crate) async fn read(&self, context: &Context<'_>) -> Result<Vec<Webhook>, Stop> {
        let sources = self.sources()?;
        let mut webhooks = Vec::new();
        for (url, source) in self.webhook.iter().zip(sources) {
            self.check(url)?;
            let secrets = secrets(&source).await?;
            let webhook = Webhook::new(url, &secrets.0)?;
            let webhook = secrets.1.iter().try_fold(webhook, Webhook::also_signed_with)?;
            let webhook = context.through_proxy(webhook);
            let webhook = match self.webhook_private {
                true => webhook.danger_allow_private_hosts(),
                false => webhook,
            };
            let output = context.output.clone();
            webhooks.push(webhook.on_failure(move |sentence| output.warn(sentence)));
        }
        Ok(webhooks)
    }

    /// Refuses `http://` where it cannot work, before the first event is lost in warnings.
    fn check(&self, url: &str) -> Result<(), Stop> {
        let start = url.get(.."http://".len()).unwrap_or_default();
        match start.eq_ignore_ascii_case("http://") && !self.webhook_private {
            true => Err(Stop::UsageWithHint(
                "--webhook must begin with https://, because events hold addresses and replies"
                    .to_owned(),
                "if the receiver is on this machine or in your network, add --webhook-private"
                    .to_owned(),
            )),
            false => Ok(()),
        }
    }

    /// Returns the source of each webhook's secret.
    fn sources(&self) -> Result<Vec<SecretSource>, Stop> {
        let Self { webhook, webhook_secret_env: names, webhook_secret_file: files, .. } = self;
        let sources: Vec<_> = match files.is_empty() {
            true => names.iter().cloned().map(SecretSource::Env).collect(),
            false => files.iter().cloned().map(SecretSource::File).collect(),
        };
        match (webhook.len(), sources.len()) {
            (urls, secrets) if urls == secrets => Ok(sources),
            (0, _) => {
                Err(Stop::Usage("a webhook's secret needs its URL: add --webhook URL".to_owned()))
            }
            (_, 0) => Err(Stop::UsageWithHint(
                "--webhook needs a secret to sign the events: add --webhook-secret-env VAR or \
                 --webhook-secret-file FILE"
                    .to_owned(),
                MAKE.to_owned(),
            )),
            (urls, secrets) => Err(Stop::UsageWithHint(
                format!(
                    "the number of webhooks is {urls}, and the number of their secrets is {secrets}"
                ),
                "give one secret for each --webhook, in the same order".to_owned(),
            )),
        }
    }
}

/// Reads the secrets of a webhook: two while the receiver changes from one to the other.
async fn secrets(source: &SecretSource) -> Result<(Secret, Option<Secret>), Stop> {
    if let SecretSource::Env(name) = source
        && std::env::var(name).unwrap_or_default().trim().is_empty()
    {
        return Err(Stop::UsageWithHint(
            format!("--webhook-secret-env {name}: the variable is not set or empty"),
            MAKE.to_owned(),
        ));
    }
    let text =
        source.resolve("webhook's secret").await.map_err(smtp_connector_host::Error::from)?;
    let text = text.expose().trim();
    Ok(match text.split_once(' ') {
        Some((first, second)) => (Secret::new(first), Some(Secret::new(second.trim()))),
        None => (Secret::new(text), None),
    })
}
