//! Sending, from an input to a message that arrives.

use serde_json::json;
use smtp_connector_host::{FailureCode, Invocation, Phase, Retry, Status};
use smtp_connector_inbox::Inbox;

use crate::support::TestEnv;

#[tokio::test]
async fn a_mail_arrives_as_the_result_says() {
    let env = TestEnv::new().await;
    let result = env
        .send(&json!({
            "to": "Bob <bob@example.net>", "cc": ["carol@example.net"], "bcc": { "email": "dave@example.net" },
            "subject": "Grüße", "body": "Hi!\n.\n..\n",
        }))
        .await
        .expect("it is sent");
    assert_eq!(result["status"], "sent");
    assert_eq!(
        result["accepted"],
        json!(["bob@example.net", "carol@example.net", "dave@example.net"])
    );
    assert_eq!(result["responseCode"], 250);
    assert_eq!(result["enhancedCode"], "2.0.0");
    assert_eq!(result["queueId"], "1");

    let received = env.received().await;
    assert_eq!(received.sender, "alice@example.com");
    assert_eq!(received.recipients, ["bob@example.net", "carol@example.net", "dave@example.net"]);
    assert_eq!(received.client_name, "client.example.com");
    assert_eq!(received.parameters, [format!("SIZE={}", received.content.len())]);
    assert_eq!(result["messageSize"], received.content.len());
    let text = String::from_utf8(received.content).expect("a message without SMTPUTF8 is ASCII");
    assert!(text.contains("To: Bob <bob@example.net>\r\nCc: carol@example.net\r\n"), "{text}");
    assert!(text.ends_with("Hi!\r\n.\r\n..\r\n"), "{text}");
    assert!(!text.contains("dave"), "{text}");
}

#[tokio::test]
async fn a_preview_is_the_message_that_is_sent() {
    let env = TestEnv::new().await;
    let input = json!({
        "to": "bob@example.net", "subject": "The same", "html": "<p>ü</p>", "text": "ü",
        "attachments": [{ "text": "a,b\n", "filename": "a.csv" }],
    });
    let invocation = Invocation::send_mail(input.to_string())
        .account("work")
        .id("run-1")
        .started_at(1_800_000_000);
    let preview = env.invoke(invocation.clone().dry_run()).await.expect("it is assembled");
    assert_eq!(preview["status"], "dry-run");
    assert!(env.inbox.take().is_none());
    env.invoke(invocation).await.expect("it is sent");
    let received = env.received().await;
    assert_eq!(preview["message"].as_str().map(str::as_bytes), Some(received.content.as_slice()));
}

#[tokio::test]
async fn an_invalid_input_reports_all_issues_and_opens_no_connection() {
    let env = TestEnv::new().await;
    let error = env
        .send(&json!({
            "to": ["bob@example.net", "bob@@example.net", 7], "subjekt": "x", "contentType": "markdown",
            "attachments": [{ "url": "ftp://example.com/x" }, { "base64": "!" }],
            "headers": { "Bcc": "x@example.net" },
        }))
        .await
        .expect_err("it is wrong in many places");
    assert_eq!((error.code(), error.phase()), (FailureCode::Validation, Phase::Input));
    let paths: Vec<_> = error.issues().iter().map(|issue| issue.path.as_str()).collect();
    assert_eq!(
        paths,
        [
            "subjekt",
            "to[1]",
            "to[2]",
            "contentType",
            "attachments[0].url",
            "attachments[1].base64",
            "headers.Bcc"
        ]
    );
    for issue in error.issues() {
        assert!(!issue.code.is_empty() && !issue.message.is_empty(), "{issue:?}");
    }
}

#[tokio::test]
async fn an_outcome_answers_questions_about_a_mail() {
    let inbox = Inbox::builder().refuse("nobody@example.net", "550 5.1.1 no such user");
    let env = TestEnv::with(inbox, |account| account).await;
    let input = json!({
        "to": "bob@example.net", "cc": "nobody@example.net", "subject": "x", "html": "<p>x</p>",
        "attachments": { "filename": "a.txt", "content": "hi", "encoding": "utf-8" },
    });
    let mail = Invocation::send_mail(input.to_string()).account("work");
    let outcome = env.connector.invoke(mail.clone()).await.expect("it is sent to one");
    assert_eq!(outcome.status(), Some(Status::Partial));
    assert_eq!(outcome.accepted(), ["bob@example.net"]);
    let refused = &outcome.rejected()[0];
    assert_eq!(
        (refused.recipient.as_str(), refused.field.as_deref()),
        ("nobody@example.net", Some("cc"))
    );
    assert_eq!((refused.reply.code.get(), refused.retry), (550, Retry::Never));
    assert_eq!(outcome.reply().map(|reply| reply.code.get()), Some(250));
    assert_eq!(outcome.queue_id(), Some("1"));
    assert_eq!(outcome.attachments()[0].filename.as_deref(), Some("a.txt"));
    assert_eq!(outcome.warnings()[0].code, "html-without-text");
    let content = env.received().await.content;
    assert_eq!(outcome.message_size(), Some(content.len() as u64));
    let id = outcome.message_id().expect("it has one");
    assert!(String::from_utf8_lossy(&content).contains(id), "{id}");

    let preview = env.connector.invoke(mail.dry_run()).await.expect("it is assembled");
    assert_eq!(preview.status(), Some(Status::DryRun));
    assert!(preview.message().is_some_and(|message| message.starts_with("From: ")));
}

