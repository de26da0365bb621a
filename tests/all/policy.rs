//! What an account's policy allows, checked through the built-in component.

use serde_json::{Value, json};
use smtp_connector_host::accounts::{AccountLimits, Policy, Security};
use smtp_connector_host::transport::Envelope;
use smtp_connector_host::{
    Account, Delivered, Error, FailureCode, Invocation, OwnMessage, Retry, ReversePath,
};
use smtp_connector_inbox::Inbox;

use crate::support::{
    Act, CommandLine, FaultServer, Scenario, Stage, TestEnv, connector_in, host_builder,
    public_host, until,
};

async fn env(policy: Policy) -> TestEnv {
    TestEnv::with(Inbox::builder(), |account| account.policy(policy)).await
}

async fn refused(env: &TestEnv, input: &Value, words: &str) {
    let error = env.send(input).await.expect_err("the policy forbids it");
    assert_eq!((error.code(), error.retry()), (FailureCode::Policy, Retry::AfterConfigChange));
    assert!(error.to_string().contains(words), "{error}");
    assert!(error.hint().is_some());
    assert!(env.inbox.take().is_none());
}

#[tokio::test]
async fn an_account_sends_only_from_allowed_senders() {
    let senders = ["alice@example.com", "*@team.example.com"];
    let allowed_senders = senders.map(|one| one.parse().expect("a rule")).to_vec();
    let env = env(Policy::default().allowed_senders(allowed_senders)).await;
    for from in ["Alice <Alice@example.com>", "\"alice@example.com\" <bob@team.example.com>"] {
        env.send(&json!({ "from": from, "to": "bob@example.net" })).await.expect(from);
        env.received().await;
    }
    for input in [
        json!({ "from": "ceo@example.com", "to": "bob@example.net" }),
        json!({ "from": "a@x.team.example.com", "to": "bob@example.net" }),
        json!({ "from": "\"b@evil.test\" <bob@team.example.com>", "to": "bob@example.net" }),
        json!({ "from": "bob@team.example.com", "fromName": "ceo@evil.test", "to": "bob@example.net" }),
        json!({ "returnPath": "ceo@example.com", "to": "bob@example.net" }),
    ] {
        refused(&env, &input, "the account does not allow this sender").await;
    }
}

#[tokio::test]
async fn an_account_sends_only_to_allowed_domains() {
    let domains = ["example.net", "*.example.org"];
    let allowed_recipient_domains = domains.map(|one| one.parse().expect("a rule")).to_vec();
    let env = env(Policy::default().allowed_recipient_domains(allowed_recipient_domains)).await;
    env.send(&json!({ "to": "b@EXAMPLE.net", "bcc": "c@a.example.org" })).await.expect("sent");
    env.received().await;
    for recipient in ["b@example.org", "b@example.com", "b@example.net.evil.test"] {
        refused(&env, &json!({ "to": "b@example.net", "bcc": recipient }), recipient).await;
    }
}

#[tokio::test]
async fn a_local_part_that_names_another_host_is_refused_if_the_policy_names_domains() {
    let allowed_recipient_domains = vec!["example.com".parse().expect("a rule")];
    let strict = env(Policy::default().allowed_recipient_domains(allowed_recipient_domains)).await;
    for to in
        ["eve%evil.test@example.com", "evil.test!eve@example.com", "eve%40evil.test@example.com"]
    {
        refused(&strict, &json!({ "to": to }), "which names another host").await;
    }
    strict.send(&json!({ "to": "bounce+eve=evil.test@example.com" })).await.expect("it is sent");
    let free = env(Policy::default()).await;
    free.send(&json!({ "to": "eve%evil.test@example.com" })).await.expect("it is sent");
    let instead = Policy::default()
        .redirect_all_to(Some("eve%evil.test@example.com".parse().expect("an address")));
    let account = Account::builder("work", "mail.example.com").policy(instead).build();
    assert!(account.expect_err("it leads elsewhere").to_string().contains("redirectAllTo"));
}

