//! `inbox`: catches mail, and shows the caught messages.

use std::io;

use clap::{Args, Subcommand};
use serde_json::{Value, json};

use super::context::Context;
use super::exit::Exit;
use super::message_view::MessageView;
use super::output::tell;
use super::stop::{Outcome, Stop};
use super::{question, text};
use smtp_connector_inbox::{Inbox as Server, Mailbox, MailboxError, Received, Store, Stored};

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
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the caught messages, oldest first
    List,
    /// Show the latest message, or the message with this number
    Show {
        /// Number of the message [default: the latest]
        id: Option<u64>,
        /// Print the message as received
        #[arg(long)]
        raw: bool,
    },
    /// Delete all messages; asks first if run in a terminal
    Clear {
        /// Delete without asking
        #[arg(long)]
        force: bool,
    },
}

impl Inbox {
    pub(crate) async fn run(&self, context: &Context<'_>) -> Outcome {
        let mailbox = Mailbox::new(&context.home.inbox);
        match &self.command {
            None => self.listen(context, &mailbox).await,
            Some(Command::List) => list(context, &mailbox),
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
        let server = Server::builder().store(store).start(&self.smtp).await.map_err(|reason| {
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

fn list(context: &Context<'_>, mailbox: &Mailbox) -> Outcome {
    let mut listed = Vec::new();
    for stored in mailbox.list()? {
        let (stored, content) = mailbox.get(Some(stored.id))?;
        context.output.say(line(&stored, &content))?;
        listed.push(json_of(&stored, &content));
    }
    if listed.is_empty() {
        context.output.say("there is no message yet")?;
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
