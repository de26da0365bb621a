//! Signals during a send.

use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::stopping::has_reached;
use crate::support::{Act, CommandLine, FaultServer, Ran, Scenario, Stage};

/// A timeout for steps that must not take long.
const LONG: Duration = Duration::from_secs(20);

/// Resets SIGINT to its default in the child. If these tests run in the background of a shell, SIGINT is ignored, and
/// children inherit that.
fn taking_signals(command: Command) -> Command {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let ignored = ignored.and_then(|set| u64::from_str_radix(set.trim(), 16).ok()).unwrap_or(0);
    // Signal n is bit n - 1, and SIGINT is signal 2.
    if ignored & 0b10 == 0 {
        return command;
    }
    let mut taking = Command::new("env");
    taking.arg("--default-signal=INT").arg(command.get_program()).args(command.get_args());
    let set = command.get_envs().filter_map(|(name, value)| Some((name, value?)));
    taking.env_clear().envs(set).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    taking.current_dir(command.get_current_dir().expect("it runs in its home"));
    taking
}

/// Sends a signal to the command once the server has reached a stage, and waits for the end.
async fn interrupt(
    mut command: Command,
    server: &FaultServer,
    stage: Stage,
    signal: Signal,
) -> Ran {
    let child = command.spawn().expect("the command starts");
    let waiting = async {
        while !has_reached(&server.seen(), stage) {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(LONG, waiting).await.expect("the server sees it");
    // Gives the client time to complete its last step.
    tokio::time::sleep(Duration::from_millis(200)).await;
    kill(&child, signal);
    let ended = tokio::task::spawn_blocking(|| child.wait_with_output());
    let ended = tokio::time::timeout(LONG, ended).await.expect("it ends at once");
    Ran::of(&ended.expect("no panic").expect("the command ends"))
}

fn kill(child: &Child, signal: Signal) {
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw).expect("it has a number");
    kill_process(pid, signal).expect("it still runs");
}

async fn hanging_at(stage: Stage) -> FaultServer {
    let mut scenario = Scenario::when(stage, Act::Hang);
    // Without PIPELINING, so that commands come one by one.
    scenario.offers.extensions = Some(vec!["SIZE 35882577", "8BITMIME"]);
    FaultServer::start(scenario).await
}

#[tokio::test(flavor = "multi_thread")]
async fn before_the_end_of_the_message_a_signal_reports_no_delivery() {
    let large = "a line of text that is sent\n".repeat(400_000);
    for stage in
        [Stage::Greeting, Stage::Ehlo, Stage::Mail, Stage::Rcpt(1), Stage::Data, Stage::Body]
    {
        for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143)] {
            let server = hanging_at(stage).await;
            let line = CommandLine::with_server(server.port());
            std::fs::write(line.home().join("large.txt"), &large).expect("a file can be written");
            let words = [
                "send",
                "--to",
                "b@example.net",
                "--subject",
                "x",
                "--attach",
                "large.txt",
                "--json",
            ];
            let ran = interrupt(taking_signals(line.command(&words)), &server, stage, signal)
                .await
                .expect(code);
            assert!(ran.err.contains("it was not delivered"), "{stage:?}: {}", ran.err);
            let error = &ran.json()["error"];
            assert_eq!(error["code"], "cancelled", "{stage:?}: {error}");
            assert_eq!(error["delivered"], "no", "{stage:?}: {error}");
            assert_eq!(server.seen().complete, 0, "{stage:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_the_end_of_the_message_a_signal_reports_an_unknown_delivery() {
    for signal in [Signal::INT, Signal::TERM] {
        for json in [false, true] {
            let server = hanging_at(Stage::Dot).await;
            let line = CommandLine::with_server(server.port());
            let mut words = vec!["send", "--to", "b@example.net", "--subject", "x", "--text", "y"];
            words.extend(json.then_some("--json"));
            let ran = interrupt(taking_signals(line.command(&words)), &server, Stage::Dot, signal)
                .await
                .expect(73);
            let message = String::from_utf8_lossy(&server.seen().messages[0]).into_owned();
            let id = message.split("Message-ID: ").nth(1).and_then(|rest| rest.lines().next());
            let id = id.expect("a message has an id");
            assert!(
                ran.err.contains("it is unknown whether") && ran.err.contains(id),
                "{}",
                ran.err
            );
            if json {
                let error = &ran.json()["error"];
                assert_eq!(error["delivered"], "unknown", "{error}");
                assert_eq!((&error["retry"], &error["messageId"]), (&"never".into(), &id.into()));
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signal_that_the_parent_ignores_stays_ignored() {
    let server =
        FaultServer::start(Scenario::when(Stage::Dot, Act::Pause(Duration::from_secs(1)))).await;
    let line = CommandLine::with_server(server.port());
    let words = ["send", "--to", "b@example.net", "--subject", "x", "--text", "y"];
    let command = line.command(&words);
    let mut ignoring = Command::new("sh");
    ignoring.arg("-c").arg("trap '' INT; exec \"$0\" \"$@\"").arg(command.get_program());
    ignoring.args(words).env("SMTP_CONNECTOR_HOME", line.home());
    ignoring.stdin(Stdio::null());
    ignoring.stdout(Stdio::piped()).stderr(Stdio::piped());
    let ran = interrupt(ignoring, &server, Stage::Dot, Signal::INT).await;
    // The command can detect an ignored signal only on Linux.
    assert!(!cfg!(target_os = "linux") || ran.code == 0, "{ran:#?}");
}
