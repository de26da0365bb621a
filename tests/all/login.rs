//! Login mechanisms other than plain passwords: what is sent, what is accepted, and what is displayed.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use smtp_connector_host::accounts::{
    AccountBuilder, Auth, OAuth2, SecretSource, Security, Timeouts, TokenUrl,
};
use smtp_connector_host::smtp::SmtpTransport;
use smtp_connector_host::{
    Account, Connector, Error, FailureCode, Invocation, Phase, Retry, Secret,
};

use crate::support::{
    Act, Authority, CommandLine, FaultServer, HttpServer, Offers, Page, Scenario, Stage,
    TranscriptLog, connector_in, host_builder, write_private,
};

/// A connector with accounts, and a record of its conversations.
pub(crate) struct Setting {
    connector: Connector,
    told: TranscriptLog,
}

impl Setting {
    pub(crate) fn with(accounts: impl IntoIterator<Item = Account>) -> Self {
        let told = TranscriptLog::default();
        let transport = SmtpTransport::new()
            .danger_allow_private_hosts()
            .without_pool()
            .transcript(Arc::new(told.clone()));
        let connector = connector_in(host_builder(accounts).transport(transport));
        Self { connector, told }
    }

    pub(crate) async fn send(&self, account: &str) -> Result<(), Error> {
        let input = json!({ "to": "b@example.net" }).to_string();
        self.connector.invoke(Invocation::send_mail(input).account(account)).await.map(|_| ())
    }

    /// Returns everything that is displayed of an error and of the conversation.
    pub(crate) fn shown(&self, error: Option<&Error>) -> String {
        let told = self.told.text();
        let error = error.map_or(String::new(), |error| {
            format!("{error} {error:?} {:?} {}", error.hint(), error.to_json())
        });
        format!("{told}{error}")
    }
}

pub(crate) async fn server(mechanism: &'static str, scenario: Scenario) -> FaultServer {
    let extensions = Some(vec!["PIPELINING", mechanism]);
    FaultServer::start(scenario.offering(Offers { extensions, ..Offers::default() })).await
}

pub(crate) fn account(name: &str, server: &FaultServer) -> AccountBuilder {
    Account::builder(name, "127.0.0.1")
        .port(server.port())
        .security(Security::None)
        .sender("alice@example.com")
}

#[tokio::test]
async fn cram_md5_answers_the_challenge_and_shows_neither_password_nor_digest() {
    // The example of RFC 2195 section 2.
    let challenge = "334 PDE4OTYuNjk3MTcwOTUyQHBvc3RvZmZpY2UucmVzdG9uLm1jaS5uZXQ+\r\n";
    let answer = "dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw";
    let digest = "b913a602c7eda7a495b4e6e7334d3890";
    let echo = "535 5.7.8 not dGltIGI5MTNhNjAyYzdlZGE3YTQ5NWI0ZTZlNzMzNGQzODkw, \
                b913a602c7eda7a495b4e6e7334d3890, tanstaaftanstaaf\r\n";
    for refused in [false, true] {
        let mut scenario = Scenario::when(Stage::Auth, Act::Reply(challenge));
        if refused {
            scenario = scenario.and(Stage::AuthAnswer(1), Act::Reply(echo));
        }
        let server = server("AUTH CRAM-MD5", scenario).await;
        let account = account("work", &server).credentials("tim", Secret::new("tanstaaftanstaaf"));
        let setting = Setting::with([account.build().expect("right")]);
        let error = setting.send("work").await.err();
        assert_eq!(error.is_some(), refused, "{error:?}");
        assert_eq!(server.seen().answers, [answer]);
        let shown = setting.shown(error.as_ref());
        assert!(shown.contains("AUTH CRAM-MD5"), "{shown}");
        for secret in ["tanstaaftanstaaf", digest, &answer[8..40]] {
            assert!(!shown.contains(secret), "{secret} is in {shown}");
        }
    }
}

#[tokio::test]
async fn prompts_are_answered_in_order_whatever_they_say() {
    for (user, password) in
        [("334 VXNlcm5hbWU6\r\n", "334 UGFzc3dvcmQ6\r\n"), ("334 Username:\r\n", "334\r\n")]
    {
        let scenario = Scenario::when(Stage::Auth, Act::Reply(user))
            .and(Stage::AuthAnswer(1), Act::Reply(password));
        let server = server("AUTH LOGIN", scenario).await;
        let account = account("work", &server).credentials("user", Secret::new("s3cr3t"));
        let setting = Setting::with([account.build().expect("right")]);
        setting.send("work").await.expect("it is sent");
        assert_eq!(server.seen().answers, ["dXNlcg==", "czNjcjN0"]);
    }
}

