//! Components that continue after a failed write.

use std::time::Duration;

use serde_json::json;
use smtp_connector_host::accounts::{Policy, Security, Timeouts};
use smtp_connector_host::{Account, Invocation};

use super::guest::{ANSWER, Guest};
use super::sending::MESSAGE;
use crate::support::{Act, FaultServer, Scenario, Stage, host_builder};

/// A component that begins a message and writes more than the connection can buffer while the server does not read.
/// Then it writes commands as if no write had failed.
fn ignoring_failures() -> Guest {
    /// The size of a chunk in bytes. Eight chunks overflow the buffers of both sides.
    const CHUNK: usize = 4 << 20;
    let mut guest = Guest::invoking("")
        .memory("80")
        .import(
            "transport",
            "begin",
            "$begin (param i32 i32 i32 i32 i32 i32 i32 i64 i32 i32 i32 i32 i32 i32 i32 i32)",
        )
        .import("transport", "[method]outgoing.write", "$write (param i32 i32 i32 i32)")
        .import("transport", "[static]outgoing.finish", "$finish (param i32 i32)");
    let (sender, sender_length) = guest.bytes("alice@example.com");
    let (bob, bob_length) = guest.bytes("bob@example.net");
    let list = [bob, bob_length].map(|number| u32::try_from(number).expect("a page").to_le_bytes());
    let (list, _) = guest.bytes(list.concat());
    let (message, message_length) = guest.bytes(MESSAGE);
    let (commands, commands_length) = guest.bytes(
        ".\r\nMAIL FROM:<ceo@bank.test>\r\nRCPT TO:<eve@evil.test>\r\nDATA\r\n\
         From: ceo@bank.test\r\n\r\nPay.\r\n.\r\nQUIT\r\n",
    );
    let sent = guest.result(r#"{"status": "sent"}"#);
    guest.and_invoking(format!(
        "(local $outgoing i32) (local $at i32) (local $left i32)
         ;; Lines of 64 octets, from the second page on.
         (memory.fill (i32.const 131072) (i32.const 120) (i32.const {CHUNK}))
         (local.set $at (i32.const 131134))
         (loop $line
           (i32.store16 (local.get $at) (i32.const 0x0a0d))
           (local.set $at (i32.add (local.get $at) (i32.const 64)))
           (br_if $line (i32.lt_u (local.get $at) (i32.const {}))))
         (call $begin
           (i32.const {sender}) (i32.const {sender_length}) (i32.const {list}) (i32.const 1)
           (i32.const 1) (i32.const 0) (i32.const 0) (i64.const 0)
           (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
           (i32.const {ANSWER}))
         (local.set $outgoing (i32.load offset=4 (i32.const {ANSWER})))
         (call $write (local.get $outgoing) (i32.const {message}) (i32.const {message_length}) (i32.const {ANSWER}))
         (local.set $left (i32.const 4))
         (loop $chunk
           (call $write (local.get $outgoing) (i32.const 131072) (i32.const {CHUNK}) (i32.const {ANSWER}))
           (local.set $left (i32.sub (local.get $left) (i32.const 1)))
           (br_if $chunk (local.get $left)))
         (call $write (local.get $outgoing) (i32.const {commands}) (i32.const {commands_length}) (i32.const {ANSWER}))
         (call $finish (local.get $outgoing) (i32.const {ANSWER}))
         {sent}",
        131_072 + CHUNK,
    ))
}

#[tokio::test]
async fn commands_after_a_failed_write_never_reach_the_server() {
    let server =
        FaultServer::start(Scenario::when(Stage::Body, Act::Pause(Duration::from_secs(2)))).await;
    let policy = Policy::default()
        .allowed_senders(vec!["alice@example.com".parse().expect("a rule")])
        .allowed_recipient_domains(vec!["example.net".parse().expect("a rule")]);
    let timeouts = Timeouts::default().data(Duration::from_millis(300));
    let account = Account::builder("work", "127.0.0.1")
        .port(server.port())
        .security(Security::None)
        .policy(policy)
        .timeouts(timeouts)
        .build()
        .expect("the settings are right");
    let host = host_builder([account]).build().expect("the sandbox runs on this machine");
    let connector = ignoring_failures().load(&host);
    let input = json!({ "to": "bob@example.net" }).to_string();
    let error = connector.invoke(Invocation::send_mail(input).account("work")).await;
    error.expect_err("nothing was sent");
    // After its pause the server reads on. When the connection ends, it has everything that was sent.
    let seen = server.ended().await;
    assert_eq!(seen.complete, 0);
    let text = String::from_utf8_lossy(&seen.messages.concat()).into_owned();
    assert!(text.starts_with("From: alice@example.com"), "the message had begun");
    assert!(!text.contains("bank.test"), "nothing follows what failed");
    assert!(seen.commands.iter().all(|line| !line.contains("bank.test")), "{:?}", seen.commands);
}