#[tokio::test]
async fn an_account_on_trial_sends_everything_to_one_address() {
    let policy = Policy::default()
        .redirect_all_to(Some("staging@example.com".parse().expect("an address")))
        .allowed_recipient_domains(vec!["example.net".parse().expect("a rule")]);
    let env = env(policy).await;
    let input = json!({ "to": ["b@example.net", "c@example.net"], "bcc": "d@example.net" });
    let result = env.send(&input).await.expect("it is sent");
    assert_eq!(result["accepted"], json!(["staging@example.com"]));
    assert_eq!(result["envelope"]["to"].as_array().map(Vec::len), Some(3));
    let received = env.received().await;
    assert_eq!(received.recipients, ["staging@example.com"]);
    // A recipient that is refused without the trial is refused in it too.
    refused(&env, &json!({ "to": "b@example.org" }), "b@example.org").await;
}

#[tokio::test]
async fn an_account_is_limited_to_its_messages_per_minute() {
    let limits = AccountLimits::default().messages_per_minute(2);
    let env = TestEnv::with(Inbox::builder(), |account| account.limits(limits)).await;
    let input = json!({ "to": "bob@example.net" });
    for _ in 0..2 {
        env.send(&input).await.expect("it is sent");
        env.received().await;
    }
    let error = env.send(&input).await.expect_err("it is the third");
    assert_eq!((error.code(), error.retry()), (FailureCode::Policy, Retry::Later));
    assert!(env.inbox.take().is_none());
    // Checking or assembling a message does not count as sending one.
    let dry = Invocation::send_mail(input.to_string()).account("work").dry_run();
    env.invoke(dry).await.expect("it is assembled");
}

#[tokio::test]
async fn an_account_is_limited_to_its_concurrent_runs() {
    let server = FaultServer::start(Scenario::when(Stage::Dot, Act::Hang)).await;
    let limits = AccountLimits::default().concurrent_runs(1);
    let env =
        TestEnv::with(Inbox::builder(), |account| account.limits(limits).port(server.port())).await;
    let send = || {
        let mail = Invocation::send_mail(json!({ "to": "bob@example.net" }).to_string());
        let connector = env.connector.clone();
        async move { connector.invoke(mail.account("work")).await }
    };
    let first = tokio::spawn(send());
    // The first run holds its place until its server answers.
    until(|| !server.seen().commands.is_empty()).await;
    let refused: Error = send().await.expect_err("there is one");
    assert_eq!(refused.code(), FailureCode::Policy);
    assert!(refused.is_transient(), "{refused:?}");
    first.abort();
    let _ = first.await;
    // A dropped run frees its place.
    assert!(tokio::time::timeout(std::time::Duration::from_millis(500), send()).await.is_err());
}

#[tokio::test]
async fn a_private_mail_server_is_not_dialled_by_default() {
    let inbox = Inbox::builder().start("127.0.0.1:0").await.expect("a port on loopback is free");
    for host in ["127.0.0.1", "localhost", "::1", "10.0.0.5", "169.254.169.254", "::ffff:127.0.0.1"]
    {
        let account = Account::builder("work", host)
            .port(inbox.address().port())
            .security(Security::None)
            .sender("alice@example.com")
            .build()
            .expect("the settings are right");
        // The default rules of a host.
        let connector = connector_in(public_host([account]));
        let mail = Invocation::send_mail(json!({ "to": "bob@example.net" }).to_string());
        let error = connector.invoke(mail.account("work")).await.expect_err("it is inside");
        assert_eq!(error.code(), FailureCode::Policy, "{host}: {error}");
    }
    assert!(inbox.take().is_none());
}

/// Returns every name of these fields, as the manifest lists them.
async fn names_of(env: &TestEnv, fields: &[&str]) -> Vec<String> {
    let manifest = env.connector.describe().await.expect("a manifest");
    let manifest: Value = serde_json::from_str(&manifest).expect("the manifest is JSON");
    let patterns = manifest["actions"][0]["input"]["patternProperties"].as_object().expect("names");
    let targets: Vec<_> =
        fields.iter().map(|name| json!({ "$ref": format!("#/properties/{name}") })).collect();
    let names = patterns.iter().filter(|(_, target)| targets.contains(target));
    // A pattern spells each letter in both cases, and allows spaces between them: `[tT]...`.
    names.flat_map(|(pattern, _)| spelled(pattern)).collect()
}

