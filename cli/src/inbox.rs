//! `inbox`: catches mail, and shows the caught messages.

use std::io;
use std::time::{Duration, Instant};

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::context::Context;
use super::exit::Exit;
use super::message_view::MessageView;
use super::output::tell;
use super::stop::{Outcome, Stop};
use super::{question, text};
use smtp_connector_inbox::{
    Entry, Failure, Failures, Inbox as Server, InvalidQuery, Mailbox, MailboxError, Query,
    Received, Store, Stored,
};

/// Catch mail instead of delivering it
///
/// The inbox keeps every message. `inbox list` and `inbox show` print the messages.
#[derive(Args, Debug)]
pub(crate) struct Inbox {
    #[command(subcommand)]
    command: Option<Command>,

    /// Listen on this address
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:1025")]
    smtp: String,

    /// Fail on purpose, such as rcpt=451, end*1=drop or data=delay:5s; repeatable
    ///
    /// STAGE is connect, ehlo, auth, mail, rcpt, data or end. ACT is a reply such as 451 or "550 5.1.1 no such user", drop to close
    /// the connection, or delay:TIME. STAGE*2 fails twice, and then works.
    #[arg(long, value_name = "STAGE=ACT")]
    fail: Vec<Failure>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the caught messages, or those that match a query, oldest first
    List(Search),
    /// Wait for a message that matches a query, and show it
    ///
    /// Without --after, a message that has arrived before counts too. The exit code is 75 if none arrives in time.
    Wait {
        #[command(flatten)]
        search: Search,
        /// Wait at most this many seconds
        #[arg(long, value_name = "SECONDS", default_value_t = 30, value_parser = clap::value_parser!(u64).range(..=86_400))]
        timeout: u64,
        /// Only messages after the one with this number
        #[arg(long, value_name = "ID", default_value_t = 0, hide_default_value = true)]
        after: u64,
        /// Print the message as received
        #[arg(long)]
        raw: bool,
    },
    /// Show the latest message, or the message with this number
    Show {
        /// Number of the message [default: the latest]
        id: Option<u64>,
        /// Print the message as received
        #[arg(long)]
        raw: bool,
    },
    /// Delete messages
    Delete {
        /// Numbers of the messages
        #[arg(required = true, value_name = "ID")]
        ids: Vec<u64>,
    },
    /// Delete all messages; asks first if run in a terminal
    Clear {
        /// Delete without asking
        #[arg(long)]
        force: bool,
    },
}

/// The messages to find.
#[derive(Args, Debug)]
struct Search {
    /// Words that the message contains, and from:, to:, subject:, file:, has:file; `not:word` excludes
    ///
    /// Quotation marks keep blanks together: 'subject:"order 1042"'.
    #[arg(value_name = "QUERY")]
    query: Vec<String>,
}

impl Search {
    fn query(&self) -> Result<Query, Stop> {
        // An argument may be several terms.
        self.query.join(" ").parse().map_err(|reason: InvalidQuery| Stop::Usage(reason.to_string()))
    }
}

impl Inbox {
    pub(crate) async fn run(&self, context: &Context<'_>) -> Outcome {
        let mailbox = Mailbox::new(&context.home.inbox);
        match &self.command {
            None => self.listen(context, &mailbox).await,
            Some(Command::List(search)) => list(context, &mailbox, &search.query()?),
            Some(Command::Wait { search, timeout, after, raw }) => {
                let query = search.query()?;
                let Some(id) =
                    arrival(&mailbox, &query, *after, Duration::from_secs(*timeout)).await?
                else {
                    return none_in_time(context, &query, *timeout);
                };
                show(context, &mailbox, Some(id), *raw)
            }
            Some(Command::Delete { ids }) => {
                for &id in ids {
                    mailbox.delete(id)?;
                }
                context.output.document(&json!({ "deleted": ids }))?;
                context
                    .output
                    .say(format_args!("deleted {}", text::count(ids.len(), "message")))?;
                Ok(Exit::Done)
            }
            Some(Command::Show { id, raw }) => show(context, &mailbox, *id, *raw),
            Some(Command::Clear { force }) => {
                // A script is not asked: caught test mail is cheap to lose.
                if !force && question::can_ask() {
                    let waiting = text::count(mailbox.list()?.len(), "message");
                    question::confirm_or_force(false, &format!("delete {waiting}"))?;
                }
                let number = mailbox.clear()?;
                context.output.document(&json!({ "cleared": number }))?;
                context.output.say(format_args!("deleted {}", text::count(number, "message")))?;
                Ok(Exit::Done)
            }
        }
    }

    async fn listen(&self, context: &Context<'_>, mailbox: &Mailbox) -> Outcome {
        let store = Keeping(mailbox.clone());
        let failures = Failures::default();
        self.fail.iter().for_each(|failure| failures.add(failure.clone()));
        let server = Server::builder().store(store).failures(failures);
        let server = server.start(&self.smtp).await.map_err(|reason| {
            let reason = match reason.kind() {
                io::ErrorKind::InvalidInput => "write HOST:PORT, such as 127.0.0.1:1025".to_owned(),
                _ => format!("{}; choose another address with --smtp", text::reason(&reason)),
            };
            Stop::Usage(format!("could not listen on --smtp {}: {reason}", self.smtp))
        })?;
        context.output.note(format_args!(
            "catching mail on {}; press Ctrl-C to stop. Messages are kept until `smtp-connector inbox clear`",
            server.address()
        ));
        for failure in &self.fail {
            context.output.note(format_args!("failing on purpose: {failure}"));
        }
        loop {
            let received = tokio::select! {
                received = server.next() => received,
                _ = tokio::signal::ctrl_c() => return Ok(Exit::Done),
            };
            let stored = Stored::of(&received, received.id);
            let line = line(&stored, &received.content);
            if context.output.is_json() {
                // One document for each message, each on one line.
                context.output.print_json(&json_of(&stored, &received.content).to_string())?;
            }
            context.output.say(line)?;
        }
    }
}

