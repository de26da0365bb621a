//! Mail that is accepted is delivered.

use std::time::Duration;

use mail_parser::MessageParser;
use serde_json::json;
use smtp_connector_host::accounts::Policy;
use smtp_connector_host::attachments::{MemoryUploads, Metadata};
use smtp_connector_host::{FailureCode, Invocation};
use smtp_connector_outbox::{Enqueue, ErrorKind, EventKind, RunState, Timestamp};

use super::{Queue, input, mail, options};
use crate::support::{
    Act, FaultServer, HttpServer, Page, Scenario, Stage, connector_in, host_builder,
};

#[tokio::test]
async fn a_mail_is_delivered_with_the_id_of_its_ticket() {
    let server = FaultServer::start(Scenario::default()).await;
    let queue = Queue::new().await;
    let id = queue.enqueue(&["bob@example.net"]).await;
    let worker = queue.work([server.account().build().expect("an account")]);
    let run = queue.reaches(&id, RunState::Sent).await;
    let result = run.result.expect("it has a result");
    assert_eq!((run.attempts, &result["status"]), (1, &json!("sent")));
    assert_eq!(run.recipients[0].address, "bob@example.net");
    let message = String::from_utf8(server.seen().messages[0].clone()).expect("it is text");
    let message_id = result["messageId"].as_str().expect("it has one");
    assert!(message.contains(message_id), "{message}");
    assert_eq!(queue.kinds().await, [EventKind::Sent]);
    let drained = worker.stop().await;
    assert_eq!((drained.attempts, drained.given_back), (1, 0));
}

