//! What hostile components, slow servers and large files cost their process and other runs. The tests run one after
//! another, because each would disturb the others' measurements.

// The tests print what they measure.
#![allow(clippy::print_stdout)]

// The guests of the other tests, some of which are not used here.
#[allow(dead_code)]
#[path = "../all/hostile/guest.rs"]
mod guest;
#[cfg(target_os = "linux")]
mod input;
#[cfg(target_os = "linux")]
mod passing_out;
#[cfg(target_os = "linux")]
mod peak;
#[cfg(target_os = "linux")]
mod streaming;
#[cfg(target_os = "linux")]
mod waiting;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use guest::Guest;
use smtp_connector_host::{Connector, Host, Invocation, Limits};
use tokio::sync::{Mutex as Turn, MutexGuard};

static TURN: Turn<()> = Turn::const_new(());

/// Waits for this test's turn, which lasts as long as the guard is held.
async fn alone() -> MutexGuard<'static, ()> {
    TURN.lock().await
}

/// The cache of compiled components, kept between runs of the tests.
const CACHE: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/host/components");
/// The number of runs of hostile components.
const RUNS: usize = 1000;
/// The memory in bytes that may be left after them.
const GROWTH: usize = 16 << 20;
const HOSTILE: usize = 64;
/// The time after which a hostile run is stopped.
const DEADLINE: Duration = Duration::from_secs(2);

fn host() -> Host {
    let mut limits = Limits::default();
    // Three ticks of the clock. Runs that compute use all of it, and a longer time would not make them leave more
    // behind.
    limits.cpu = Duration::from_millis(6);
    limits.wall_clock = Duration::from_millis(500);
    limits.host_calls = 10_000;
    limits.host_call_bytes = 1 << 20;
    let host = Host::builder().limits(limits).cache_directory(CACHE);
    host.build().expect("the sandbox runs on this machine")
}

/// Returns one guest of each kind: computing, growing, recursing, claiming, printing, leaking, trapping.
fn attacks() -> Vec<Guest> {
    let monotonic = "wasi:clocks/monotonic-clock@0.2.0";
    vec![
        Guest::invoking("(loop $again (br $again)) unreachable"),
        Guest::invoking(
            "(loop $again (drop (memory.grow (i32.const 16))) (br $again)) unreachable",
        ),
        Guest::invoking("(call $deeper) unreachable").part("(func $deeper (call $deeper))"),
        Guest::invoking(
            "(i32.store offset=8 (i32.const 1024) (i32.const 0x3fffffff)) (i32.const 1024)",
        ),
        Guest::invoking(
            "(loop $again (drop (call $subscribe (i64.const -1))) (br $again)) unreachable",
        )
        .import(monotonic, "subscribe-duration", "$subscribe (param i64) (result i32)"),
        Guest::invoking(
            "(local $stream i32)
             (local.set $stream (call $stderr))
             (loop $again
               (call $print (local.get $stream) (i32.const 0) (i32.const 4096) (i32.const 2048))
               (br $again))
             unreachable",
        )
        .import("wasi:cli/stderr@0.2.0", "get-stderr", "$stderr (result i32)")
        .import(
            "wasi:io/streams@0.2.0",
            "[method]output-stream.blocking-write-and-flush",
            "$print (param i32 i32 i32 i32)",
        ),
        Guest::invoking("unreachable"),
        Guest::returning("{}").realloc("unreachable"),
    ]
}

/// Returns this process's resident memory in bytes.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("this is Linux");
    let pages: usize = statm.split(' ').nth(1).and_then(|n| n.parse().ok()).expect("it has pages");
    pages * 4096
}

fn threads() -> usize {
    std::fs::read_dir("/proc/self/task").expect("this is Linux").count()
}

async fn fails(connector: &Connector) {
    connector.invoke(Invocation::send_mail("{}")).await.expect_err("it is stopped");
}

#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_hostile_runs_leave_nothing_behind() {
    let _alone = alone().await;
    let host = host();
    let attacks: Vec<_> = attacks().iter().map(|guest| guest.load(&host)).collect();
    // A first round allocates what is needed once: code, stacks, the allocator's reserves.
    for connector in attacks.iter().cycle().take(80) {
        fails(connector).await;
    }
    let (bytes, running) = (resident(), threads());
    for connector in attacks.iter().cycle().take(RUNS) {
        fails(connector).await;
    }
    let grown = resident().saturating_sub(bytes);
    println!("{RUNS} hostile runs: {grown} bytes more, {running} threads, then {}", threads());
    assert!(grown < GROWTH, "{grown} bytes more");
    assert!(threads() <= running + 1, "{running} threads, then {}", threads());
}

/// Measures round trips of a well-behaved run, sorted.
async fn pace(neighbour: &Connector) -> Vec<Duration> {
    let input =
        r#"{"from": "a@example.com", "to": "b@example.net", "subject": "Hi", "body": "Hi!"}"#;
    let mut took = Vec::new();
    for _ in 0..1000 {
        let started = Instant::now();
        neighbour.invoke(Invocation::send_mail(input).dry_run()).await.expect("it is assembled");
        took.push(started.elapsed());
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    took.sort_unstable();
    took
}

/// Prints its measurements. They are only valid on an idle machine.
#[ignore = "measures: run it by itself, with --release --nocapture"]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_neighbour_keeps_its_pace() {
    let _alone = alone().await;
    let mut limits = Limits::default();
    limits.wall_clock = DEADLINE;
    let host = Host::builder().limits(limits).cache_directory(CACHE);
    let host = host.build().expect("the sandbox runs");
    let neighbour = Connector::builtin(&host).expect("a component");
    let looping = Guest::invoking("(loop $again (br $again)) unreachable").load(&host);
    pace(&neighbour).await;
    let alone = pace(&neighbour).await;
    let stop = Arc::new(AtomicBool::new(false));
    let late = Arc::new(Mutex::new(Vec::new()));
    let hostile: Vec<_> = (0..HOSTILE)
        .map(|_| {
            let (looping, stop, late) = (looping.clone(), Arc::clone(&stop), Arc::clone(&late));
            tokio::spawn(async move {
                while !stop.load(Ordering::Relaxed) {
                    let started = Instant::now();
                    fails(&looping).await;
                    let over = started.elapsed().saturating_sub(DEADLINE);
                    late.lock().expect("no panic").push(over);
                }
            })
        })
        .collect();
    tokio::time::sleep(Duration::from_secs(1)).await;
    let beside = pace(&neighbour).await;
    stop.store(true, Ordering::Relaxed);
    for run in hostile {
        run.await.expect("it ends");
    }
    let show = |took: &[Duration]| format!("p50 {:?}, p99 {:?}", took[500], took[990]);
    println!("alone: {}; beside {HOSTILE} hostile runs: {}", show(&alone), show(&beside));
    let mut late = late.lock().expect("no panic").clone();
    late.sort_unstable();
    let (half, all) = (late[late.len() / 2], late[late.len() - 1]);
    println!("{} of them ended after their deadline: half by {half:?}, all by {all:?}", late.len());
    assert!(beside[990] < Duration::from_secs(1), "{}", show(&beside));
}
