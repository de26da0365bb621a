//! Accounts that do not work, and accounts that share a worker.

use std::time::{Duration, Instant};

use smtp_connector_host::accounts::{AccountLimits, AccountsFile, WarmUp};
use smtp_connector_host::{Account, Secret};
use smtp_connector_outbox::{EventKind, RunState};

use super::{Queue, mail, options};
use crate::support::{Act, FaultServer, Scenario, Stage, until, write_private};

#[tokio::test]
async fn a_login_that_fails_pauses_the_account_once() {
    let server =
        FaultServer::start(Scenario::when(Stage::Auth, Act::Reply("535 5.7.8 no\r\n"))).await;
    let queue = Queue::new().await;
    let mut ids = Vec::new();
    for _ in 0..20 {
        ids.push(queue.enqueue(&["bob@example.net"]).await);
    }
    let account = server.account().credentials("alice", Secret::new("wrong"));
    let account = account.build().expect("an account");
    let worker = queue.work([account]);
    let paused = paused(&queue).await;
    assert_eq!((paused.account.as_str(), paused.code.as_str()), ("work", "auth"));
    assert!(!paused.reason.contains("wrong"));
    tokio::time::sleep(Duration::from_millis(500)).await;
    worker.stop().await;
    assert!(server.seen().connections <= 4, "only the runs that were under way tried it");
    for id in &ids {
        assert_eq!(queue.status(id).await.state, RunState::Ready);
    }
    let kinds = queue.kinds().await;
    assert_eq!(kinds.iter().filter(|kind| **kind == EventKind::AccountPaused).count(), 1);
}

#[tokio::test]
async fn an_account_that_was_removed_pauses_and_is_resumed() {
    let server = FaultServer::start(Scenario::default()).await;
    let queue = Queue::new().await;
    let id = queue.enqueue(&["bob@example.net"]).await;
    let worker = queue.work([]);
    let paused = paused(&queue).await;
    assert_eq!(
        (paused.code.as_str(), paused.reason.as_str()),
        ("account", "there is no account \"work\"")
    );
    worker.stop().await;
    assert_eq!(queue.status(&id).await.state, RunState::Ready);
    assert!(queue.outbox.resume("work").await.expect("it is written"));
    let worker = queue.work([server.account().build().expect("an account")]);
    queue.reaches(&id, RunState::Sent).await;
    worker.stop().await;
}

#[tokio::test]
async fn a_quota_holds_the_account_and_not_each_mail() {
    let quota = Act::Reply("550 5.4.5 Daily user sending limit exceeded\r\n");
    let server = FaultServer::start(Scenario::when(Stage::Mail, quota)).await;
    let queue = Queue::new().await;
    for _ in 0..10 {
        queue.enqueue(&["bob@example.net"]).await;
    }
    let account = server.account().limits(AccountLimits::default().connections(1));
    let worker = queue.work([account.build().expect("an account")]);
    let paused = paused(&queue).await;
    let wait = paused.until.since(smtp_connector_outbox::Timestamp::now());
    assert!(wait > Duration::from_secs(3000), "a daily limit is tried each hour: {wait:?}");
    tokio::time::sleep(Duration::from_millis(300)).await;
    worker.stop().await;
    let commands = server.seen().commands;
    assert_eq!(commands.iter().filter(|line| line.starts_with("MAIL")).count(), 1);
    let counts = queue.outbox.counts().await.expect("it counts");
    assert_eq!(counts.of(RunState::Ready), 10);
}

#[tokio::test]
async fn a_server_that_is_away_is_tried_again_by_one_mail() {
    let server =
        FaultServer::start(Scenario::when(Stage::Greeting, Act::Reply("421 busy\r\n"))).await;
    let queue = Queue::new().await;
    let id = queue.enqueue(&["bob@example.net"]).await;
    let worker = queue.work([server.account().build().expect("an account")]);
    assert_eq!(paused(&queue).await.account, "work");
    let run = queue.reaches(&id, RunState::Ready).await;
    assert_eq!(run.result.expect("the last error")["error"]["retry"], "later");
    worker.stop().await;
}

