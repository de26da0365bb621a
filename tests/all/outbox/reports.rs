//! A sender learns by mail that a mail expired (RFC 3464).

use std::time::Duration;

use mail_parser::{Message, MessageParser, MimeHeaders as _};
use serde_json::json;
use smtp_connector_host::accounts::{AccountName, Policy, Security};
use smtp_connector_host::{Account, Invocation};
use smtp_connector_inbox::{Inbox, Received};
use smtp_connector_outbox::{Enqueue, ErrorKind, EventKind, Filter, Run, RunId, RunState};

use super::{PATIENCE, Queue};
use crate::support::{Act, FaultServer, Scenario, Stage, until};

const DEFER: Act = Act::Reply("451 4.7.1 greylisted, come back later\r\n");

/// Queues a mail that expires soon.
async fn enqueue(queue: &Queue, input: serde_json::Value) -> RunId {
    let mail = Invocation::send_mail(input.to_string()).account("work");
    queue.request(Enqueue::new(mail).expires_after(Duration::from_secs(3))).await
}

/// An account whose expired mails are reported by the account `ops`.
fn reported(server: &FaultServer) -> Account {
    let policy = Policy::default().expiry_reports("ops".parse::<AccountName>().expect("a name"));
    server.account().policy(policy).build().expect("an account")
}

/// An account that sends reports.
fn ops(port: u16) -> Account {
    let account = Account::builder("ops", "127.0.0.1").port(port).security(Security::None);
    account.sender("Ops <ops@example.com>").build().expect("an account")
}

async fn next(queue: &Queue, inbox: &Inbox) -> Received {
    match tokio::time::timeout(PATIENCE, inbox.next()).await {
        Ok(received) => received,
        Err(_) => panic!("no report: {:?}", queue.outbox.list(Filter::default()).await),
    }
}

/// Returns the report that is about a run.
async fn report_run(queue: &Queue) -> Run {
    let runs = queue.outbox.list(Filter::default()).await.expect("they are read");
    let reports: Vec<_> = runs.into_iter().filter(|run| run.action == "delivery-report").collect();
    let [report] = &reports[..] else { panic!("one report: {reports:?}") };
    report.clone()
}

fn parse(content: &[u8]) -> Message<'_> {
    MessageParser::new().parse(content).expect("it is a message")
}

fn part(message: &Message<'_>, number: u32) -> (String, String) {
    let part = message.part(number).expect("it has the part");
    let kind = part.content_type().expect("it has a type");
    let kind = format!("{}/{}", kind.ctype(), kind.subtype().unwrap_or_default());
    (kind, String::from_utf8(part.contents().to_vec()).expect("it is text"))
}

#[tokio::test]
async fn a_mail_that_expires_is_reported_to_its_sender() {
    let refuse = Act::Reply("550 5.1.1 no such user\r\n");
    let rules = Scenario::when(Stage::Rcpt(1), DEFER).and(Stage::Rcpt(3), refuse);
    // Later attempts are for the first recipient only.
    let rules = (4..200).fold(rules, |rules, number| rules.and(Stage::Rcpt(number), DEFER));
    let server = FaultServer::start(rules).await;
    let inbox = Inbox::builder().start("127.0.0.1:0").await.expect("a port is free");
    let queue = Queue::new().await;
    let to = ["jörg@example.net", "bob@example.net", "eve@example.net"];
    let id = enqueue(&queue, json!({ "to": to, "subject": "Grüße", "text": "Hi!" })).await;
    let worker = queue.work([reported(&server), ops(inbox.address().port())]);
    let received = next(&queue, &inbox).await;
    assert_eq!(
        (received.sender.as_str(), &received.recipients[..]),
        ("", &["alice@example.com".to_owned()][..])
    );
    let message = parse(&received.content);
    let kind = message.content_type().expect("it has a type");
    assert_eq!((kind.ctype(), kind.subtype()), ("multipart", Some("report")));
    assert_eq!(kind.attribute("report-type"), Some("delivery-status"));
    assert_eq!(message.header_raw("Auto-Submitted").map(str::trim), Some("auto-replied"));
    let from = message.from().and_then(|from| from.first()).expect("it has a sender");
    assert_eq!(from.address(), Some("ops@example.com"));

    let (kind, text) = part(&message, 1);
    assert_eq!(kind, "text/plain");
    assert!(text.contains("jörg@example.net: 451 4.7.1 greylisted"), "{text}");
    assert!(text.contains("eve@example.net: 550 5.1.1 no such user"), "{text}");
    assert!(!text.contains("bob"), "bob has it: {text}");
    let (kind, status) = part(&message, 2);
    assert_eq!(kind, "message/delivery-status");
    let groups: Vec<_> = status.trim_end().split("\r\n\r\n").collect();
    let [message_fields, eve, joerg] = &groups[..] else { panic!("three groups: {status}") };
    assert!(message_fields.starts_with("Reporting-MTA: dns; "), "{status}");
    assert!(message_fields.contains("\r\nArrival-Date: "), "{status}");
    let mut recipients = [*eve, *joerg];
    recipients.sort_unstable();
    assert_eq!(
        recipients,
        [
            "Final-Recipient: rfc822; eve@example.net\r\nAction: failed\r\nStatus: 5.1.1\r\n\
         Diagnostic-Code: smtp; 550 5.1.1 no such user",
            "Final-Recipient: utf-8; j\\x{F6}rg@example.net\r\nAction: failed\r\nStatus: 4.7.1\r\n\
         Diagnostic-Code: smtp; 451 4.7.1 greylisted, come back later",
        ]
    );
    let (_, header) = part(&message, 3);
    assert!(header.contains("\r\nSubject: "), "{header}");
    let run = queue.status(&id).await;
    assert_eq!((run.state, queue.kinds().await.last()), (RunState::Failed, Some(&EventKind::Sent)));
    assert!(queue.kinds().await.contains(&EventKind::Expired));
    let report = report_run(&queue).await;
    assert_eq!((report.state, report.account.as_str()), (RunState::Sent, "ops"));
    worker.stop().await;
}