#[tokio::test]
async fn a_server_without_a_scram_proof_is_not_trusted() {
    for (scenario, why) in [
        (Scenario::default(), "prove"),
        (Scenario::when(Stage::Auth, Act::Reply("334 cj14LHM9eCxpPTE=\r\n")), "another login"),
        (Scenario::when(Stage::Auth, Act::Reply("334 \r\n")), "prove"),
        (Scenario::when(Stage::Auth, Act::Reply("334 eA==\r\n")), "not a SCRAM challenge"),
    ] {
        let server = server("AUTH SCRAM-SHA-256 PLAIN", scenario).await;
        let account = account("work", &server).credentials("user", Secret::new("pencil"));
        let setting = Setting::with([account.build().expect("right")]);
        let error = setting.send("work").await.expect_err("it must not be believed");
        assert_eq!((error.code(), error.phase()), (FailureCode::Protocol, Phase::Auth), "{error}");
        assert!(error.to_string().contains(why), "{error}");
        let commands = server.seen().commands;
        assert!(commands[1].starts_with("AUTH SCRAM-SHA-256 "), "{commands:?}");
        assert!(!commands.iter().any(|line| line.starts_with("MAIL")), "{commands:?}");
    }
}

#[tokio::test]
async fn a_token_logs_in_and_a_refused_token_reports_the_servers_reason() {
    // {"status":"400","schemes":"Bearer"}
    const REFUSAL: &str = "334 eyJzdGF0dXMiOiI0MDAiLCJzY2hlbWVzIjoiQmVhcmVyIn0=\r\n";
    for (mechanism, auth, line, last) in [
        (
            "AUTH XOAUTH2",
            Auth::XOAuth2,
            "AUTH XOAUTH2 dXNlcj11c2VyAWF1dGg9QmVhcmVyIE1hcmszZC10MGszbgEB",
            "",
        ),
        ("AUTH OAUTHBEARER", Auth::OAuthBearer, "AUTH OAUTHBEARER bixhPXVzZXIsAWhvc3Q9", "AQ=="),
    ] {
        for auth in [auth, Auth::Auto] {
            let token = OAuth2::token(Secret::new("Mark3d-t0k3n"));
            let accepting = server(mechanism, Scenario::default()).await;
            let right = account("work", &accepting).oauth2("user", token.clone()).auth(auth);
            let setting = Setting::with([right.build().expect("right")]);
            setting.send("work").await.expect("the token is accepted");
            let commands = accepting.seen().commands;
            assert!(commands[1].starts_with(line), "{commands:?}");

            let scenario = Scenario::when(Stage::Auth, Act::Reply(REFUSAL)).and(
                Stage::AuthAnswer(1),
                Act::Reply("535 5.7.8 dXNlcj11c2VyAWF1dGg9QmVhcmVyIE1hcmszZC10MGszbgEB\r\n"),
            );
            let refusing = server(mechanism, scenario).await;
            let wrong = account("work", &refusing).oauth2("user", token).auth(auth);
            let setting = Setting::with([wrong.build().expect("right")]);
            let error = setting.send("work").await.expect_err("the token is refused");
            assert_eq!(
                (error.code(), error.retry()),
                (FailureCode::Auth, Retry::AfterConfigChange)
            );
            assert_eq!(error.reply().map(|reply| reply.code.get()), Some(535));
            assert!(error.to_string().contains("400"), "{error}");
            assert!(error.hint().is_some_and(|hint| hint.contains("token")), "{error:?}");
            assert_eq!(refusing.seen().answers, [last]);
            let shown = setting.shown(Some(&error));
            for form in ["Mark3d-t0k3n", "TWFyazNkLXQwazNu", "1hcmszZC10MGszb", "NYXJrM2QtdDBrM2"] {
                assert!(!shown.contains(form), "{form} is in {shown}");
            }
        }
    }
}

#[tokio::test]
async fn a_token_too_long_for_one_line_is_sent_after_the_servers_prompt() {
    let scenario = Scenario::when(Stage::Auth, Act::Reply("334 \r\n"));
    let server = server("AUTH XOAUTH2", scenario).await;
    // If the account chooses this login, the password is used as the token.
    let account = account("work", &server)
        .credentials("user", Secret::new("t".repeat(2000)))
        .auth(Auth::XOAuth2)
        .build();
    Setting::with([account.expect("right")]).send("work").await.expect("it is sent");
    let seen = server.seen();
    assert_eq!(seen.commands[1], "AUTH XOAUTH2");
    assert_eq!(seen.answers.len(), 1);
    assert!(seen.answers[0].len() > 2600);
}