/// Returns the names that a pattern of the manifest stands for.
fn spelled(pattern: &str) -> Vec<String> {
    pattern
        .split('|')
        .map(|name| {
            let mut letters = String::new();
            let mut rest = name;
            while let Some((_, after)) = rest.split_once('[') {
                let (class, after) = after.split_once(']').unwrap_or((after, ""));
                // The separator between letters is a character class too.
                if !class.contains('_') {
                    letters.extend(class.chars().find(char::is_ascii_lowercase));
                }
                rest = after;
            }
            letters
        })
        .filter(|name| !name.is_empty())
        .collect()
}

#[tokio::test]
async fn the_host_finds_every_recipient_that_the_component_finds() {
    let env = TestEnv::new().await;
    let names = names_of(&env, &["to", "cc", "bcc"]).await;
    assert!(names.len() >= 14 && names.contains(&"receiver".to_owned()), "{names:?}");
    let bob = json!({ "email": "bob@example.net", "name": "Bob" });
    let mut inputs: Vec<Value> =
        names.iter().map(|name| json!({ name: "bob@example.net" })).collect();
    inputs.extend(
        [
            json!("\"Doe, Jo\" <bob@example.net>; "),
            json!([[null, "bob@example.net"]]),
            json!([bob]),
            json!(bob.to_string()),
            json!({ "emailAddress": { "address": "bob@example.net" } }),
            json!({ "emailAddress": "bob@example.net" }),
            json!({ "E-Mail": "bob@example.net\n", "phone": "555" }),
            json!("Bob\r\n <bob@example.net>\r\n"),
            json!("bob@example.net <bob@example.net>"),
            json!("Team: bob@example.net;"),
            json!("bob@B\u{fc}cher.example"),
            json!("b\u{f6}b@example.net"),
        ]
        .map(|value| json!({ "to": value })),
    );
    for input in inputs {
        match env.send(&input).await {
            Ok(_) => drop(env.received().await),
            Err(error) => assert_ne!(error.code(), FailureCode::Policy, "{input}: {error}"),
        }
    }
    let keywords = json!({ "c": { "mail": "bob@example.net", "team": [{ "email": "b@example.net" }, "c@example.net"] },
                           "first": "Ann", "domain": "example.net", "E-Mail": "bob@example.net",
                           "First Name": "Ann", "größe": "bob@example.net", "user.mail": "bob@example.net",
                           "客户": { "E-Mail Address": "bob@example.net" } });
    for to in [
        "{{E-Mail}}",
        "{{ größe }}",
        "{{First Name}} <{{user.mail}}>",
        "{{客户.E-Mail Address}}",
        "{{ First Name | lower }}@{{domain}}",
        "{{c.mail}}",
        "Bob <{{ c.mail }}>",
        "{{c.team}}",
        "{{c.team[0].email}}; {{c.mail}}",
        "{{first}}@{{domain}}",
        "{{first | lower}}@{{ domain }}",
        "{{ first ~ '@' ~ domain }}",
    ] {
        let input = json!({ "to": to }).to_string();
        let mail = Invocation::send_mail(input).keywords(keywords.to_string()).account("work");
        env.invoke(mail).await.unwrap_or_else(|error| panic!("{to}: {error}"));
        env.received().await;
    }
}

