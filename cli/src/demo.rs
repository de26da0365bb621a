//! `demo`: an example from input to inbox, in one process.

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

/// Send an example through the sandbox to an inbox in this process, and show what arrived.
#[derive(Args, Debug)]
pub(crate) struct Demo {}

static LETTER: &[u8] = include_bytes!("../assets/letter.png");
static PAGE: &[u8] = include_bytes!("../assets/page.pdf");

/// What the steps took.
struct Times {
    load: Duration,
    send: Duration,
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
        let times = Times { load: loaded - started, send: loaded.elapsed() };
        let received = inbox.next().await;
        let result: Value = outcome.parse().map_err(|reason| unreadable(&reason))?;
        show(context, &result, &received, &times)?;
        Ok(Exit::Done)
    }
}

/// What `{{...}}` in the example stands for, as a platform would hand it over.
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
    times: &Times,
) -> Result<(), Stop> {
    let view = MessageView::parse(&received.content)
        .ok_or_else(|| crate::stop::bug("what arrived is no message"))?;
    let output = context.output;
    output.document(&json!({
        "result": result,
        "received": {
            "from": received.sender,
            "to": received.recipients,
            "headers": view.headers().into_iter().map(|(name, value)| json!([name, value])).collect::<Vec<_>>(),
            "parts": view.tree_json(),
            "size": received.content.len(),
        },
        "milliseconds": { "load": milliseconds(times.load), "send": milliseconds(times.send) },
    }))?;
    output
        .say("An example went through the sandbox, and over SMTP to an inbox in this process.")?;
    output.title("Envelope")?;
    output.say(format_args!("  from  {}", received.sender))?;
    for recipient in &received.recipients {
        output.say(format_args!("  to    {recipient}"))?;
    }
    output.title("Headers")?;
    for (name, value) in view.headers() {
        output.say(format_args!("  {name}: {value}"))?;
    }
    output.title("Parts")?;
    for line in view.tree() {
        output.say(format_args!("  {line}"))?;
    }
    output.title("What it took")?;
    let size = text::size(received.content.len() as u64);
    output.say(format_args!("  message    {size}"))?;
    output
        .say(format_args!("  loading    {}, once for each process", text::duration(times.load)))?;
    output.say(format_args!(
        "  sending    {}, a fresh sandbox and a connection",
        text::duration(times.send)
    ))?;
    output.title(
        "The component had no password, no socket and no file system: it can reach what its host lends it.",
    )?;
    output.say(
        "Next: smtp-connector accounts add NAME --provider gmail --username you@gmail.com --from you@gmail.com",
    )
}

fn milliseconds(time: Duration) -> f64 {
    (time.as_secs_f64() * 10_000.0).round() / 10.0
}