#[tokio::test]
async fn keywords_and_large_inputs_are_kept() {
    let server = FaultServer::start(Scenario::default()).await;
    let queue = Queue::new().await;
    let body = "All work and no play. ".repeat(5000);
    let template = json!({ "to": "{{name}}@example.net", "text": format!("{{{{name}}}}: {body}") });
    let request = Invocation::send_mail(template.to_string()).account("work");
    let id = queue.request(request.keywords(r#"{"name": "bob"}"#)).await;
    let (stored, keywords) =
        queue.outbox.input(&id).await.expect("it is read").expect("it is there");
    assert_eq!((stored, keywords.as_deref()), (template.to_string(), Some(r#"{"name": "bob"}"#)));
    let worker = queue.work([server.account().build().expect("an account")]);
    queue.reaches(&id, RunState::Sent).await;
    let message = String::from_utf8(server.seen().messages[0].clone()).expect("it is text");
    assert!(message.contains("bob: All work"), "the keywords are filled in");
    worker.stop().await;
}

#[tokio::test]
async fn the_same_key_is_one_mail_while_it_is_under_way_and_after() {
    let server = FaultServer::start(Scenario::default()).await;
    let queue = Queue::new().await;
    let request = || Enqueue::new(mail(&["bob@example.net"])).key("order-1");
    let first = queue.outbox.enqueue(request()).await.expect("it is accepted");
    let second = queue.outbox.enqueue(request()).await.expect("it is known");
    assert_eq!((&second.id, second.is_new, second.state), (&first.id, false, RunState::Ready));
    let worker = queue.work([server.account().build().expect("an account")]);
    queue.reaches(&first.id, RunState::Sent).await;
    let third = queue.outbox.enqueue(request()).await.expect("it is known");
    assert_eq!((&third.id, third.state), (&first.id, RunState::Sent));
    let other = Enqueue::new(mail(&["carol@example.net"])).key("order-1");
    let error = queue.outbox.enqueue(other).await.expect_err("it is another mail");
    assert_eq!(error.kind(), ErrorKind::KeyReused);
    worker.stop().await;
    assert_eq!(server.seen().complete, 1);
}

#[tokio::test]
async fn only_the_deferred_recipients_are_in_the_next_envelope() {
    let deferred = Act::Reply("450 4.2.0 greylisted\r\n");
    let refused = Act::Reply("550 5.1.1 no such user\r\n");
    // The third recipient is refused for good; the second only once: on the next connection it is the first.
    let scenario = Scenario::when(Stage::Rcpt(2), deferred).and(Stage::Rcpt(3), refused);
    let server = FaultServer::start(scenario).await;
    let queue = Queue::new().await;
    let id = queue.enqueue(&["a@example.net", "b@example.net", "c@example.net"]).await;
    let account = server.account().build().expect("an account");
    let worker = queue.work([account]);
    let run = queue.reaches(&id, RunState::Sent).await;
    worker.stop().await;
    let commands = server.seen().commands;
    let named: Vec<_> = commands.iter().filter(|line| line.starts_with("RCPT")).collect();
    assert_eq!(named.len(), 4, "{named:?}");
    assert!(named[3].contains("b@example.net"));
    let result = run.result.expect("it has a result");
    assert_eq!(result["status"], "partial");
    assert_eq!(result["accepted"], json!(["a@example.net", "b@example.net"]));
    assert_eq!(result["rejected"], json!(["c@example.net"]));
    assert_eq!(result["rejectedErrors"][0]["responseCode"], 550);
    assert_eq!(queue.kinds().await, [EventKind::Deferred, EventKind::Sent]);
    let messages = server.seen().messages;
    assert_eq!(messages[0], messages[1], "each attempt sends the same bytes");
}

#[tokio::test]
async fn a_held_mail_waits_for_its_release() {
    let server = FaultServer::start(Scenario::default()).await;
    let queue = Queue::new().await;
    let id = queue.request(Enqueue::new(mail(&["bob@example.net"])).held()).await;
    let worker = queue.work([server.account().build().expect("an account")]);
    tokio::time::sleep(Duration::from_millis(400)).await;
    assert_eq!(queue.status(&id).await.state, RunState::Held);
    queue.outbox.release(&id).await.expect("it is held");
    queue.reaches(&id, RunState::Sent).await;
    worker.stop().await;
    let error = queue.outbox.cancel(&id).await.expect_err("it was sent");
    assert_eq!(error.kind(), ErrorKind::WrongState);
    assert_eq!(error.to_string(), format!("run {id} is sent, so it cannot be cancelled"));
}

#[tokio::test]
async fn a_mail_for_later_waits_for_its_time() {
    let server = FaultServer::start(Scenario::default()).await;
    let queue = Queue::new().await;
    let time = Timestamp::now().after(Duration::from_millis(500));
    let id = queue.request(Enqueue::new(mail(&["bob@example.net"])).not_before(time)).await;
    let worker = queue.work([server.account().build().expect("an account")]);
    let run = queue.reaches(&id, RunState::Sent).await;
    assert!(run.updated_at >= time);
    worker.stop().await;
}

#[tokio::test]
async fn a_worker_that_stops_finishes_what_is_under_way_and_gives_back_the_rest() {
    let pause = Act::Pause(Duration::from_millis(500));
    let server = FaultServer::start(Scenario::when(Stage::Dot, pause)).await;
    let queue = Queue::new().await;
    let mut ids = Vec::new();
    for _ in 0..6 {
        ids.push(queue.enqueue(&["bob@example.net"]).await);
    }
    let account = server.account().build().expect("an account");
    let worker = queue.work_with([account], options().concurrency(1));
    queue.reaches(&ids[0], RunState::Sending).await;
    let drained = worker.stop().await;
    assert_eq!(queue.status(&ids[0]).await.state, RunState::Sent);
    assert!(drained.given_back > 0, "{drained:?}");
    for id in &ids[1..] {
        let run = queue.status(id).await;
        assert!(matches!(run.state, RunState::Ready | RunState::Sent), "{run:?}");
        if run.state == RunState::Ready {
            assert_eq!(run.attempts, 0, "an attempt that did not begin does not count");
        }
    }
}

#[tokio::test]
async fn only_what_a_worker_can_repeat_is_queued() {
    let queue = Queue::new().await;
    let text = input(&["bob@example.net"]).to_string();
    let nobody = Invocation::send_mail(text.clone());
    let dry = Invocation::send_mail(text).account("work").dry_run();
    for request in [nobody, dry] {
        let error = queue.outbox.enqueue(request).await.expect_err("it cannot be repeated");
        assert_eq!(error.kind(), ErrorKind::Invalid);
        assert!(error.hint().is_some_and(|hint| hint.contains("account")));
    }
    let long = Enqueue::new(mail(&["bob@example.net"])).key("k".repeat(600));
    let error = queue.outbox.enqueue(long).await.expect_err("the key is too long");
    assert_eq!(error.to_string(), "the idempotency key is not 1 to 512 bytes of text");
}

#[tokio::test]
async fn captured_attachments_are_sent_as_they_were_when_the_mail_was_queued() {
    let page = Page::file("/report.csv", "Content-Type: text/csv\r\n", b"old,1");
    let web = HttpServer::start(vec![page]).await;
    let server = FaultServer::start(Scenario::default()).await;
    let hosts = vec![web.host().parse().expect("an address is a host")];
    let policy = Policy::default().attachment_url_hosts(hosts);
    let account = || server.account().policy(policy.clone()).build().expect("an account");
    let attachments = json!([
        { "url": web.url("/report.csv") },
        { "upload": "u-1", "filename": "notes.txt" },
        { "url": web.url("/gone"), "optional": true },
    ]);
    let input = json!({ "to": "bob@example.net", "text": "Hi!", "attachments": attachments });
    let uploads = MemoryUploads::new().with("u-1", Metadata::default(), &b"the notes"[..]);
    let mail = Invocation::send_mail(input.to_string()).account("work").uploads(uploads);
    let queue = Queue::new().await;
    let error = queue.outbox.enqueue(mail.clone()).await.expect_err("no worker has the upload");
    assert_eq!(error.kind(), ErrorKind::Invalid);
    let connector = connector_in(host_builder([account()]));
    let captured = connector.capture(&mail).await.expect("they are read");
    assert_eq!(captured.len(), 2);
    let id = queue.request(Enqueue::new(mail.captured(captured)).key("order-1")).await;
    let asked = web.requests().len();
    drop(web);
    let worker = queue.work([account()]);
    queue.reaches(&id, RunState::Sent).await;
    worker.stop().await;
    let message = server.seen().messages[0].clone();
    let message = MessageParser::new().parse(&message).expect("it is a message");
    let files: Vec<_> = message.attachments().map(|part| part.contents().to_vec()).collect();
    assert_eq!(files, [b"old,1".to_vec(), b"the notes".to_vec()]);
    assert_eq!(asked, 2, "each source was asked once");
}

#[tokio::test]
async fn an_attachment_that_cannot_be_captured_is_an_error_and_nothing_is_queued() {
    let server = FaultServer::start(Scenario::default()).await;
    let account = server.account().build().expect("an account");
    let connector = connector_in(host_builder([account]));
    let input = json!({ "to": "bob@example.net", "attachments": "http://127.0.0.1:9/a" });
    let mail = Invocation::send_mail(input.to_string()).account("work");
    let error = connector.capture(&mail).await.expect_err("it is not public");
    assert_eq!(error.code(), FailureCode::Policy, "{error}");
    assert!(error.to_string().starts_with("attachments: "), "{error}");
}
