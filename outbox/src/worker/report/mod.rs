//! Delivery reports: a mail's sender learns by mail that it expired (RFC 3464).

mod message;

use std::sync::Arc;

use serde_json::Value;
use smtp_connector_host::accounts::EhloName;
use smtp_connector_host::transport::{Attempt, Envelope};
use smtp_connector_host::{
    Account, Connector, Delivered, Error, Failure, FailureCode, ForwardPath, Invocation, Outcome,
    OwnMessage, Phase, ReversePath,
};

use super::attempt::unreadable;
use crate::run::{Run, RunId};
use crate::store::{Claimed, ReportInput, Store, Texts};
use message::{Report, Undelivered};

/// Sends the report that a run is, until it is done or `stop` completes.
pub(super) async fn deliver(
    connector: &Connector,
    store: &dyn Store,
    attempt: Arc<dyn Attempt>,
    claimed: &Claimed,
    input: &str,
    stop: impl Future<Output = ()>,
) -> Result<Outcome, Error> {
    let run = expired_run(store, input).await?;
    let reporter = connector.host().services().find_account(&claimed.account).await?;
    let original = Original::of(connector, store, &run).await?;
    let report = Report {
        id: &claimed.id,
        started_at: claimed.started_at,
        from: reporter_address(&reporter).unwrap_or_else(|| original.sender.as_str().to_owned()),
        to: original.sender.as_str(),
        run: &run,
        undelivered: undelivered(&run, &original),
        header: original.header.as_deref(),
        reporting_mta: reporter.server().ehlo_name().map(EhloName::as_str),
    };
    let content = report.to_message();
    let mut stop = std::pin::pin!(stop);
    let mut send = async |sender: ReversePath| {
        let envelope = Envelope::new(sender, vec![original.sender.clone()])
            .size(Some(content.len() as u64))
            .utf8_headers(!content.is_ascii());
        let message = OwnMessage::new(&claimed.account, envelope, content.clone());
        connector.host().send(message.attempt(Arc::clone(&attempt)), stop.as_mut()).await
    };
    // Reports have the null reverse-path, so that no server reports on them (RFC 3464 section 2).
    match send(ReversePath::Null).await {
        Err(error) if is_for_the_sender(&error) => match report.from.parse() {
            Ok(own) => send(ReversePath::Path(own)).await,
            Err(_) => Err(error),
        },
        sent => sent,
    }
}

/// Reports whether the server takes only mail from an address of the account, as many providers do.
fn is_for_the_sender(error: &Error) -> bool {
    let is_before_mark = error.phase() < Phase::Body && error.delivered() == Delivered::No;
    is_before_mark && error.code() == FailureCode::Sender && !error.is_transient()
}

/// Returns the run that a report is about.
async fn expired_run(store: &dyn Store, input: &str) -> Result<Run, Error> {
    let input: ReportInput = serde_json::from_str(input)
        .map_err(|reason| unable(&format!("the report's input is damaged: {reason}")))?;
    let run = store.run(RunId::from(input.run)).await.map_err(|error| unreadable(&error))?;
    run.ok_or_else(|| unable("the mail that expired was deleted before it could be reported"))
}

/// The known parts of the mail that expired.
struct Original {
    /// Where the report goes: the reverse-path of the mail.
    sender: ForwardPath,
    /// The recipients of its envelope.
    recipients: Vec<String>,
    /// Its header, if it can still be built.
    header: Option<String>,
}

impl Original {
    async fn of(connector: &Connector, store: &dyn Store, run: &Run) -> Result<Self, Error> {
        if let Some(result) = dry_run(connector, store, run).await? {
            let envelope = &result["envelope"];
            let to = envelope["to"].as_array().into_iter().flatten();
            let recipients = to.filter_map(|one| one.as_str().map(str::to_owned)).collect();
            let header = result["message"].as_str().and_then(|text| text.split_once("\r\n\r\n"));
            let sender = envelope["from"].as_str().unwrap_or_default().parse();
            return Ok(Self {
                sender: sender
                    .map_err(|_| unable("the mail asked for no reports: its sender is <>"))?,
                recipients,
                header: header.map(|(header, _)| format!("{header}\r\n")),
            });
        }
        let account = connector.host().services().find_account(&run.account).await?;
        let sender = account.sender().and_then(|sender| address(sender).parse().ok());
        let sender = sender.ok_or_else(|| unable("the sender of the mail is not known"))?;
        Ok(Self { sender, recipients: Vec::new(), header: None })
    }
}

/// Builds the mail again, without its attachments. Returns `None` if it cannot be built: perhaps it never could.
async fn dry_run(
    connector: &Connector,
    store: &dyn Store,
    run: &Run,
) -> Result<Option<Value>, Error> {
    let stored = store.input(run.id.clone()).await.map_err(|error| unreadable(&error))?;
    let Some(stored) = stored else { return Ok(None) };
    let Texts { input, keywords, .. } =
        stored.without_captured().read().await.map_err(|error| unreadable(&error))?;
    let Ok(Value::Object(mut input)) = serde_json::from_str(&input) else { return Ok(None) };
    input.remove("attachments");
    let invocation = Invocation::new(&run.action, Value::Object(input).to_string())
        .account(&run.account)
        .id(run.id.as_str())
        .started_at(u64::try_from(run.created_at.as_millis() / 1000).unwrap_or(0))
        .dry_run();
    let invocation = match keywords {
        Some(keywords) => invocation.keywords(keywords),
        None => invocation,
    };
    let outcome = connector.invoke(invocation).await.ok();
    Ok(outcome.and_then(|outcome| serde_json::from_str(outcome.as_json()).ok()))
}

/// Returns the recipients that did not get the mail, with what the server said about each.
fn undelivered(run: &Run, original: &Original) -> Vec<Undelivered> {
    let reached = run.recipients.iter().map(|one| &one.address);
    let reached: Vec<_> = reached.collect();
    let never = original.recipients.iter().filter(|one| !reached.contains(one));
    let never = never.map(|one| Undelivered::never_reached(one));
    run.recipients.iter().filter_map(Undelivered::of).chain(never).collect()
}

/// Returns the address that an account sends from, if it has one.
fn reporter_address(account: &Account) -> Option<String> {
    let username = account.credentials().map(|one| one.username.as_str());
    let own = account.sender().or(username.filter(|name| name.contains('@')));
    own.map(|own| address(own).to_owned())
}

/// Returns the address of `Name <address>`.
fn address(sender: &str) -> &str {
    let text = sender.rsplit_once('<').map_or(sender, |(_, address)| address);
    text.trim().trim_end_matches('>')
}

/// Returns the failure of a report that can never be sent.
fn unable(why: &str) -> Error {
    let message = format!("the report was not sent: {why}");
    Failure::new(FailureCode::Validation, Phase::Input, message).into()
}
