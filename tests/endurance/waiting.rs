//! A slow server, and the cost of runs that wait for it.

use std::time::{Duration, Instant};

use smtp_connector_host::accounts::{AccountLimits, AccountsInMemory, Security};
use smtp_connector_host::smtp::SmtpTransport;
use smtp_connector_host::{Account, Connector, Host, Invocation};
use smtp_connector_inbox::Inbox;
use tokio::net::TcpListener;

use crate::{CACHE, alone};

/// The number of runs that wait.
const WAITING: usize = 1000;
/// The memory in bytes that the process may use meanwhile, in a build without optimisation.
const MEMORY: usize = 450 << 20;
/// The number of mails of the other account.
const MAILS: usize = 200;

/// An environment variable that is set in the process that measures this.
const MEASURES: &str = "SMTP_CONNECTOR_TEST_MEASURES_WAITING";

/// The measurement needs a separate process: compiling components leaves hundreds of megabytes of free memory in this
/// one.
#[tokio::test]
async fn a_thousand_runs_wait_for_a_slow_server_and_another_account_sends() {
    let _alone = alone().await;
    let host = Host::builder().cache_directory(CACHE).build().expect("the sandbox runs");
    Connector::builtin(&host).expect("it is compiled for the process that measures");
    let program = std::env::current_exe().expect("this is a program");
    let measured = std::process::Command::new(program)
        .args(["--exact", "waiting::measured_in_a_separate_process", "--ignored", "--nocapture"])
        .env(MEASURES, "1")
        .output()
        .expect("it runs once more");
    let said = String::from_utf8_lossy(&measured.stdout);
    println!("{}", said.lines().find(|line| line.contains("runs wait")).unwrap_or_default());
    assert!(measured.status.success(), "{said}{}", String::from_utf8_lossy(&measured.stderr));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "the test above runs it in a process of its own"]
async fn measured_in_a_separate_process() {
    if std::env::var_os(MEASURES).is_none() {
        return;
    }
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let fast = Inbox::builder().start("127.0.0.1:0").await.expect("a port is free");
    let slow_port = silent.local_addr().expect("it is bound").port();
    let accounts = [account("slow", slow_port), account("fast", fast.address().port())];
    let host = Host::builder()
        .accounts(AccountsInMemory::from_iter(accounts))
        .transport(SmtpTransport::new().danger_allow_private_hosts())
        .cache_directory(CACHE)
        .build()
        .expect("the sandbox runs on this machine");
    let connector = Connector::builtin(&host).expect("the built-in component is one");

    pace(&connector, &fast).await;
    let before = pace(&connector, &fast).await;
    let slow: Vec<_> = (0..WAITING)
        .map(|_| {
            let connector = connector.clone();
            tokio::spawn(async move { connector.invoke(mail("slow")).await })
        })
        .collect();
    // The server accepts connections, but never answers.
    let mut accepted = Vec::new();
    while let Ok(Ok(one)) = tokio::time::timeout(Duration::from_millis(500), silent.accept()).await
    {
        accepted.push(one);
    }
    let beside = pace(&connector, &fast).await;
    let bytes = proportional();
    assert!(slow.iter().all(|run| !run.is_finished()), "a run ended without an answer");
    slow.iter().for_each(tokio::task::JoinHandle::abort);

    println!(
        "{WAITING} runs wait, on {} connections: {} MB of memory; a mail of another account took {before:?}, and takes {beside:?}",
        accepted.len(),
        bytes >> 20,
    );
    assert!(bytes < MEMORY, "{} MB", bytes >> 20);
}

fn account(name: &str, port: u16) -> Account {
    let limits = AccountLimits::default().connections(100);
    Account::builder(name, "127.0.0.1")
        .port(port)
        .security(Security::None)
        .sender("Alice <alice@example.com>")
        .limits(limits)
        .build()
        .expect("the account's settings are right")
}

fn mail(account: &str) -> Invocation {
    let text = "All work and no play. ".repeat(90);
    let input = serde_json::json!({ "to": "bob@example.net", "subject": "Hi", "text": text });
    Invocation::send_mail(input.to_string()).account(account)
}

/// Returns this process's memory in bytes. The pages of the component's image are shared by all runs and counted once
/// here; the kernel's resident set would count them for each run that read them.
fn proportional() -> usize {
    let rollup = std::fs::read_to_string("/proc/self/smaps_rollup").expect("this is Linux");
    let line = rollup.lines().find_map(|line| line.strip_prefix("Pss:")).expect("it has a sum");
    let kilobytes: usize = line.trim().trim_end_matches(" kB").parse().expect("it is a number");
    kilobytes << 10
}

/// Returns the median time of several mails.
async fn pace(connector: &Connector, inbox: &Inbox) -> Duration {
    let mut took = Vec::with_capacity(MAILS);
    for _ in 0..MAILS {
        let started = Instant::now();
        connector.invoke(mail("fast")).await.expect("it is sent");
        took.push(started.elapsed());
        inbox.next().await;
    }
    took.sort_unstable();
    took[MAILS / 2]
}
