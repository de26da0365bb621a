//! A fuzzer of the boundary between component and host: calls in any order with any arguments.
//!
//! A puppet makes the calls of a random program, against a server that follows a random script. Afterwards the test
//! compares what the server saw with the input, the policy, and what the puppet wrote.
//!
//! | variable | meaning |
//! |---|---|
//! | `SEQUENCES` | the number of sequences; seeds are new each time |
//! | `SEQUENCES_SEED` | the seed of one round of sequences, which alone is run and shown |

// The test prints what it explored.
#![allow(clippy::print_stdout)]

mod case;
mod compose;
mod generate;
// The guests of the other tests, some of which are not used here.
#[allow(dead_code)]
#[path = "../all/hostile/guest.rs"]
mod guest;
mod image;
mod input;
mod invariants;
mod lane;
mod material;
mod message;
mod outcome;
mod program;
mod puppet;
mod random;
mod reader;
mod script;
mod server;
mod session;
mod tally;
mod web;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use lane::{Lane, ROUND};
use tally::Tally;
use tokio::task::JoinSet;

/// The default number of sequences. They take a few seconds.
const SEQUENCES: u64 = 2000;
/// The number of lanes; half of them have a pool. They mostly wait for each other's sockets.
const LANES: usize = 6;

/// Set if any task panics.
static HAS_PANICKED: AtomicBool = AtomicBool::new(false);

fn number(name: &str) -> Option<u64> {
    let text = std::env::var(name).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} is a number, and not {text:?}")))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_a_component_calls_the_host_keeps_its_promises() {
    let usual = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        HAS_PANICKED.store(true, Ordering::SeqCst);
        usual(panic);
    }));
    let component = puppet::puppet();
    if let Some(seed) = number("SEQUENCES_SEED") {
        let lane = Lane::start(&component, has_pool(seed)).await;
        lane.round(seed, true).await.unwrap_or_else(|wrong| panic!("{wrong}"));
        return;
    }
    let sequences = number("SEQUENCES");
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970").as_secs();
    let first = if sequences.is_some() { now << 24 } else { 0 };
    let end = first + sequences.unwrap_or(SEQUENCES).div_ceil(ROUND as u64);
    let tally = run(component, first, end).await;
    let tally = tally.unwrap_or_else(|wrong| panic!("{wrong}"));
    for (end, number) in tally {
        println!("{number:>9} {end}");
    }
    assert!(!HAS_PANICKED.load(Ordering::SeqCst), "a task panicked");
}

/// Runs the rounds of these seeds, up to the first that fails.
async fn run(component: Vec<u8>, first: u64, end: u64) -> Result<Tally, String> {
    let done = Arc::new(AtomicU64::new(0));
    let started = Instant::now();
    let component = Arc::new(component);
    let mut lanes = JoinSet::new();
    for lane in 0..LANES as u64 {
        let (component, done) = (Arc::clone(&component), Arc::clone(&done));
        lanes.spawn(async move {
            let mut tally = Tally::new();
            let lane = first + lane;
            let runner = Lane::start(&component, has_pool(lane)).await;
            for seed in (lane..end).step_by(LANES) {
                let round = runner.round(seed, false).await;
                for end in round.map_err(|wrong| format!("SEQUENCES_SEED={seed}: {wrong}"))? {
                    *tally.entry(end).or_default() += 1;
                }
                done.fetch_add(ROUND as u64, Ordering::Relaxed);
            }
            Ok::<_, String>(tally)
        });
    }
    let shown = tokio::spawn(show_progress(Arc::clone(&done), started));
    let mut all = Tally::new();
    while let Some(lane) = lanes.join_next().await {
        for (end, number) in lane.map_err(|panic| panic.to_string())?? {
            *all.entry(end).or_default() += number;
        }
    }
    shown.abort();
    let (number, seconds) = (done.load(Ordering::Relaxed), started.elapsed().as_secs_f64());
    println!("{number} sequences from seed {first}, {:.0} a second", number as f64 / seconds);
    Ok(all)
}

/// Reports whether the sequences of a seed use a pool.
fn has_pool(seed: u64) -> bool {
    seed.is_multiple_of(2)
}

async fn show_progress(done: Arc<AtomicU64>, started: Instant) {
    loop {
        tokio::time::sleep(Duration::from_secs(30)).await;
        println!("{} sequences in {} s", done.load(Ordering::Relaxed), started.elapsed().as_secs());
    }
}