#[tokio::test]
async fn refused_recipients_do_not_stop_the_others() {
    let inbox = || Inbox::builder().refuse("nobody@example.net", "550 5.1.1 no such user");
    let env = TestEnv::with(inbox(), |account| account).await;
    let input = json!({ "to": "bob@example.net", "cc": "nobody@example.net", "subject": "x" });
    let result = env.send(&input).await.expect("it is sent to one");
    assert_eq!(result["status"], "partial");
    assert_eq!(result["accepted"], json!(["bob@example.net"]));
    assert_eq!(
        result["rejectedErrors"],
        json!([{
            "recipient": "nobody@example.net", "field": "cc", "responseCode": 550, "enhancedCode": "5.1.1",
            "response": "no such user", "retry": "never",
        }])
    );
    assert_eq!(env.received().await.recipients, ["bob@example.net"]);

    let mut all_or_nothing = input;
    all_or_nothing["onPartialFailure"] = json!("fail");
    let error = env.send(&all_or_nothing).await.expect_err("one is refused");
    assert_eq!(error.code(), FailureCode::Recipients);
    assert_eq!(error.retry(), Retry::Never);
    assert_eq!(error.refusals()[0].field.as_deref(), Some("cc"));
    assert!(error.message_id().is_some());
    assert!(env.inbox.take().is_none());
}

#[tokio::test]
async fn keywords_fill_in_fields() {
    let env = TestEnv::new().await;
    let input = json!({
        "to": "{{customers}}", "subject": "Order {{order.id}}", "contentType": "html",
        "body": "<ul>{% for line in order.lines %}<li>{{line}}</li>{% endfor %}</ul>",
    });
    let keywords = json!({
        "customers": [{ "email": "b@example.net", "name": "Bea" }, "c@example.net"],
        "order": { "id": 7, "lines": ["Pen & Co", "Ink"] },
    });
    let invocation =
        Invocation::send_mail(input.to_string()).keywords(keywords.to_string()).account("work");
    env.invoke(invocation).await.expect("it is sent");
    let received = env.received().await;
    assert_eq!(received.recipients, ["b@example.net", "c@example.net"]);
    let text = String::from_utf8(received.content).expect("ASCII");
    assert!(text.contains("Subject: Order 7\r\n"));
    assert!(text.contains("<li>Pen &amp; Co</li>"));
}

#[tokio::test]
async fn addresses_beyond_ascii_go_out_with_smtputf8() {
    let env = TestEnv::new().await;
    env.send(&json!({ "to": "jörg@bücher.example", "subject": "x" })).await.expect("it is sent");
    let received = env.received().await;
    assert_eq!(received.recipients, ["jörg@xn--bcher-kva.example"]);
    assert!(received.parameters.contains(&"SMTPUTF8".to_owned()), "{:?}", received.parameters);
}

#[tokio::test]
async fn delivery_reports_are_requested_if_the_server_offers_them() {
    let env = TestEnv::new().await;
    let input = json!({
        "to": "b@example.net", "returnPath": "bounce@example.com",
        "dsn": { "notify": ["success", "failure"], "return": "headers", "envelopeId": "a+b=c" },
    });
    env.send(&input).await.expect("it is sent");
    let received = env.received().await;
    assert_eq!(received.sender, "bounce@example.com");
    let parameters = received.parameters.join(" ");
    assert!(parameters.contains("RET=HDRS ENVID=a+2Bb+3Dc"), "{parameters}");
}

#[tokio::test]
async fn a_null_sender_is_sent_as_the_null_sender() {
    let env = TestEnv::new().await;
    let input = json!({ "to": "b@example.net", "text": "I am away.", "returnPath": "<>" });
    env.send(&input).await.expect("it is sent");
    assert_eq!(env.received().await.sender, "");
}

#[tokio::test]
async fn many_mails_at_once_do_not_mix() {
    let env = std::sync::Arc::new(TestEnv::new().await);
    let runs: Vec<_> = (0..50)
        .map(|number| {
            let env = std::sync::Arc::clone(&env);
            tokio::spawn(async move {
                let input = json!({ "to": format!("b{number}@example.net"), "subject": format!("Mail {number}") });
                env.send(&input).await.map(|result| result["messageId"].clone())
            })
        })
        .collect();
    let mut ids = Vec::new();
    for run in runs {
        ids.push(run.await.expect("no run panics").expect("every mail is sent").to_string());
    }
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 50);
    for _ in 0..50 {
        let received = env.received().await;
        let number = received.recipients[0].trim_matches(|c: char| !c.is_ascii_digit()).to_owned();
        let text = String::from_utf8(received.content).expect("ASCII");
        assert!(text.contains(&format!("Subject: Mail {number}\r\n")), "{number}: {text}");
    }
}

#[tokio::test]
async fn an_unknown_account_and_an_unknown_action_are_errors() {
    let env = TestEnv::new().await;
    let error =
        env.invoke(Invocation::send_mail("{}").account("wrok")).await.expect_err("there is none");
    assert_eq!(error.code(), FailureCode::Account);
    let error = env
        .invoke(Invocation::new("fetch-mail", "{}").account("work"))
        .await
        .expect_err("there is none");
    assert_eq!(error.issues()[0].code, "unknown-action");
    let input = json!({ "from": "a@example.com", "to": "b@example.net" }).to_string();
    let error =
        env.invoke(Invocation::send_mail(input)).await.expect_err("no account to send with");
    assert_eq!(error.code(), FailureCode::Account);
}

#[tokio::test]
async fn a_mail_without_an_account_reports_that_one_is_needed() {
    let env = TestEnv::new().await;
    let input = json!({ "from": "alice@example.com", "to": "bob@example.net", "body": "x" });
    let mail = Invocation::send_mail(input.to_string());
    let error = env.invoke(mail).await.expect_err("no account is named");
    assert_eq!((error.code(), error.retry()), (FailureCode::Account, Retry::AfterConfigChange));
    assert!(error.hint().is_some_and(|hint| hint.contains("name an account")), "{error:?}");
}