/// A store that keeps messages in the folder, and prints an error for each message that it could not keep.
struct Keeping(Mailbox);

impl Store for Keeping {
    fn store(&self, message: &Received) -> io::Result<u64> {
        let stored = self.0.store(message);
        if let Err(reason) = &stored {
            let causes = text::with_causes(reason);
            tell(format_args!(
                "error: a message from {} was refused: {causes}",
                or_nobody(&message.sender)
            ));
        }
        stored
    }
}

/// How often the folder is looked at for a new message.
const LOOK: Duration = Duration::from_millis(50);

/// Returns the number of the first message that matches, or `None` if there is none in time.
async fn arrival(
    mailbox: &Mailbox,
    query: &Query,
    mut after: u64,
    patience: Duration,
) -> Result<Option<u64>, Stop> {
    let until = Instant::now() + patience;
    loop {
        let latest = mailbox.latest()?;
        if let Some(found) = mailbox.search_after(query, after)?.first() {
            return Ok(Some(found.stored.id));
        }
        // A message that was looked at does not change.
        after = after.max(latest);
        if Instant::now() >= until {
            return Ok(None);
        }
        tokio::time::sleep(LOOK).await;
    }
}

fn none_in_time(context: &Context<'_>, query: &Query, seconds: u64) -> Outcome {
    let text = query.to_string();
    let which = if text.is_empty() { text } else { format!(" that matches {text}") };
    context.output.warn(format_args!(
        "no message{which} arrived within {seconds} s; check that `smtp-connector inbox` runs, and what `smtp-connector inbox list` shows"
    ));
    context.output.document(&json!({ "message": null }))?;
    Ok(Exit::Later)
}

fn list(context: &Context<'_>, mailbox: &Mailbox, query: &Query) -> Outcome {
    let mut listed = Vec::new();
    for stored in mailbox.list()? {
        let (stored, content) = mailbox.get(Some(stored.id))?;
        if !query.matches(&Entry::of(stored.clone(), &content)) {
            continue;
        }
        context.output.say(line(&stored, &content))?;
        listed.push(json_of(&stored, &content));
    }
    if listed.is_empty() {
        let is_all = *query == Query::default();
        context.output.say(if is_all {
            "there is no message yet"
        } else {
            "no message matches"
        })?;
    }
    context.output.document(&json!({ "messages": listed }))?;
    Ok(Exit::Done)
}

fn show(context: &Context<'_>, mailbox: &Mailbox, id: Option<u64>, raw: bool) -> Outcome {
    let output = context.output;
    let (stored, content) = mailbox.get(id)?;
    if raw {
        output.print_message(&content)?;
        return Ok(Exit::Done);
    }
    let mut document = json_of(&stored, &content);
    document["raw"] = json!(String::from_utf8_lossy(&content));
    output.document(&document)?;
    output.say(format_args!("Message {}, {}", stored.id, text::ago(stored.arrived())))?;
    output.say(format_args!("  from  {}", or_nobody(&stored.sender)))?;
    for recipient in &stored.recipients {
        output.say(format_args!("  to    {recipient}"))?;
    }
    let Some(view) = MessageView::parse(&content) else {
        output.title("This is not a mail message; use --raw to see it as received")?;
        return Ok(Exit::Done);
    };
    output.title("Headers")?;
    for (name, value) in view.headers() {
        output.say(format_args!("  {name}: {value}"))?;
    }
    if view.more_header() > 0 {
        let more = text::size(view.more_header() as u64);
        output.say(format_args!("  ... {more} more of headers; use --raw to see them"))?;
    }
    output.title("Parts")?;
    for line in view.tree() {
        output.say(format_args!("  {line}"))?;
    }
    if let Some(body) = view.text() {
        output.title("Text")?;
        for line in body.lines() {
            output.say(format_args!("  {line}"))?;
        }
    }
    Ok(Exit::Done)
}

fn line(stored: &Stored, content: &[u8]) -> String {
    let subject = MessageView::subject_of(content);
    let to = match stored.recipients.as_slice() {
        [one] => one.clone(),
        [first, rest @ ..] => format!("{first} and {} more", rest.len()),
        [] => String::new(),
    };
    let size = text::size(stored.size);
    format!(
        "{:>4}  {:<16} {:<28} {to:<32} {size:>10}  {subject}",
        stored.id,
        text::ago(stored.arrived()),
        or_nobody(&stored.sender)
    )
}

fn json_of(stored: &Stored, content: &[u8]) -> Value {
    json!({
        "id": stored.id,
        "at": stored.at,
        "from": stored.sender,
        "to": stored.recipients,
        "parameters": stored.parameters,
        "clientName": stored.client_name,
        "encrypted": stored.encrypted,
        "user": stored.user,
        "size": stored.size,
        "subject": MessageView::subject_of(content),
        "parts": MessageView::parse(content).map(|view| view.tree_json()),
    })
}

fn or_nobody(sender: &str) -> &str {
    if sender.is_empty() { "<>" } else { sender }
}

impl From<MailboxError> for Stop {
    fn from(error: MailboxError) -> Self {
        Self::Usage(text::with_causes(&error))
    }
}