/// A token endpoint with a fixed answer.
async fn endpoint(status: &str, body: &str) -> (HttpServer, TokenUrl) {
    let answer = format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    let endpoint = HttpServer::start(vec![Page::raw("/token?v=2", answer)]).await;
    let url = endpoint.url("/token?v=2").parse().expect("an address on this machine");
    (endpoint, url)
}

fn refreshing(url: TokenUrl) -> OAuth2 {
    OAuth2::refresh_token(url, "client&id", Secret::new("r3fresh/t0ken"))
        .client_secret(Secret::new("cl1ent s3cret"))
        .scope("https://mail.example.com/")
}

#[tokio::test]
async fn an_access_token_is_requested_once_and_cached() {
    let granted = r#"{"access_token":"Mark3d-t0k3n","token_type":"Bearer","expires_in":3600}"#;
    let (endpoint, url) = endpoint("200 OK", granted).await;
    let accepting = server("AUTH XOAUTH2", Scenario::default()).await;
    let refusal = Scenario::when(Stage::Auth, Act::Reply("535 5.7.8 no\r\n"));
    let refusing = server("AUTH XOAUTH2", refusal).await;
    let busy = Scenario::when(Stage::Auth, Act::Reply("454 4.7.0 later\r\n"));
    let busy = server("AUTH XOAUTH2", busy).await;
    let oauth2 = refreshing(url);
    let later = account("later", &busy).oauth2("user", oauth2.clone()).build().expect("right");
    let work = account("work", &accepting).oauth2("user", oauth2.clone()).build().expect("right");
    // A 504 does not say that the token is wrong.
    let ignorant = Scenario::when(Stage::Auth, Act::Reply("504 5.7.4 what\r\n"));
    let ignorant = server("AUTH XOAUTH2", ignorant).await;
    let ignored = account("ignored", &ignorant).oauth2("user", oauth2.clone()).build();
    let ignored = ignored.expect("right");
    let other = account("other", &refusing).oauth2("user", oauth2).build().expect("right");
    let setting = Setting::with([work, other, later, ignored]);
    for _ in 0..3 {
        setting.send("work").await.expect("the token is accepted");
        setting.send("ignored").await.expect_err("the server does not know the mechanism");
        let error = setting.send("later").await.expect_err("the server is busy");
        assert_eq!(error.retry(), Retry::Later);
    }
    let requests = endpoint.requests();
    assert_eq!(requests.len(), 1, "{requests:?}");
    assert!(requests[0].starts_with("POST /token?v=2 HTTP/1.1\r\n"), "{requests:?}");
    assert!(
        requests[0].ends_with(
            "\r\n\r\ngrant_type=refresh_token&refresh_token=r3fresh%2Ft0ken&client_id=client%26id\
             &client_secret=cl1ent+s3cret&scope=https%3A%2F%2Fmail.example.com%2F"
        ),
        "{requests:?}"
    );
    // A cached token may have been revoked: a new one is tried, once.
    let error = setting.send("other").await.expect_err("no token is accepted");
    assert_eq!(error.code(), FailureCode::Auth);
    assert_eq!(endpoint.requests().len(), 2);
    let logins = || refusing.seen().commands.iter().filter(|line| line.starts_with("AUTH")).count();
    assert_eq!(logins(), 2);
    // The new token was refused too, so it is not tried with the next message.
    setting.send("other").await.expect_err("no token is accepted");
    assert_eq!((logins(), endpoint.requests().len()), (3, 3));
}

#[tokio::test]
async fn a_token_that_is_about_to_expire_is_not_cached() {
    let granted =
        r#"{"access_token":"t","token_type":"bearer","expires_in":"30","refresh_token":"n3xt"}"#;
    let (endpoint, url) = endpoint("200 OK", granted).await;
    let server = server("AUTH OAUTHBEARER", Scenario::default()).await;
    let work = account("work", &server).oauth2("user", refreshing(url)).build().expect("right");
    let setting = Setting::with([work]);
    for _ in 0..2 {
        setting.send("work").await.expect("the token is accepted");
    }
    let requests = endpoint.requests();
    assert_eq!(requests.len(), 2);
    assert!(requests[1].contains("refresh_token=n3xt&"), "the one that came last: {requests:?}");
}