#[tokio::test]
async fn a_long_backlog_of_one_account_does_not_delay_another() {
    let slow = FaultServer::start(Scenario::when(Stage::Dot, Act::Hang)).await;
    let fast = FaultServer::start(Scenario::default()).await;
    let queue = Queue::new().await;
    for _ in 0..40 {
        queue.enqueue(&["bob@example.net"]).await;
    }
    let named = |name: &str, server: &FaultServer| {
        Account::builder(name, "127.0.0.1")
            .port(server.port())
            .security(smtp_connector_host::accounts::Security::None)
            .sender("alice@example.com")
            .limits(AccountLimits::default().connections(100))
            .build()
            .expect("an account")
    };
    let accounts = [named("work", &slow), named("other", &fast)];
    let drain = options().concurrency(8).drain(Duration::from_millis(100));
    let worker = queue.work_with(accounts, drain);
    until(|| slow.seen().open >= 8).await;
    let begun = Instant::now();
    let id = queue.request(mail(&["bob@example.net"]).account("other")).await;
    queue.reaches(&id, RunState::Sent).await;
    assert!(begun.elapsed() < Duration::from_secs(10), "the slow server hangs for a minute");
    assert!(slow.seen().most_open <= 8, "one account has at most its part");
    worker.stop().await;
}

async fn paused(queue: &Queue) -> smtp_connector_outbox::PausedAccount {
    let found = tokio::time::timeout(super::PATIENCE, async {
        loop {
            let paused = queue.outbox.paused_accounts().await.expect("it is read");
            if let Some(one) = paused.into_iter().next() {
                return one;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    found.await.expect("the account is paused in time")
}

#[tokio::test]
async fn limits_hold_over_all_workers() {
    let server =
        FaultServer::start(Scenario::when(Stage::Dot, Act::Pause(Duration::from_millis(200))))
            .await;
    let queue = Queue::new().await;
    for _ in 0..10 {
        queue.enqueue(&["bob@example.net"]).await;
    }
    let warm_up = vec![WarmUp::new(7, 4)];
    let limits = AccountLimits::default().connections(2).messages_per_day(1000).warm_up(warm_up);
    let account = || server.account().limits(limits.clone()).build().expect("an account");
    let workers = [queue.work([account()]), queue.work([account()])];
    let sent = async {
        loop {
            let counts = queue.outbox.counts().await.expect("it counts");
            assert!(counts.of(RunState::Leased) + counts.of(RunState::Sending) <= 2, "{counts:?}");
            if counts.of(RunState::Sent) == 4 {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(super::PATIENCE, sent).await.expect("four are sent");
    tokio::time::sleep(Duration::from_millis(500)).await;
    for worker in workers {
        worker.stop().await;
    }
    assert_eq!(server.seen().complete, 4, "the first day of the warm-up");
}

#[test]
fn a_warm_up_is_read_from_the_accounts_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("accounts.toml");
    let read = |limits: &str| {
        let account = "[accounts.work]\nhost = \"mail.example.com\"\n";
        write_private(&path, format!("{account}{limits}"));
        AccountsFile::new(&path).get("work")
    };
    let steps = "[[accounts.work.limits.warmUp]]\ndays = 7\nmessagesPerDay = 50\n\
                 [[accounts.work.limits.warmUp]]\ndays = 14\nmessagesPerDay = 500\n";
    let account = read(steps).expect("it is right");
    assert_eq!(account.limits().warm_up, [WarmUp::new(7, 50), WarmUp::new(14, 500)]);
    let inline = "[accounts.work.limits]\nwarmUp = [{ days = 7, messagesPerDay = 50 }]\n";
    let account = read(inline).expect("it is right");
    assert_eq!(account.limits().warm_up, [WarmUp::new(7, 50)]);
    for (wrong, message) in [
        (
            "[accounts.work.limits]\nwarmUp = 7\n",
            "must be an array of tables with days, messagesPerDay",
        ),
        ("[[accounts.work.limits.warmUp]]\ndays = 7\n", "missing: a number from 1 to"),
        ("[[accounts.work.limits.warmUp]]\ndays = 0\nmessagesPerDay = 5\n", "from 1 to 1000"),
        ("[[accounts.work.limits.warmUp]]\nday = 7\n", "there is no such key"),
    ] {
        let error = read(wrong).expect_err("it is wrong").to_string();
        assert!(error.contains(message) && error.contains("limits.warmUp"), "{error}");
    }
}
