//! `accounts test`, step by step: each of its sentences, from a server that provokes it.

mod causes;
mod failures;

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use smtp_connector_inbox::{Encryption, Inbox};

use crate::support::{Act, Authority, CommandLine, FaultServer, Offers, Ran, Scenario, Stage};

const TEST: [&str; 3] = ["accounts", "test", "work"];
const PASSWORD: (&str, &str) = ("PASSWORD", "s3cr3t-pass");

/// A command with an account `work` at this port, without encryption unless `more` sets it.
fn line(port: u16, more: &str) -> CommandLine {
    let line = CommandLine::new();
    let security = if more.contains("security") { "" } else { "security = \"none\"\n" };
    let host = if more.contains("host =") { "" } else { "host = \"127.0.0.1\"\n" };
    line.write_accounts(&format!("[accounts.work]\n{host}port = {port}\n{security}{more}\n"));
    line
}

const AGAIN: &str = "smtp-connector accounts test work";
const LOGIN: &str = "username = \"user\"\npassword = { env = \"PASSWORD\" }\n";

fn test(line: &CommandLine) -> Ran {
    line.run_with(&TEST, "", &[PASSWORD])
}

/// Returns the lines of the report, without their times.
fn steps(ran: &Ran) -> Vec<String> {
    let steps =
        ran.out.lines().filter(|line| line.starts_with("ok ") || line.starts_with("failed"));
    let untimed = steps.map(|line| {
        let (mark, rest) = line.split_once(' ').expect("a mark and a time");
        let (time, text) = rest.trim().split_once("  ").expect("a time and a text");
        assert!(time.ends_with(" ms") || time.ends_with(" s"), "{line}");
        format!("{mark} {text}")
    });
    untimed.collect()
}

/// Returns the only command that a failed test suggests.
fn suggested(ran: &Ran) -> &str {
    let commands: Vec<_> =
        ran.err.lines().filter_map(|line| line.strip_prefix("  run: ")).collect();
    let [command] = commands.as_slice() else { panic!("{ran:#?}") };
    command
}