#[tokio::test]
async fn the_host_finds_every_attachment_that_the_component_finds() {
    let env = TestEnv::new().await;
    let names = names_of(&env, &["attachments"]).await;
    assert!(names.len() >= 12 && names.contains(&"files".to_owned()), "{names:?}");
    // No server listens there, and the host's address rules refuse loopback. Those rules apply after the check that the
    // input names the source.
    let url = "http://127.0.0.1:1/a.pdf";
    let mut inputs: Vec<Value> = names.iter().map(|name| json!({ name: url })).collect();
    inputs.extend(
        [
            json!({ "file_url": url }),
            json!({ "file": { "url": url } }),
            json!({ "name": "a.pdf", "type": "external", "external": { "url": url } }),
            json!(format!("{url}, http://127.0.0.1:1/b.pdf\n")),
            json!(format!("data:,a {url}")),
            json!({ "upload": "missing\n" }),
        ]
        .map(|value| json!({ "attachments": value })),
    );
    for mut input in inputs {
        input["to"] = json!("bob@example.net");
        let error = env.send(&input).await.expect_err("there is no such file");
        assert!(
            !error.to_string().contains("not named in the input's attachments"),
            "{input}: {error}"
        );
        assert_ne!(error.code(), FailureCode::Validation, "{input}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_accounts_file_sets_the_policy() {
    let inbox = Inbox::builder().start("127.0.0.1:0").await.expect("a port on loopback is free");
    let line = CommandLine::with_account(&inbox);
    let path = line.home().join("accounts.toml");
    let account = std::fs::read_to_string(&path).expect("the file is there");
    let policy = "[accounts.work.limits]\nmessagesPerMinute = 60\nconcurrentRuns = 4\n\
                  [accounts.work.policy]\nallowedSenders = [\"*@example.com\"]\n\
                  allowedRecipientDomains = [\"example.net\"]\nredirectAllTo = \"staging@example.com\"\n";
    std::fs::write(&path, format!("{account}\n{policy}")).expect("it can be written");
    line.run(&["send", "--to", "bob@example.net", "--text", "x"]).expect(0);
    assert_eq!(inbox.next().await.recipients, ["staging@example.com"]);
    line.run(&["send", "--to", "bob@example.org", "--text", "x"]).expect(77);
    line.run(&["send", "--to", "bob@example.net", "--text", "x", "--from", "ceo@example.org"])
        .expect(77);
    for (wrong, key) in [
        ("allowedSenders = [\"a b\"]", "allowedSenders"),
        ("allowedRecipientDomains = [\"127.0.0.1\"]", "allowedRecipientDomains"),
        ("redirectAllTo = \"nobody\"", "redirectAllTo"),
    ] {
        let text = format!("{account}\n[accounts.work.policy]\n{wrong}\n");
        std::fs::write(&path, text).expect("it can be written");
        let ran = line.run(&["accounts", "show", "work"]).expect(78);
        assert!(ran.err.contains(key), "{ran:?}");
    }
}

#[tokio::test]
async fn a_message_of_the_program_itself_is_bound_by_the_accounts_policy() {
    let server = FaultServer::start(Scenario::default()).await;
    let policy = Policy::default()
        .allowed_senders(vec!["alice@example.com".parse().expect("a rule")])
        .allowed_recipient_domains(vec!["example.net".parse().expect("a rule")]);
    let account = server.account().policy(policy).build().expect("an account");
    let host = host_builder([account]).build().expect("the sandbox runs on this machine");
    let send = async |to: &str, from: &str| {
        let envelope = Envelope::new(ReversePath::Null, vec![to.parse().expect("an address")]);
        let date = "Date: Fri, 27 Nov 2026 10:00:00 +0000";
        let content =
            format!("From: {from}\r\n{date}\r\nMessage-ID: <1@example.com>\r\n\r\nHi!\r\n");
        host.send(OwnMessage::new("work", envelope, content), std::future::pending()).await
    };
    let outcome = send("bob@example.net", "alice@example.com").await.expect("it is allowed");
    assert_eq!(outcome.accepted(), ["bob@example.net"]);
    assert_eq!(outcome.message_id(), Some("<1@example.com>"));
    for (to, from) in
        [("bob@example.org", "alice@example.com"), ("bob@example.net", "eve@example.com")]
    {
        let error = send(to, from).await.expect_err("it is not allowed");
        assert_eq!((error.code(), error.delivered()), (FailureCode::Policy, Delivered::No));
    }
    assert_eq!(server.seen().complete, 1);
}
