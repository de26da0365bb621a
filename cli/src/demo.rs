//! `demo`: sends an example email to an inbox in the same process.

use std::time::{Duration, Instant};

use clap::Args;
use serde_json::{Value, json};

use super::context::Context;
use super::exit::Exit;
use super::message_view::MessageView;
use super::send::unreadable;
use super::stop::{Outcome, Stop};
use super::text;
use smtp_connector_host::Invocation;
use smtp_connector_host::accounts::{Account, AccountsInMemory};
use smtp_connector_host::attachments::{MemoryUploads, Metadata};
use smtp_connector_inbox::{Inbox, Received};
use smtp_connector_smtp::settings::Security;

/// Send an example email to an inbox in this process, and show what arrives
#[derive(Args, Debug)]
pub(crate) struct Demo {}

static LETTER: &[u8] = include_bytes!("../assets/letter.png");
static PAGE: &[u8] = include_bytes!("../assets/page.pdf");

/// The sizes and times that the demo shows.
struct Figures {
    load: Duration,
    run: Duration,
    /// Bytes of memory that the component used.
    memory: usize,
}

impl Demo {
    pub(crate) async fn run(&self, context: &Context<'_>) -> Outcome {
        let cannot_listen = |reason: std::io::Error| {
            crate::stop::bug(format!("the inbox cannot listen on this machine: {reason}"))
        };
        let inbox = Inbox::builder().start("127.0.0.1:0").await.map_err(cannot_listen)?;
        let account = Account::builder("demo", "127.0.0.1")
            .port(inbox.address().port())
            .security(Security::None)
            .sender("Ada <ada@example.com>")
            .build()?;
        let started = Instant::now();
        let host = context.host(AccountsInMemory::from_iter([account]))?;
        let connector = context.connector(&host)?;
        let loaded = Instant::now();
        let invocation = Invocation::send_mail(example().to_string())
            .keywords(KEYWORDS)
            .account("demo")
            .uploads(uploads());
        let outcome = connector.invoke(invocation).await.map_err(|error| context.explain(error))?;
        let (load, run) = (loaded - started, loaded.elapsed());
        let figures = Figures { load, run, memory: outcome.memory_bytes() };
        let received = inbox.next().await;
        let result: Value = outcome.parse().map_err(|reason| unreadable(&reason))?;
        show(context, &result, &received, &figures)?;
        Ok(Exit::Done)
    }
}

/// The keywords of the example: the values of its `{{...}}` placeholders.
const KEYWORDS: &str =
    r#"{"customer": {"name": "Béla", "email": "bela@example.net"}, "order": {"id": 4711}}"#;

fn example() -> Value {
    json!({
        "to": [{ "name": "{{customer.name}}", "email": "{{customer.email}}" }],
        "cc": "Grace <grace@example.org>; accounting@example.org",
        "bcc": ["archive@example.com"],
        "subject": "Your order {{order.id}} is on its way – köszönjük! ✉",
        "contentType": "both",
        "body": "<p>Dear {{customer.name}},</p>\
                 <p><img src=\"cid:letter\" alt=\"A letter\"> your order <b>{{order.id}}</b> left our house \
                 today. The invoice is attached.</p>\
                 <p><a href=\"https://example.com/orders\">See your orders</a></p>",
        "attachments": [
            { "upload": "letter", "cid": "letter" },
            { "upload": "page", "filename": "számla 4711.pdf" },
        ],
    })
}

fn uploads() -> MemoryUploads {
    let named = |filename: &str| Metadata::default().filename(filename.to_owned());
    MemoryUploads::new().with("letter", named("letter.png"), LETTER).with(
        "page",
        named("page.pdf"),
        PAGE,
    )
}

fn show(
    context: &Context<'_>,
    result: &Value,
    received: &Received,
    figures: &Figures,
) -> Result<(), Stop> {
    let view = MessageView::parse(&received.content)
        .ok_or_else(|| crate::stop::bug("the inbox received something that is not a message"))?;
    context.output.document(&json!({
        "result": result,
        "received": {
            "from": received.sender,
            "to": received.recipients,
            "headers": view.headers().into_iter().map(|(name, value)| json!([name, value])).collect::<Vec<_>>(),
            "parts": view.tree_json(),
            "size": received.content.len(),
        },
        "milliseconds": { "load": milliseconds(figures.load), "send": milliseconds(figures.run) },
    }))?;
    show_steps(context, received, figures)?;
    show_message(context, received, &view)?;
    show_sandbox(context, figures)
}

fn show_steps(context: &Context<'_>, received: &Received, figures: &Figures) -> Result<(), Stop> {
    let output = context.output;
    let load = match context.has_compiled() {
        true => "compiled the component for this machine; the next start takes milliseconds",
        false => "loaded the component from the cache",
    };
    output.say("An email, from JSON to an inbox in this process, through the sandbox:")?;
    output.say("")?;
    output.say(format_args!("  {:>8}  {load}", text::duration(figures.load)))?;
    output.say(format_args!(
        "  {:>8}  checked the input, built the message in a fresh sandbox, and sent it over SMTP",
        text::duration(figures.run)
    ))?;
    let size = text::size(received.content.len() as u64);
    let recipients = text::count(received.recipients.len(), "recipient");
    output.say(format_args!("  {size:>8}  arrived, for {recipients}"))
}

fn show_message(
    context: &Context<'_>,
    received: &Received,
    view: &MessageView<'_>,
) -> Result<(), Stop> {
    let output = context.output;
    output.title("The envelope")?;
    output.say(format_args!("  from  {}", received.sender))?;
    for recipient in &received.recipients {
        output.say(format_args!("  to    {recipient}"))?;
    }
    output.title("The message")?;
    for (name, value) in view.headers() {
        output.say(format_args!("  {name}: {value}"))?;
    }
    output.say("")?;
    for line in view.tree() {
        output.say(format_args!("  {line}"))?;
    }
    Ok(())
}

fn show_sandbox(context: &Context<'_>, figures: &Figures) -> Result<(), Stop> {
    let output = context.output;
    output.title("The sandbox")?;
    output.say("  password     stays with the host")?;
    output.say("  network      none: the host opens the connection")?;
    output.say("  files        none: the host hands over the two attachments")?;
    output.say(format_args!("  memory       {} used", text::size(figures.memory as u64)))?;
    output.title("Next, connect an account and send:")?;
    output.say(
        "  smtp-connector accounts add work --provider gmail --username you@gmail.com --from you@gmail.com",
    )?;
    output.say("  smtp-connector send --to bob@example.com --subject Hello --text 'Hello, Bob!'")
}

fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 10_000.0).round() / 10.0
}