#[tokio::test(flavor = "multi_thread")]
async fn each_step_is_shown_as_it_ends() {
    let authority = Authority::new();
    let mut names = rcgen::CertificateParams::new(
        ["127.0.0.1", "a.example", "b.example", "c.example"].map(str::to_owned),
    )
    .expect("names");
    // Half a day more, so that the number of whole days is certain.
    let end = std::time::SystemTime::now() + Duration::from_secs(61 * 86_400 + 43_200);
    names.not_after = end.into();
    let config = authority.server_with(&names);
    for (encryption, security, last) in [
        (Encryption::Starttls(Arc::clone(&config)), "starttls", "with STARTTLS"),
        (Encryption::Implicit(config), "tls", "over TLS"),
    ] {
        let inbox = Inbox::builder().login("user", PASSWORD.1).encryption(encryption);
        let inbox = inbox.start("127.0.0.1:0").await.expect("a free port");
        let tls = format!(
            "security = \"{security}\"\n{LOGIN}tls = {{ ca = \"{}\" }}",
            authority.file().display()
        );
        let port = inbox.address().port();
        let ran = test(&line(port, &tls)).expect(0);
        let steps = steps(&ran);
        let find = |start: &str| {
            let found = steps.iter().position(|step| step.starts_with(start));
            found.unwrap_or_else(|| panic!("{start}: {ran:#?}"))
        };
        let order = [
            find("ok read the secret from the environment variable PASSWORD"),
            find(&format!("ok connected to 127.0.0.1:{port}")),
            find("ok greeted: "),
            find("ok logged in as user with PLAIN"),
        ];
        assert!(order.is_sorted(), "{ran:#?}");
        let encrypted = &steps[find("ok encrypted: ")];
        let told = "TLS13_AES_256_GCM_SHA384; certificate for 127.0.0.1, a.example, b.example and 1 more from \
                    Authority of the tests, 61 days left";
        assert_eq!(*encrypted, format!("ok encrypted: TLS 1.3, {told}"));
        let offers: Vec<_> = steps.iter().filter(|step| step.starts_with("ok offers ")).collect();
        let before = security == "starttls";
        assert_eq!(offers.len(), 1 + usize::from(before), "{ran:#?}");
        assert_eq!(
            offers[0].contains("STARTTLS") && offers[0].ends_with("before encryption"),
            before
        );
        assert!(offers[offers.len() - 1].contains("AUTH "), "{ran:#?}");
        assert!(ran.out.contains(&format!("the account \"work\" works {last}, in ")), "{ran:#?}");
        assert_eq!(ran.err, "");
        assert!(!ran.out.contains(PASSWORD.1), "{ran:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_and_a_server_without_extensions_are_described() {
    let expired = |authority: &Authority| {
        let mut names = rcgen::CertificateParams::new(["127.0.0.1".to_owned()]).expect("names");
        let end = std::time::SystemTime::now() - Duration::from_secs(86_400 + 43_200);
        names.not_after = end.into();
        authority.server_with(&names)
    };
    let authority = Authority::new();
    for (config, told) in [
        (Authority::self_signed("127.0.0.1"), "certificate for 127.0.0.1, self-signed, "),
        (expired(&authority), "certificate for 127.0.0.1 from Authority of the tests, expired "),
    ] {
        let offers =
            Offers { implicit: Some(config), extensions: Some(Vec::new()), ..Offers::default() };
        let server = FaultServer::start(Scenario::default().offering(offers)).await;
        let tls = "security = \"tls\"\ntls = { allowInvalidCert = true }";
        let ran = test(&line(server.port(), tls)).expect(0);
        let steps = steps(&ran);
        assert!(steps.iter().any(|step| step.contains(told)), "{ran:#?}");
        assert!(steps.contains(&"ok does not offer any extensions".to_owned()), "{ran:#?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn json_has_the_same_steps_as_data() {
    let authority = Authority::new();
    let scenario = Scenario::when(Stage::Auth, Act::Reply("535 5.7.8 not s3cr3t-pass\r\n"));
    let starttls = Some(authority.server("127.0.0.1"));
    let server =
        FaultServer::start(scenario.offering(Offers { starttls, ..Offers::default() })).await;
    let tls = format!(
        "security = \"starttls\"\n{LOGIN}tls = {{ ca = \"{}\" }}",
        authority.file().display()
    );
    let line = line(server.port(), &tls);
    let ran = line.run_with(&["accounts", "test", "work", "--json"], "", &[PASSWORD]).expect(77);
    assert!(!ran.out.contains(PASSWORD.1) && !ran.err.contains(PASSWORD.1), "{ran:#?}");
    let document = ran.json();
    assert_eq!(document["ok"], false);
    assert_eq!(document["account"], "work");
    assert_eq!(document["server"], format!("127.0.0.1:{}", server.port()));
    assert!(document["milliseconds"].is_u64(), "{document:#}");
    assert_eq!(document["error"]["code"], "auth");
    assert_eq!(document["command"], "read -rs PASSWORD && export PASSWORD");
    let steps = document["steps"].as_array().expect("a list");
    let names: Vec<_> = steps.iter().map(|step| step["step"].as_str().expect("a name")).collect();
    let order = ["secret", "resolve", "connect", "greeting", "ehlo", "tls", "ehlo", "login"];
    assert_eq!(names, order);
    assert!(steps.iter().all(|step| step["milliseconds"].is_u64()), "{document:#}");
    assert_eq!(steps[1]["addresses"], json!(["127.0.0.1"]));
    assert_eq!(steps[2]["address"], format!("127.0.0.1:{}", server.port()));
    assert_eq!(steps[3]["text"], "mx.test ESMTP");
    assert_eq!((&steps[4]["encrypted"], &steps[6]["encrypted"]), (&json!(false), &json!(true)));
    assert_eq!(steps[4]["offers"], json!(["STARTTLS"]));
    assert!(
        steps[6]["offers"].as_array().is_some_and(|all| all.contains(&json!("AUTH PLAIN LOGIN")))
    );
    assert_eq!(steps[5]["certificate"]["names"], json!(["127.0.0.1"]));
    assert_eq!(steps[5]["certificate"]["selfSigned"], false);
    let (last, before) = steps.split_last().expect("steps");
    assert!(before.iter().all(|step| step["ok"] == true), "{document:#}");
    assert_eq!((&last["ok"], &last["code"]), (&json!(false), &json!("auth")));
    assert_eq!(last["message"], document["error"]["message"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_is_sent_after_the_last_step_if_asked() {
    let inbox = Inbox::builder().start("127.0.0.1:0").await.expect("a free port");
    let line = line(inbox.address().port(), "from = \"alice@example.com\"");
    let send = ["accounts", "test", "work", "--send-to", "me@example.net"];
    let ran = line.run(&send).expect(0);
    let received = inbox.next().await;
    assert_eq!(received.recipients, ["me@example.net"]);
    let last = steps(&ran).pop().expect("steps");
    let queue = last.strip_prefix("ok sent a mail to me@example.net: queue id ");
    let queue = queue.unwrap_or_else(|| panic!("{ran:#?}")).to_owned();
    assert!(!queue.is_empty());
    let document = line.run(&[&send[..], &["--json"]].concat()).expect(0).json();
    let sent = document["steps"].as_array().and_then(|all| all.last()).expect("steps").clone();
    assert_eq!(
        (&document["ok"], &sent["step"], &sent["ok"]),
        (&json!(true), &json!("send"), &json!(true))
    );
    assert_eq!(sent["accepted"], json!(["me@example.net"]));
    assert!(sent["queueId"].is_string() && sent["messageId"].is_string(), "{sent:#}");
    assert_eq!(document["error"], Value::Null);
    inbox.next().await;
    line.run(&["accounts", "test", "work", "--send-to", "me"]).expect(64);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_that_is_not_sent_has_its_sentence_and_one_command() {
    let send = ["accounts", "test", "work", "--send-to", "me@example.net"];
    let from = "from = \"a@example.com\"";
    for (stage, reply, more, exit, says, run) in [
        (Stage::Quit, "221 bye\r\n", "", 65, "from", "--from ADDRESS"),
        (Stage::Mail, "530 5.7.0 Authentication required\r\n", from, 77, "530", "--username NAME"),
        (Stage::Rcpt(1), "550 5.1.1 unknown\r\n", from, 67, "550 5.1.1 unknown", ""),
        (Stage::Dot, "451 4.3.0 later\r\n", from, 75, "451 4.3.0 later", ""),
    ] {
        let server = FaultServer::start(Scenario::when(stage, Act::Reply(reply))).await;
        let line = line(server.port(), more);
        let ran = line.run(&send).expect(exit);
        assert!(ran.err.contains(says), "{ran:#?}");
        assert_eq!(steps(&ran).pop().as_deref(), Some("failed sending a mail to me@example.net"));
        let command = suggested(&ran);
        match (stage, run) {
            (Stage::Dot, _) => assert_eq!(command, AGAIN),
            (_, "") => assert_eq!(command, format!("{AGAIN} --send-to ADDRESS")),
            (_, run) => assert_eq!(command, format!("smtp-connector accounts edit work {run}")),
        }
        let failed = line.run(&[&send[..], &["--json"]].concat()).expect(exit).json();
        assert_eq!(failed["ok"], false);
        assert_eq!(
            failed["steps"].as_array().and_then(|all| all.last()).expect("steps")["step"],
            "send"
        );
    }
}
