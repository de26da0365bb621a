//! The options that queue a mail instead of sending it, and the outbox that commands use.

use std::path::PathBuf;

use clap::Args;
use serde_json::json;
use smtp_connector_host::{Connector, Error, Invocation};
use smtp_connector_outbox::{Enqueue, Outbox};

use super::context::Context;
use super::exit::Exit;
use super::input::{Files, Origin};
use super::stop::{Outcome, Stop};

/// The outbox that a command uses.
#[derive(Args, Debug)]
pub(crate) struct ChosenOutbox {
    /// File of the outbox, or URL of its PostgreSQL database [default: outbox.db, with the caught mail]
    ///
    /// The URL is postgres://user@host/database. Its password comes from PGPASSWORD.
    #[arg(long, value_name = "FILE", env = VARIABLE, hide_env_values = true, global = true)]
    outbox: Option<String>,
}

/// The variable that names the outbox.
const VARIABLE: &str = "SMTP_CONNECTOR_OUTBOX";

/// The options that queue a mail.
#[derive(Args, Debug)]
pub(crate) struct Queue {
    /// Put the mail into the outbox; `smtp-connector worker` sends it
    #[arg(long, conflicts_with_all = ["dry_run", "server"])]
    queue: bool,

    /// Queue a mail with this key only once
    ///
    /// The same key with the same mail prints the first one's id and state. With another mail, it is an error.
    #[arg(long, value_name = "KEY", requires = "queue")]
    key: Option<String>,

    /// Hold the mail until `smtp-connector outbox release ID`
    #[arg(long, requires = "queue")]
    hold: bool,

    /// Read the attachments now, not when the mail is sent
    ///
    /// Files of --attach are always read now. This is for URLs, whose files may change or disappear.
    #[arg(long, requires = "queue")]
    capture: bool,

    #[command(flatten)]
    outbox: ChosenOutbox,
}

impl ChosenOutbox {
    pub(crate) async fn open(&self, context: &Context<'_>) -> Result<Outbox, Stop> {
        let url = self.url()?;
        Ok(match (url, &self.outbox) {
            (Some(url), _) => Outbox::connect(url).await?,
            (None, Some(file)) => Outbox::open(file).await?,
            (None, None) => Outbox::open(&context.home.outbox).await?,
        })
    }

    /// Returns the URL of the database, if the outbox is in PostgreSQL.
    pub(crate) fn url(&self) -> Result<Option<&str>, Stop> {
        self.outbox.as_deref().map_or(Ok(None), |name| database(name, "--outbox"))
    }

    /// Returns the file, if the outbox is in one.
    pub(crate) fn file(&self, context: &Context<'_>) -> Result<Option<PathBuf>, Stop> {
        Ok(match (self.url()?, &self.outbox) {
            (Some(_), _) => None,
            (None, Some(file)) => Some(file.into()),
            (None, None) => Some(context.home.outbox.clone()),
        })
    }
}

/// Returns the name of an outbox if it is the URL of a database. `option` is where it was given.
pub(crate) fn database<'n>(name: &'n str, option: &str) -> Result<Option<&'n str>, Stop> {
    if !name.starts_with("postgres://") && !name.starts_with("postgresql://") {
        return Ok(None);
    }
    let credentials = name.split_once("://").and_then(|(_, rest)| rest.split_once('@'));
    let has_password =
        credentials.is_some_and(|(user, _)| user.contains(':')) || name.contains("password=");
    // Other users see the command line, but not the environment.
    let is_option = std::env::var(VARIABLE).as_deref() != Ok(name);
    match has_password && is_option {
        true => Err(Stop::UsageWithHint(
            format!("{option} must not hold a password, which other users could see"),
            format!("set PGPASSWORD, or the whole URL as {VARIABLE}"),
        )),
        false => Ok(Some(name)),
    }
}

impl Queue {
    pub(crate) fn is_chosen(&self) -> bool {
        self.queue
    }

    /// Returns how files are attached.
    pub(crate) fn files(&self) -> Files {
        if self.queue { Files::Inline } else { Files::Uploads }
    }

    /// Checks a mail and puts it into the outbox.
    pub(crate) async fn enqueue(
        &self,
        context: &Context<'_>,
        connector: &Connector,
        checked: Invocation,
        account: &str,
        origin: Origin,
    ) -> Outcome {
        let mail = Invocation::send_mail(checked.input()).account(account);
        let mail = match checked.keywords_json() {
            Some(keywords) => mail.keywords(keywords),
            None => mail,
        };
        // A mistake is told now, and not by a worker in an hour.
        let findings = connector.validate(checked.clone()).await;
        let findings = findings.map_err(|error| context.explain(error))?;
        if !findings.is_valid() {
            return Err(origin.teach(Error::invalid(findings.issues)).into());
        }
        let mut warnings = findings.warnings;
        origin.name_options(&mut warnings);
        context.output.warn_of(&warnings);
        let mail = match self.capture {
            true => {
                let captured = connector.capture(&checked).await;
                mail.captured(captured.map_err(|error| context.explain(error))?)
            }
            false => mail,
        };
        let request = Enqueue::new(mail);
        let request = match &self.key {
            Some(key) => request.key(key),
            None => request,
        };
        let request = if self.hold { request.held() } else { request };
        let ticket = self.outbox.open(context).await?.enqueue(request).await?;
        context.output.document(&json!({
            "status": "queued", "id": ticket.id, "state": ticket.state, "isNew": ticket.is_new,
        }))?;
        match ticket.is_new {
            true => context.output.say(format_args!("queued as {}", ticket.id))?,
            false => context
                .output
                .say(format_args!("known by its key: {} is {}", ticket.id, ticket.state))?,
        }
        Ok(Exit::Done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(outbox: &str) -> Result<Option<String>, Stop> {
        let chosen = ChosenOutbox { outbox: Some(outbox.to_owned()) };
        chosen.url().map(|url| url.map(str::to_owned))
    }

    #[test]
    fn a_url_is_a_database_and_holds_no_password() {
        for file in ["outbox.db", "postgres.db", "/data/postgres:x@y"] {
            assert!(matches!(url(file), Ok(None)), "{file}");
        }
        for database in ["postgres://u@db.example.com/shop", "postgresql:///shop?host=/run&user=u"]
        {
            assert!(matches!(url(database), Ok(Some(found)) if found == database), "{database}");
        }
        for secret in
            ["postgres://u:secret@db.example.com/shop", "postgres://u@h/shop?password=secret"]
        {
            let Err(Stop::UsageWithHint(message, hint)) = url(secret) else { panic!("{secret}") };
            assert!(!message.contains("secret") && !hint.contains("secret"), "{message} {hint}");
        }
    }
}
