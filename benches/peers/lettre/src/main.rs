//! lettre's pool, as its documentation sets it up: `lettre-pool PORT MESSAGES CONNECTIONS SIZE`.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;

use lettre::transport::smtp::PoolConfig;
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Message, Tokio1Executor};

type Failure = Box<dyn std::error::Error + Send + Sync>;

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let numbers: Vec<usize> =
        std::env::args().skip(1).map(|word| word.parse()).collect::<Result<_, _>>()?;
    let [port, messages, connections, size] = numbers[..] else {
        return Err("usage: lettre-pool PORT MESSAGES CONNECTIONS SIZE".into());
    };
    let transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous("127.0.0.1")
        .port(u16::try_from(port)?)
        .pool_config(PoolConfig::new().max_size(u32::try_from(connections)?))
        .build();
    let line = "All work and no play makes Jack a dull boy.\n";
    let text: String = line.chars().cycle().take(size).collect();
    let left = Arc::new(AtomicUsize::new(messages));
    let started = Instant::now();
    let workers: Vec<_> = (0..connections)
        .map(|_| {
            let (transport, text, left) = (transport.clone(), text.clone(), Arc::clone(&left));
            tokio::spawn(async move {
                let take = |left: usize| left.checked_sub(1);
                while left.try_update(Ordering::Relaxed, Ordering::Relaxed, take).is_ok() {
                    let message = Message::builder()
                        .from("Alice <alice@example.com>".parse()?)
                        .to("Bob <bob@example.net>".parse()?)
                        .subject("The report")
                        .body(text.clone())?;
                    transport.send(message).await?;
                }
                Ok::<_, Failure>(())
            })
        })
        .collect();
    for worker in workers {
        worker.await??;
    }
    let seconds = started.elapsed().as_secs_f64();
    println!("{{\"messages_per_second\":{}}}", (messages as f64 / seconds).round());
    Ok(())
}
