//! The memory that a host needs when a component passes out as much as it may.

use std::sync::Arc;

use smtp_connector_host::accounts::{AccountsInMemory, BoxFuture};
use smtp_connector_host::transport::{Envelope, Outgoing, Receipt, Transport};
use smtp_connector_host::{
    Account, Failure, ForwardPath, Host, Invocation, Limits, Reply, ReplyCode,
};

use crate::guest::{ANSWER, Guest, RESULT};
use crate::peak::Peak;
use crate::{CACHE, alone};

/// Accepts every message, and keeps none.
struct Nowhere;

struct Taken(Vec<ForwardPath>);

impl Transport for Nowhere {
    fn begin<'a>(
        &'a self,
        _account: &'a Arc<Account>,
        envelope: Envelope,
    ) -> BoxFuture<'a, Result<Box<dyn Outgoing>, Failure>> {
        Box::pin(async move { Ok(Box::new(Taken(envelope.recipients)) as Box<dyn Outgoing>) })
    }
}

impl Outgoing for Taken {
    fn write(
        self: Box<Self>,
        _chunk: Vec<u8>,
    ) -> BoxFuture<'static, Result<Box<dyn Outgoing>, Failure>> {
        Box::pin(async move { Ok(self as Box<dyn Outgoing>) })
    }

    fn finish(self: Box<Self>) -> BoxFuture<'static, Result<Receipt, Failure>> {
        let receipt = Receipt::new(Reply::new(ReplyCode::OK, "Ok"), self.0);
        Box::pin(std::future::ready(Ok(receipt)))
    }
}

/// The size in bytes of the text that is passed out: almost the limit of a call.
const LARGE: usize = 56 << 20;
/// The address of the text: behind the guest's data and the host's data.
const AT: usize = 1 << 20;

/// The place of Bob's address, and of the start of a result, in the components.
const BOB: usize = 64;
const START: usize = 80;

/// A component that fills its memory with one octet, and then runs this code. `$dry` stands for the result of a dry
/// run.
fn filled(octet: u8, invoke: &str) -> Guest {
    let mut guest = Guest::invoking("");
    let dry = guest.result(r#"{"status": "dry-run"}"#);
    let invoke = invoke.replace("$dry", &dry);
    guest
        .memory("960")
        .part(&format!(r#"(data (i32.const {BOB}) "b@x.com")"#))
        .part(&format!(r#"(data (i32.const {START}) "{{\22status\22:\22dry-run\22,\22\22:\22")"#))
        .import("attachments", "open-upload", "$open-upload (param i32 i32 i32)")
        .import("attachments", "fetch", "$fetch (param i32 i32 i32)")
        .import(
            "transport",
            "begin",
            "$begin (param i32 i32 i32 i32 i32 i32 i32 i64 i32 i32 i32 i32 i32 i32 i32 i32)",
        )
        .import("transport", "[method]outgoing.write", "$write (param i32 i32 i32 i32)")
        .and_invoking(format!(
            "(local $outgoing i32)
             (memory.fill (i32.const {AT}) (i32.const {octet}) (i32.const {LARGE}))
             {invoke}"
        ))
}

/// Returns code that calls `begin` with this sender, to Bob only.
fn begin(sender: usize, length: usize) -> String {
    format!(
        "(i32.store (i32.const 48) (i32.const {BOB})) (i32.store (i32.const 52) (i32.const 7))
         (call $begin (i32.const {sender}) (i32.const {length}) (i32.const 48) (i32.const 1)
           (i32.const 1) (i32.const 0) (i32.const 0) (i64.const 0)
           (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
           (i32.const {ANSWER}))"
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_costs_its_host_at_most_the_stated_memory() {
    let _alone = alone().await;
    let account = Account::builder("work", "mail.example.com");
    let limits = Limits::default();
    let host = Host::builder()
        .accounts(AccountsInMemory::from_iter([account.build().expect("it is right")]))
        .transport(Nowhere)
        .cache_directory(CACHE)
        .build()
        .expect("the sandbox runs on this machine");
    let text = format!("(i32.const {AT}) (i32.const {LARGE}) (i32.const {ANSWER})");
    let failed = |offset: usize| {
        format!(
            "(i32.store (i32.const {RESULT}) (i32.const 1))
             (i32.store offset=4 (i32.const {RESULT}) (i32.const {}))
             (i32.store offset={} (i32.const {RESULT}) (i32.const {AT}))
             (i32.store offset={} (i32.const {RESULT}) (i32.const {LARGE}))
             (i32.const {RESULT})",
            1,
            8 + offset,
            12 + offset,
        )
    };
    let whole = format!(
        "(i64.store offset={AT} (i32.const 0) (i64.load (i32.const {START})))
         (i64.store offset={AT} (i32.const 8) (i64.load offset=8 (i32.const {START})))
         (i64.store offset={AT} (i32.const 16) (i64.load offset=16 (i32.const {START})))
         (i32.store16 (i32.const {}) (i32.const 0x7d22))
         (i32.store (i32.const {RESULT}) (i32.const 0))
         (i32.store offset=4 (i32.const {RESULT}) (i32.const {AT}))
         (i32.store offset=8 (i32.const {RESULT}) (i32.const {LARGE}))
         (i32.const {RESULT})",
        AT + LARGE - 2,
    );
    for (what, guest) in [
        ("an upload's id", filled(1, &format!("(call $open-upload {text}) $dry"))),
        ("a URL", filled(1, &format!("(call $fetch {text}) $dry"))),
        ("a sender", filled(1, &format!("{} $dry", begin(AT, LARGE)))),
        (
            "a chunk",
            filled(
                1,
                &format!(
                    "{} (local.set $outgoing (i32.load offset=4 (i32.const {ANSWER})))
                     (call $write (local.get $outgoing) {text}) $dry",
                    begin(BOB, 7)
                ),
            ),
        ),
        ("a failure's code", filled(1, &failed(0))),
        ("a failure's message", filled(1, &failed(8))),
        ("a result", filled(b'x', &whole)),
    ] {
        let connector = guest.load(&host);
        let input = r#"{"to": "b@x.com", "attachments": "https://x.test/"}"#;
        let peak = Peak::new();
        let outcome = connector.invoke(Invocation::send_mail(input).account("work")).await;
        let grown = peak.growth();
        let told = outcome.as_ref().map_or_else(|error| error.to_json().to_string().len(), |_| 0);
        println!("{what}: {} MB at most, {told} octets of error", grown >> 20);
        assert!(told < 16 << 10, "{what}: an error of {told} octets");
        let allowed = limits.memory_bytes + 2 * limits.host_call_bytes + (1 << 20);
        assert!(grown < allowed, "{what}: {} MB", grown >> 20);
    }
}
