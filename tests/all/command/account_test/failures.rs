//! The failures of `accounts test`: each has its sentence, its step and one command.

use smtp_connector_inbox::Inbox;

use super::{AGAIN, LOGIN, PASSWORD, TEST, line, steps, suggested, test};
use crate::support::{
    Act, Authority, FaultServer, HttpServer, Offers, Page, Scenario, Stage, write_private,
};

const EDIT: &str = "${EDITOR:-vi} {home}/accounts.toml";
const CHANGE: &str = "smtp-connector accounts edit work";
const FAST: &str = "timeouts = { greeting = 1, command = 1 }";

fn replying(stage: Stage, text: &'static str) -> Scenario {
    Scenario::when(stage, Act::Reply(text))
}

fn offering(extensions: &[&'static str]) -> Scenario {
    let extensions = Some(extensions.to_vec());
    Scenario::default().offering(Offers { extensions, ..Offers::default() })
}

/// A server that speaks TLS from the start, with a certificate that is not trusted.
fn speaking_tls() -> Scenario {
    let implicit = Some(Authority::new().server("127.0.0.1"));
    Scenario::default().offering(Offers { implicit, ..Offers::default() })
}

/// Tests an account at a server. Checks the exit code, the error's sentence, the failed step and the suggested command.
/// `{home}` stands for the command's home.
async fn fails(scenario: Scenario, more: &str, expected: (i32, &str, &str, &str)) {
    let (exit, says, step, run) = expected;
    let server = FaultServer::start(scenario).await;
    let line = line(server.port(), more);
    let ran = test(&line).expect(exit);
    assert!(ran.err.contains(says), "{says}: {ran:#?}");
    assert_eq!(steps(&ran).pop(), Some(format!("failed {step}")), "{ran:#?}");
    let run = run.replace("{home}", &line.home().display().to_string());
    assert_eq!(suggested(&ran), run, "{ran:#?}");
    assert!(!ran.out.contains(PASSWORD.1) && !ran.err.contains(PASSWORD.1), "{ran:#?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn each_refusal_before_the_login_has_its_sentence_and_one_command() {
    let greeting = "waiting for the greeting";
    for (text, exit, run) in [
        ("554 5.7.1 no\r\n", 69, EDIT),
        ("421 4.3.2 busy\r\n", 75, AGAIN),
        ("SSH-2.0-OpenSSH_9.9\r\n", 69, AGAIN),
    ] {
        fails(replying(Stage::Greeting, text), "", (exit, text.trim_end(), greeting, run)).await;
    }
    let late = "did not answer at its greeting within 1 s";
    fails(Scenario::when(Stage::Greeting, Act::Hang), FAST, (69, late, greeting, AGAIN)).await;
    let lost = "closed the connection at its greeting";
    fails(Scenario::when(Stage::Greeting, Act::Drop), "", (69, lost, greeting, AGAIN)).await;
    let ehlo = "asking for the server's extensions";
    let refusing = replying(Stage::Ehlo, "502 5.5.1 no\r\n")
        .and(Stage::Helo, Act::Reply("550 5.7.1 go away\r\n"));
    fails(refusing, "", (69, "550 5.7.1 go away", ehlo, EDIT)).await;
    let late = "did not answer at EHLO within 1 s";
    fails(Scenario::when(Stage::Ehlo, Act::Hang), FAST, (69, late, ehlo, AGAIN)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_failure_of_encryption_has_its_sentence_and_one_command() {
    let (tls, starttls) = ("security = \"tls\"", "security = \"starttls\"");
    let said = "speaks TLS from the start";
    let run = format!("{CHANGE} --security tls");
    fails(speaking_tls(), "", (78, said, "waiting for the greeting", &run)).await;
    let said = "no trusted authority has signed it";
    fails(speaking_tls(), tls, (78, said, "encrypting", EDIT)).await;
    let run = format!("{CHANGE} --security starttls");
    let said = "it does not speak TLS here";
    fails(Scenario::default(), tls, (78, said, "encrypting", &run)).await;
    let run = format!("{CHANGE} --port 465 --security tls");
    let said = "does not offer STARTTLS";
    fails(Scenario::default(), starttls, (78, said, "encrypting", &run)).await;
    let missing = format!("{starttls}\ntls = {{ ca = \"missing.pem\" }}");
    fails(Scenario::default(), &missing, (78, "missing.pem", "encrypting", EDIT)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_failure_of_the_login_has_its_sentence_and_one_command() {
    let wrong = || replying(Stage::Auth, "535 5.7.8 wrong\r\n");
    let step = "logging in";
    let run = "read -rs PASSWORD && export PASSWORD";
    fails(wrong(), LOGIN, (77, "535 5.7.8 wrong", step, run)).await;
    let stored =
        "username = \"user\"\npassword = \"s3cr3t-pass\"\nfrom = \"It's me <a@example.com>\"";
    let run = format!("{CHANGE} --password-prompt");
    fails(wrong(), stored, (77, "535 5.7.8 wrong", step, &run)).await;
    let printed = "username = \"user\"\npassword = { command = [\"echo\", \"s3cr3t-pass\"] }";
    fails(wrong(), printed, (77, "535 5.7.8 wrong", step, EDIT)).await;
    let later = replying(Stage::Auth, "454 4.7.0 later\r\n");
    fails(later, LOGIN, (75, "454 4.7.0 later", step, AGAIN)).await;
    let run = format!("{CHANGE} --port 587 --security starttls");
    fails(offering(&["SIZE 1000"]), LOGIN, (77, "does not offer login", step, &run)).await;
    let clear = replying(Stage::Auth, "538 5.7.11 Encryption required for this mechanism\r\n");
    fails(clear, LOGIN, (77, "538 5.7.11", step, &run)).await;
    let plain = format!("{LOGIN}auth = \"plain\"");
    let run = format!("{CHANGE} --auth auto");
    let said = "offers login by CRAM-MD5, but not by PLAIN";
    fails(offering(&["AUTH CRAM-MD5"]), &plain, (77, said, step, &run)).await;
    let unknown = replying(Stage::Auth, "504 5.5.4 Unrecognized authentication type\r\n");
    fails(unknown, &plain, (77, "504 5.5.4", step, &run)).await;
}

#[test]
fn a_failure_before_the_connection_has_its_sentence_and_one_command() {
    let nowhere = line(587, "host = \"nowhere.invalid\"\nsecurity = \"starttls\"");
    let ran = test(&nowhere).expect(69);
    assert!(ran.err.contains("could not resolve the name nowhere.invalid"), "{ran:#?}");
    assert_eq!(steps(&ran), ["failed resolving nowhere.invalid"]);
    assert_eq!(suggested(&ran), format!("{CHANGE} --host HOST"));

    let unset = line(587, LOGIN);
    let ran = unset.run(&TEST).expect(78);
    assert!(ran.err.contains("PASSWORD is not set"), "{ran:#?}");
    assert_eq!(steps(&ran), ["failed reading the secret"]);
    assert_eq!(suggested(&ran), "read -rs PASSWORD && export PASSWORD");

    let file = line(587, "username = \"user\"\npassword = { file = \"my password\" }");
    let path = file.home().join("my password");
    let ran = file.run(&TEST).expect(78);
    assert!(ran.err.contains("it does not exist"), "{ran:#?}");
    assert_eq!(suggested(&ran), format!("${{EDITOR:-vi}} '{}'", path.display()));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        write_private(&path, PASSWORD.1);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).expect("ours");
        let ran = file.run(&TEST).expect(78);
        assert!(
            suggested(&ran).starts_with("chmod ") && !suggested(&ran).contains(';'),
            "{ran:#?}"
        );
    }
}

#[test]
fn a_port_that_does_not_answer_suggests_the_other_port() {
    // On Linux, every address in 127.0.0.0/8 is this machine's, and a server on all addresses is unlikely here.
    if !cfg!(target_os = "linux") {
        return;
    }
    let refused = |port, security: &str| {
        let more = format!("host = \"127.9.8.7\"\nsecurity = \"{security}\"");
        let ran = test(&line(port, &more)).expect(69);
        assert!(ran.err.contains("could not connect to 127.9.8.7"), "{ran:#?}");
        assert_eq!(
            steps(&ran).pop(),
            Some(format!("failed connecting to 127.9.8.7 at port {port}"))
        );
        suggested(&ran).to_owned()
    };
    assert_eq!(refused(587, "starttls"), format!("{CHANGE} --port 465 --security tls"));
    assert_eq!(refused(465, "tls"), format!("{CHANGE} --port 587 --security starttls"));
    assert_eq!(refused(9, "none"), AGAIN);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_suggested_command_mends_the_account() {
    let server = FaultServer::start(Scenario::default()).await;
    let line = line(
        server.port(),
        "username = \"user\"\npassword = { env = \"PASSWORD\" }\nauth = \"cram-md5\"",
    );
    let command = suggested(&test(&line).expect(77)).to_owned();
    let words: Vec<_> = command.split(' ').collect();
    assert_eq!(words[0], "smtp-connector");
    line.run(&words[1..]).expect(0);
    test(&line).expect(0);
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_mended_at_the_terminal() {
    use crate::support::answer_on_terminal;
    let inbox = Inbox::builder().login("user", PASSWORD.1).start("127.0.0.1:0").await;
    let inbox = inbox.expect("a free port");
    let line = line(inbox.address().port(), "username = \"user\"\npassword = \"wrong\"");
    let command = suggested(&test(&line).expect(77)).to_owned();
    let words: Vec<_> = command.split(' ').skip(1).collect();
    let typed = format!("{}\r", PASSWORD.1);
    let ran = answer_on_terminal(line.command(&words), &[("Password", &typed)]).expect(0);
    assert!(!ran.out.contains(PASSWORD.1), "{ran:#?}");
    test(&line).expect(0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_revoked_consent_suggests_to_ask_for_it_again() {
    let refusal = "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nContent-Length: 25\r\n\r\n\
                   {\"error\":\"invalid_grant\"}";
    let endpoint = HttpServer::start(vec![Page::raw("/token", refusal)]).await;
    let oauth2 = format!(
        "username = \"user\"\n[accounts.work.oauth2]\ngrant = \"refresh-token\"\ntokenUrl = \"{}\"\n\
         clientId = \"id\"\nrefreshToken = {{ env = \"PASSWORD\" }}\n",
        endpoint.url("/token")
    );
    let ran = test(&line(587, &oauth2)).expect(77);
    assert!(ran.err.contains("invalid_grant"), "{ran:#?}");
    assert_eq!(steps(&ran), ["failed reading the secret"]);
    assert_eq!(suggested(&ran), "smtp-connector accounts authorize work");
    assert!(!ran.out.contains(PASSWORD.1) && !ran.err.contains(PASSWORD.1), "{ran:#?}");
}