#[tokio::test]
async fn a_token_endpoint_without_a_valid_answer_fails_the_login() {
    for (status, body, retry) in [
        (
            "400 Bad Request",
            r#"{"error":"invalid_grant","error_description":"no r3fresh/t0ken, cl1ent s3cret\u001b[2J"}"#,
            Retry::AfterConfigChange,
        ),
        ("401 Unauthorized", r#"{"error":"invalid_client"}"#, Retry::AfterConfigChange),
        ("400 Bad Request", r#"{"error":"temporarily_unavailable"}"#, Retry::Later),
        ("400 Bad Request", r#"{"error":"interaction_required"}"#, Retry::AfterConfigChange),
        ("503 Service Unavailable", "busy", Retry::Later),
        ("302 Found", "", Retry::AfterConfigChange),
        ("200 OK", "<html>", Retry::Later),
        ("200 OK", r#"{"access_token":"a\u0001auth=x"}"#, Retry::Later),
        ("200 OK", r#"{"access_token":"a","token_type":"mac"}"#, Retry::Later),
    ] {
        let (endpoint, url) = endpoint(status, body).await;
        let server = server("AUTH XOAUTH2", Scenario::default()).await;
        let work = account("work", &server).oauth2("user", refreshing(url)).build();
        let setting = Setting::with([work.expect("right")]);
        let error = setting.send("work").await.expect_err(body);
        assert_eq!((error.code(), error.phase()), (FailureCode::Auth, Phase::Auth), "{error}");
        assert_eq!(error.retry(), retry, "{error}");
        assert!(error.hint().is_some(), "{error:?}");
        assert!(server.seen().commands.is_empty(), "the server was not asked");
        assert_eq!(endpoint.requests().len(), 1);
        let shown = setting.shown(Some(&error));
        for secret in ["r3fresh", "cl1ent s3cret", "\u{1b}", "v=2"] {
            assert!(!shown.contains(secret), "{secret} is in {shown}");
        }
    }
}

#[tokio::test]
async fn an_untrusted_or_private_token_endpoint_gets_no_secret() {
    let offers =
        Offers { implicit: Some(Authority::new().server("127.0.0.1")), ..Offers::default() };
    let stranger = FaultServer::start(Scenario::default().offering(offers)).await;
    let url = format!("https://127.0.0.1:{}/token", stranger.port());
    let server = server("AUTH XOAUTH2", Scenario::default()).await;
    let oauth2 = refreshing(url.parse().expect("an address"));
    let work = account("work", &server).oauth2("user", oauth2).build().expect("right");
    let error = Setting::with([work]).send("work").await.expect_err("it is not trusted");
    assert_eq!((error.code(), error.phase()), (FailureCode::Auth, Phase::Auth), "{error}");
    assert!(error.to_string().contains("its issuer is \"Authority of the tests\""), "{error}");
    assert!(error.hint().is_some_and(|hint| hint.contains("tls.ca is not")), "{error:?}");
    assert_eq!(error.retry(), Retry::AfterConfigChange);
    assert!(stranger.seen().commands.is_empty());

    let (endpoint, url) = endpoint("200 OK", r#"{"access_token":"t"}"#).await;
    let work = account("work", &server).oauth2("user", refreshing(url)).build().expect("right");
    let error = SmtpTransport::new().test(work.server()).await.expect_err("it is not public");
    assert_eq!((error.code, error.phase), (FailureCode::Policy, Phase::Auth), "{error}");
    assert!(endpoint.requests().is_empty() && server.seen().commands.is_empty());
}

#[cfg(unix)]
#[tokio::test]
async fn a_secret_that_a_mechanism_would_truncate_is_never_sent() {
    let prints = |text: &str| SecretSource::Command(["printf", text].map(str::to_owned).to_vec());
    for (mechanism, auth, text) in [
        ("AUTH PLAIN", Auth::Auto, r"s3c\000r3t"),
        ("AUTH LOGIN", Auth::Login, r"s3c\000r3t"),
        ("AUTH CRAM-MD5", Auth::CramMd5, r"s3c\000r3t"),
        ("AUTH SCRAM-SHA-256", Auth::ScramSha256, r"s3c\000r3t"),
        ("AUTH PLAIN", Auth::Plain, r"s3c\rr3t"),
        ("AUTH XOAUTH2", Auth::XOAuth2, r"s3c\001auth=Bearer r3t"),
        ("AUTH OAUTHBEARER", Auth::OAuthBearer, "s3c r3t"),
    ] {
        let server = server(mechanism, Scenario::default()).await;
        let one = account("work", &server).credentials("user", prints(text)).auth(auth);
        let setting = Setting::with([one.build().expect("right")]);
        let error = setting.send("work").await.expect_err("it cannot be sent");
        assert_eq!(error.code(), FailureCode::Account, "{mechanism}: {error}");
        assert!(error.hint().is_some(), "{error:?}");
        let shown = setting.shown(Some(&error));
        assert!(!shown.contains("s3c") && !shown.contains("r3t"), "{shown}");
        assert_eq!(server.seen().connections, 0, "{mechanism}");
    }
}

#[cfg(unix)]
#[tokio::test]
async fn a_secret_that_takes_too_long_fails_the_login() {
    let server = server("AUTH XOAUTH2 PLAIN", Scenario::default()).await;
    let (endpoint, url) = endpoint("200 OK", "{}").await;
    let slow = || SecretSource::Command(["sleep", "60"].map(str::to_owned).to_vec());
    let timeouts = Timeouts::default().total(Duration::from_millis(200));
    for one in [
        account("work", &server).credentials("user", slow()),
        account("work", &server).oauth2("user", OAuth2::token(slow())),
        account("work", &server).oauth2("user", OAuth2::client_credentials(url, "client", slow())),
    ] {
        let one = Arc::new(one.timeouts(timeouts).build().expect("right"));
        let transport = SmtpTransport::new().danger_allow_private_hosts();
        let tested =
            tokio::time::timeout(Duration::from_secs(20), transport.test(one.server())).await;
        let error = tested.expect("it ends").expect_err("there is no secret");
        assert_eq!(error.retry, Retry::Later, "{error}");
        assert!(error.to_string().contains("not available within "), "{error}");
    }
    assert_eq!((server.seen().connections, endpoint.requests().len()), (0, 0));
}

#[tokio::test]
async fn a_token_and_a_clients_secret_are_read_from_files_of_any_system() {
    let granted = r#"{"access_token":"Mark3d-t0k3n","token_type":"Bearer","expires_in":3600}"#;
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        write_private(&path, text);
        SecretSource::File(path)
    };
    let (endpoint, url) = endpoint("200 OK", granted).await;
    let server = server("AUTH XOAUTH2", Scenario::default()).await;
    for (name, oauth2) in [
        ("given", OAuth2::token(file("token", "\u{feff}Mark3d-t0k3n\r\n"))),
        (
            "asked",
            OAuth2::client_credentials(
                url,
                "id",
                file("secret", "\u{feff}cl1ent-s3cret\r\nold\r\n"),
            ),
        ),
    ] {
        let account = account(name, &server).oauth2("user", oauth2);
        Setting::with([account.build().expect("right")]).send(name).await.expect("it is sent");
    }
    let lines = server.seen().commands;
    let logins: Vec<_> = lines.iter().filter(|line| line.starts_with("AUTH")).collect();
    assert_eq!(logins, ["AUTH XOAUTH2 dXNlcj11c2VyAWF1dGg9QmVhcmVyIE1hcmszZC10MGszbgEB"; 2]);
    let asked = endpoint.requests().concat();
    assert!(
        asked.contains("client_secret=cl1ent-s3cret&")
            || asked.ends_with("client_secret=cl1ent-s3cret"),
        "{asked}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_logs_in_with_a_token_from_an_endpoint() {
    let granted = r#"{"access_token":"Mark3d-t0k3n","token_type":"Bearer","expires_in":3600}"#;
    let (endpoint, url) = endpoint("200 OK", granted).await;
    let server = server("AUTH XOAUTH2", Scenario::default()).await;
    let line = CommandLine::new();
    let settings = format!(
        "[accounts.work]\nhost = \"127.0.0.1\"\nport = {}\nsecurity = \"none\"\nusername = \"user\"\n\
         from = \"alice@example.com\"\n[accounts.work.oauth2]\ngrant = \"client-credentials\"\n\
         tokenUrl = \"{url}\"\nclientId = \"id\"\nclientSecret = {{ env = \"CLIENT\" }}\n",
        server.port()
    );
    line.write_accounts(&settings);
    let secret = [("CLIENT", "cl1ent-s3cret")];
    let ran = line.run_with(&["accounts", "test", "work", "-v"], "", &secret).expect(0);
    assert!(ran.err.contains("AUTH XOAUTH2 ..."), "{ran:?}");
    for text in [&ran.out, &ran.err, &line.run(&["accounts", "show", "work", "--json"]).out] {
        assert!(!text.contains("cl1ent-s3cret") && !text.contains("Mark3d"), "{text}");
    }
    assert!(endpoint.requests()[0].contains("grant_type=client_credentials&client_id=id&"));
    let error =
        line.run(&["send", "--to", "b@example.net", "--text", "x", "--json"]).expect(78).json();
    assert!(error["error"]["message"].as_str().is_some_and(|text| text.contains("CLIENT")));
}