#[tokio::test]
async fn a_mail_that_no_attempt_could_send_is_reported_with_all_its_recipients() {
    let server =
        FaultServer::start(Scenario::when(Stage::Greeting, Act::Reply("421 later\r\n"))).await;
    let inbox = Inbox::builder().start("127.0.0.1:0").await.expect("a port is free");
    let queue = Queue::new().await;
    let attachment = json!([{ "text": "1,2", "filename": "a.csv" }]);
    let input = json!({ "to": "bob@example.net", "cc": "eve@example.net", "text": "Hi!", "attachments": attachment });
    enqueue(&queue, input).await;
    let worker = queue.work([reported(&server), ops(inbox.address().port())]);
    let received = next(&queue, &inbox).await;
    let message = parse(&received.content);
    let (_, status) = part(&message, 2);
    for recipient in ["bob", "eve"] {
        let group = format!(
            "Final-Recipient: rfc822; {recipient}@example.net\r\nAction: failed\r\nStatus: 4.4.7\r\n"
        );
        assert!(status.contains(&group), "{status}");
    }
    let (_, text) = part(&message, 1);
    assert!(text.contains("421"), "the reason is there: {text}");
    worker.stop().await;
}

#[tokio::test]
async fn a_provider_that_refuses_the_null_reverse_path_gets_the_accounts_address() {
    let server = FaultServer::start(Scenario::when(Stage::Rcpt(1), DEFER)).await;
    let refuse = Act::Reply("550 5.7.60 you may not send as this sender\r\n");
    let provider = FaultServer::start(Scenario::when(Stage::MailFromNull, refuse)).await;
    let queue = Queue::new().await;
    enqueue(&queue, json!({ "to": "bob@example.net", "text": "Hi!" })).await;
    let worker = queue.work([reported(&server), ops(provider.port())]);
    until(|| provider.seen().complete == 1).await;
    let commands = provider.seen().commands;
    let senders: Vec<_> = commands.iter().filter(|line| line.starts_with("MAIL")).collect();
    assert!(senders[0].starts_with("MAIL FROM:<>"), "{senders:?}");
    assert!(senders[1].starts_with("MAIL FROM:<ops@example.com>"), "{senders:?}");
    worker.stop().await;
    assert_eq!(report_run(&queue).await.state, RunState::Sent);
}

#[tokio::test]
async fn without_the_setting_no_report_is_sent_and_no_report_is_about_a_report() {
    let server = FaultServer::start(Scenario::when(Stage::Rcpt(1), DEFER)).await;
    let queue = Queue::new().await;
    let id = enqueue(&queue, json!({ "to": "bob@example.net", "text": "Hi!" })).await;
    let worker = queue.work([server.account().build().expect("an account")]);
    queue.reaches(&id, RunState::Failed).await;
    worker.stop().await;
    let runs = queue.outbox.list(Filter::default()).await.expect("they are read");
    assert_eq!(runs.len(), 1, "{runs:?}");
    let own = Invocation::new("delivery-report", "{}").account("work");
    let error = queue.outbox.enqueue(own).await.expect_err("it is the outbox's own");
    assert_eq!(error.kind(), ErrorKind::Invalid);
}
