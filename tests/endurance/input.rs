//! The cost of reading an input in the host.

use std::time::{Duration, Instant};

use serde_json::json;
use smtp_connector_host::accounts::AccountsInMemory;
use smtp_connector_host::transport::RecordingTransport;
use smtp_connector_host::{Account, Connector, Host, Invocation};

use crate::guest::{ANSWER, Guest};
use crate::peak::Peak;
use crate::{CACHE, alone};

/// A component that begins a message to Bob at once, so that the host must read its input.
fn beginning() -> Guest {
    let mut guest = Guest::invoking("").memory("700").import(
        "transport",
        "begin",
        "$begin (param i32 i32 i32 i32 i32 i32 i32 i64 i32 i32 i32 i32 i32 i32 i32 i32)",
    );
    let (recipient, length) = guest.bytes("bob@example.net");
    let list = [recipient, length]
        .map(|number| u32::try_from(number).expect("it is in the first page").to_le_bytes());
    let (list, _) = guest.bytes(list.concat());
    let begun = guest.result(r#"{"status": "dry-run", "begun": true}"#);
    let refused = guest.result(r#"{"status": "dry-run", "begun": false}"#);
    guest.and_invoking(format!(
        "(call $begin (i32.const {recipient}) (i32.const {length}) (i32.const {list}) (i32.const 1)
           (i32.const 1) (i32.const 0) (i32.const 0) (i64.const 0)
           (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)
           (i32.const {ANSWER}))
         (if (i32.eqz (i32.load8_u (i32.const {ANSWER}))) (then {begun} (return)))
         {refused}"
    ))
}

/// Runs the component with an input. Returns whether it could begin, the peak memory and the time.
async fn measure(connector: &Connector, input: &str, keywords: &str) -> (bool, usize, Duration) {
    let invocation = Invocation::send_mail(input).account("work").keywords(keywords);
    let (peak, started) = (Peak::new(), Instant::now());
    let outcome = connector.invoke(invocation).await.expect("it says whether it began");
    (outcome.as_json().contains("true"), peak.growth(), started.elapsed())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reading_an_input_costs_a_few_times_its_size() {
    const SIZE: usize = 16 << 20;
    let _alone = alone().await;
    let account = Account::builder("work", "mail.example.com").build().expect("it is right");
    let host = Host::builder()
        .accounts(AccountsInMemory::from_iter([account]))
        .transport(RecordingTransport::new())
        .cache_directory(CACHE)
        .build()
        .expect("the sandbox runs on this machine");
    let connector = beginning().load(&host);
    let bob = "bob@example.net";
    let addresses: String = (0..SIZE / 11).map(|n| format!("u{n:06}@h.t,")).collect();
    let numbers = format!("[{}1]", "1,".repeat(SIZE / 2));
    let each = |text: &dyn Fn(usize) -> String, length: usize| -> Vec<String> {
        (0..SIZE / length).map(text).collect()
    };
    for (what, may_begin, input, keywords) in [
        (
            "many short recipients",
            false,
            json!({ "to": each(&|n| format!("{n}@h.t"), 12) }).to_string(),
            "{}".into(),
        ),
        (
            "many short attachments",
            false,
            json!({ "to": bob, "attachments": each(&|n| n.to_string(), 9) }).to_string(),
            "{}".into(),
        ),
        (
            "many short templates",
            false,
            json!({ "to": each(&|_| "{{a}}".to_owned(), 8) }).to_string(),
            json!({ "a": bob }).to_string(),
        ),
        (
            "many names of keywords",
            false,
            json!({ "to": each(&|n| format!("{{{{a{n}}}}}"), 12).concat() }).to_string(),
            json!({ "a1": bob }).to_string(),
        ),
        (
            "as many long paths as there may be",
            false,
            json!({ "to": (0..1990).map(|n| format!("{{{{a.b.c.d.e.f.g.h.i.j.k.l.m.n.o{n}}}}}")).collect::<String>() })
                .to_string(),
            json!({ "a": bob }).to_string(),
        ),
        (
            "one long name of a keyword",
            false,
            json!({ "to": format!("{{{{{}}}}}", "a".repeat(SIZE)) }).to_string(),
            json!({ "a": bob }).to_string(),
        ),
        ("one long text", true, json!({ "to": bob, "body": "x".repeat(SIZE) }).to_string(), "{}".into()),
        ("numbers", true, json!({ "to": bob }).to_string(), format!("{{\"a\": {numbers}, \"b\": 1}}")),
        ("a keyword of numbers", true, json!({ "to": ["{{a}}", bob] }).to_string(), format!("{{\"a\": {numbers}}}")),
        ("many fields", true, format!("{{\"to\": \"{bob}\"{}}}", ",\"x\":1".repeat(SIZE / 6)), "{}".into()),
        ("an empty keyword for each", false, json!({ "to": "{{a}}".repeat(SIZE / 5) }).to_string(), json!({ "a": "" }).to_string()),
        ("many addresses", false, json!({ "to": [bob, addresses] }).to_string(), "{}".into()),
        ("deep arrays", true, format!("{{\"to\": [\"{bob}\", {}{}]}}", "[".repeat(SIZE / 2), "]".repeat(SIZE / 2)), "{}".into()),
        (
            "a long keyword at each mention", false,
            json!({ "to": "{{a}}".repeat(4000) }).to_string(),
            json!({ "a": "x".repeat(SIZE) }).to_string(),
        ),
        (
            "a long keyword computed at each mention", false,
            json!({ "to": vec!["{{a|lower}}"; 4000] }).to_string(),
            json!({ "a": "x ".repeat(SIZE / 2) }).to_string(),
        ),
        (
            "a text of texts of texts", true,
            json!({ "to": (0..6).fold(bob.to_owned(), |text, _| json!([text, "y".repeat(SIZE / 64)]).to_string()) }).to_string(),
            "{}".into(),
        ),
    ] {
        let size = input.len() + keywords.len();
        let (begins, peak, took) = measure(&connector, &input, &keywords).await;
        println!("{what}: {} MB of input, {} MB at most, {took:?}", size >> 20, peak >> 20);
        assert_eq!(begins, may_begin, "{what}");
        // The component copies both, and both are copied into the invocation: two of the four copies.
        let allowed = 4 * size + (16 << 20);
        assert!(peak < allowed, "{what}: {} MB for an input of {} MB", peak >> 20, size >> 20);
    }
}
