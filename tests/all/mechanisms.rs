//! Which mechanism logs in, and how the client handles a server that ignores the response sent with AUTH.

use smtp_connector_host::accounts::{Auth, OAuth2};
use smtp_connector_host::{FailureCode, Phase, Secret};

use crate::login::{Setting, account, server};
use crate::support::{Act, FaultServer, Scenario, Stage};

#[tokio::test]
async fn a_server_that_asks_again_gets_the_initial_response_again() {
    const PLAIN: &str = "AHVzZXIAczNjcjN0";
    for challenge in ["334 \r\n", "334\r\n", "334 go on\r\n"] {
        let server = server("AUTH PLAIN", Scenario::when(Stage::Auth, Act::Reply(challenge))).await;
        let account = account("work", &server).credentials("user", Secret::new("s3cr3t"));
        let setting = Setting::with([account.build().expect("right")]);
        setting.send("work").await.expect(challenge);
        let seen = server.seen();
        assert_eq!(seen.commands[1], format!("AUTH PLAIN {PLAIN}"));
        assert_eq!(seen.answers, [PLAIN]);
        let shown = setting.shown(None);
        assert!(!shown.contains("s3cr3t") && !shown.contains(PLAIN), "{shown}");
    }
    // It is resent once: a server that asks again would not accept it.
    let endless = Scenario::when(Stage::Auth, Act::Reply("334 \r\n"))
        .and(Stage::AuthAnswer(1), Act::Reply("334 \r\n"))
        .and(Stage::AuthAnswer(2), Act::Reply("334 \r\n"));
    let server = server("AUTH PLAIN", endless).await;
    let account = account("work", &server).credentials("user", Secret::new("s3cr3t"));
    let error = Setting::with([account.build().expect("right")]).send("work").await;
    let error = error.expect_err("the server asks without end");
    assert_eq!((error.code(), error.phase()), (FailureCode::Protocol, Phase::Auth), "{error}");
    assert_eq!(server.seen().answers, [PLAIN]);
}

#[tokio::test]
async fn a_token_is_sent_again_if_the_server_ignored_it_in_auth() {
    const TOKEN: &str = "dXNlcj11c2VyAWF1dGg9QmVhcmVyIE1hcmszZC10MGszbgEB";
    // {"status":"400"}
    const REFUSAL: &str = "334 eyJzdGF0dXMiOiI0MDAifQ==\r\n";
    let asking = Scenario::when(Stage::Auth, Act::Reply("334 \r\n"));
    let refusing = Scenario::when(Stage::Auth, Act::Reply("334 \r\n"))
        .and(Stage::AuthAnswer(1), Act::Reply(REFUSAL))
        .and(Stage::AuthAnswer(2), Act::Reply("535 5.7.8 no\r\n"));
    for (scenario, answers) in [(asking, vec![TOKEN]), (refusing, vec![TOKEN, ""])] {
        let server = server("AUTH XOAUTH2", scenario).await;
        let oauth2 = OAuth2::token(Secret::new("Mark3d-t0k3n"));
        let account = account("work", &server).oauth2("user", oauth2).build().expect("right");
        let sent = Setting::with([account]).send("work").await;
        assert_eq!(sent.is_ok(), answers.len() == 1, "{sent:?}");
        assert_eq!(server.seen().answers, answers);
    }
}

#[tokio::test]
async fn after_an_unknown_mechanism_the_next_one_is_tried() {
    let mechanisms = |server: &FaultServer| -> Vec<String> {
        let commands = server.seen().commands;
        let auth = commands.iter().filter(|line| line.starts_with("AUTH"));
        auth.map(|line| line.split(' ').nth(1).expect("a mechanism").to_owned()).collect()
    };
    let offered = "AUTH LOGIN PLAIN SCRAM-SHA-256";
    for refusal in [
        "504 5.7.4 Unrecognized authentication type\r\n",
        "504 5.5.4 no\r\n",
        "501 5.5.4 Invalid arguments\r\n",
        "500 Unrecognized authentication type\r\n",
        "550 Authentication mechanism not supported\r\n",
    ] {
        let scenario = Scenario::when(Stage::AuthBy("SCRAM-SHA-256"), Act::Reply(refusal));
        let server = server(offered, scenario).await;
        let account = account("work", &server).credentials("user", Secret::new("s3cr3t"));
        let setting = Setting::with([account.build().expect("right")]);
        setting.send("work").await.expect(refusal);
        assert_eq!(mechanisms(&server), ["SCRAM-SHA-256", "PLAIN"], "{refusal}");
        assert_eq!(server.seen().connections, 1);
    }
    for refusal in [
        "535 5.7.8 Authentication failed\r\n",
        "535 5.5.4 Authentication mechanism not supported\r\n",
        "534 5.7.9 mechanism not supported: it is too weak\r\n",
        "454 4.7.0 unrecognized authentication type\r\n",
        "501 5.5.2 cannot decode\r\n",
    ] {
        let scenario = Scenario::when(Stage::AuthBy("SCRAM-SHA-256"), Act::Reply(refusal));
        let server = server(offered, scenario).await;
        let account = account("work", &server).credentials("user", Secret::new("s3cr3t"));
        let setting = Setting::with([account.build().expect("right")]);
        setting.send("work").await.expect_err(refusal);
        assert_eq!(mechanisms(&server), ["SCRAM-SHA-256"], "{refusal}: accounts get locked");
    }
    // The last refusal is reported once no mechanism is left. If the account names a mechanism, no other is tried.
    for (auth, tried) in
        [(Auth::Auto, &["SCRAM-SHA-256", "PLAIN", "LOGIN"][..]), (Auth::Plain, &["PLAIN"])]
    {
        let scenario = Scenario::when(Stage::Auth, Act::Reply("504 5.7.4 unknown\r\n"));
        let server = server(offered, scenario).await;
        let account =
            account("work", &server).credentials("user", Secret::new("s3cr3t")).auth(auth);
        let setting = Setting::with([account.build().expect("right")]);
        let error = setting.send("work").await.expect_err("it knows none");
        assert_eq!((error.code(), error.phase()), (FailureCode::Auth, Phase::Auth), "{error}");
        assert_eq!(mechanisms(&server), tried);
    }
    let scenario = Scenario::when(Stage::AuthBy("OAUTHBEARER"), Act::Reply("504 5.7.4 no\r\n"));
    let server = server("AUTH XOAUTH2 OAUTHBEARER", scenario).await;
    let oauth2 = OAuth2::token(Secret::new("Mark3d-t0k3n"));
    let account = account("work", &server).oauth2("user", oauth2).build().expect("right");
    Setting::with([account]).send("work").await.expect("the second is known");
    assert_eq!(mechanisms(&server), ["OAUTHBEARER", "XOAUTH2"]);
}
