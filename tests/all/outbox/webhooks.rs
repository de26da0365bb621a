//! Webhooks: real receivers on loopback get the events, signed, in order and at least once.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use smtp_connector_host::Secret;
use smtp_connector_outbox::{EventKind, RunState, Webhook, WebhookState};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::{PATIENCE, Queue, Working};
use crate::support::{FaultServer, HttpServer, Log, Page, Scenario, connector_in, host_builder};

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OLD_SECRET: &str = "whsec_b2xkLXNlY3JldC1vbGQtc2VjcmV0LW9sZC1zZWNyZXQ=";
/// A path with a token, as some receivers have it.
const PATH: &str = "/hooks/T0k3n?key=k3y";

fn page(answer: &str) -> Vec<Page> {
    vec![Page::raw(PATH, format!("HTTP/1.1 {answer}\r\nContent-Length: 0\r\n\r\n"))]
}

async fn receiver(answer: &str) -> HttpServer {
    HttpServer::start(page(answer)).await
}

fn webhook(url: &str) -> Webhook {
    Webhook::new(url, &Secret::new(SECRET)).expect("it is valid").danger_allow_private_hosts()
}

/// A post that arrived.
#[derive(Clone, Debug)]
struct Post {
    head: String,
    body: String,
}

impl Post {
    fn of(request: &str) -> Self {
        let (head, body) = request.split_once("\r\n\r\n").expect("it is whole");
        Self { head: head.to_owned(), body: body.to_owned() }
    }

    fn header(&self, name: &str) -> &str {
        let value = self.head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        value.unwrap_or_else(|| panic!("no {name}: {}", self.head))
    }

    fn event(&self) -> Value {
        serde_json::from_str(&self.body).expect("it is JSON")
    }

    fn number(&self) -> i64 {
        self.event()["id"].as_i64().expect("a number")
    }

    /// Reports whether one of the signatures is this secret's.
    fn is_signed_with(&self, secret: &str) -> bool {
        let key = STANDARD.decode(secret.trim_start_matches("whsec_")).expect("base64");
        let key = ring::hmac::Key::new(ring::hmac::HMAC_SHA256, &key);
        let (id, time) = (self.header("webhook-id"), self.header("webhook-timestamp"));
        let signed = format!("{id}.{time}.{}", self.body);
        self.header("webhook-signature").split(' ').any(|one| {
            let tag = STANDARD.decode(one.strip_prefix("v1,").expect("version 1"));
            ring::hmac::verify(&key, signed.as_bytes(), &tag.expect("base64")).is_ok()
        })
    }
}

fn posts(server: &HttpServer) -> Vec<Post> {
    server.requests().iter().map(|request| Post::of(request)).collect()
}

fn numbers(server: &HttpServer) -> Vec<i64> {
    posts(server).iter().map(Post::number).collect()
}

/// Waits until a value is there.
async fn until_some<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let waiting = async {
        loop {
            if let Some(found) = look().await {
                return found;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let found = tokio::time::timeout(PATIENCE, waiting).await;
    found.unwrap_or_else(|_| panic!("it does not happen in time: {what}"))
}

impl Queue {
    /// Starts a worker with webhooks and without accounts.
    fn post(&self, webhooks: impl IntoIterator<Item = Webhook>) -> Working {
        let worker = self.outbox.worker(connector_in(host_builder([])));
        Working::start(webhooks.into_iter().fold(worker, smtp_connector_outbox::Worker::webhook))
    }

    /// Makes events: mails that are cancelled.
    async fn happen(&self, number: usize) {
        for _ in 0..number {
            let mail = smtp_connector_outbox::Enqueue::new(super::mail(&["bob@example.net"]));
            let id = self.request(mail.held()).await;
            self.outbox.cancel(&id).await.expect("it is held");
        }
    }

    /// Waits until the workers know a number of webhooks, so that the next event is theirs.
    async fn knows(&self, number: usize) {
        until_some("the webhooks are known", async || {
            (self.webhooks().await.len() == number).then_some(())
        })
        .await;
    }

    async fn webhooks(&self) -> Vec<WebhookState> {
        self.outbox.webhooks().await.expect("they are read")
    }

    async fn gets(&self, server: &HttpServer, number: usize) -> Vec<Post> {
        let posts = until_some("the posts arrive", async || {
            let posts = posts(server);
            (posts.len() >= number).then_some(posts)
        });
        posts.await
    }
}

#[tokio::test]
async fn events_arrive_signed_and_in_order() {
    let (mail_server, server) =
        (FaultServer::start(Scenario::default()).await, receiver("204 No Content").await);
    let log = Log::default();
    let _logging = tracing::subscriber::set_default(log.subscriber());
    let queue = Queue::new().await;
    let hook = webhook(&server.url(PATH)).also_signed_with(&Secret::new(OLD_SECRET));
    let account = mail_server.account().build().expect("an account");
    let worker = queue.outbox.worker(connector_in(host_builder([account])));
    let worker = Working::start(worker.webhook(hook.expect("it is valid")));
    queue.knows(1).await;
    let id = queue.enqueue(&["bob@example.net"]).await;
    queue.reaches(&id, RunState::Sent).await;
    queue.happen(2).await;
    let posts = queue.gets(&server, 3).await;
    worker.stop().await;
    let events = queue.events().await;
    assert_eq!((events.len(), events[0].kind), (3, EventKind::Sent));
    for (post, event) in posts.iter().zip(&events) {
        assert!(post.head.starts_with(&format!("POST {PATH} HTTP/1.1\r\n")), "{}", post.head);
        assert_eq!(post.header("host"), server.host());
        assert_eq!(post.header("content-type"), "application/json");
        assert_eq!(post.event(), json!(event), "the event as Rust programs get it");
        assert!(post.is_signed_with(SECRET) && post.is_signed_with(OLD_SECRET));
        assert!(!post.is_signed_with("whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"));
        let forged = Post { body: post.body.replace("work", "home"), ..post.clone() };
        assert!(!forged.is_signed_with(SECRET), "the body is signed");
        let time: u64 = post.header("webhook-timestamp").parse().expect("seconds");
        let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970").as_secs();
        assert!(now.abs_diff(time) < 60, "{time}");
    }
    assert_ne!(posts[0].header("webhook-id"), posts[1].header("webhook-id"));
    assert_eq!(posts.len(), 3);
    let log = log.text();
    assert!(log.contains("purpose=\"webhook\""), "its connections are logged");
    for secret in ["T0k3n", "k3y", &SECRET[6..], &OLD_SECRET[6..]] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
}

#[tokio::test]
async fn an_event_that_is_not_accepted_comes_again_and_the_others_wait() {
    let server = receiver("500 Internal Server Error").await;
    let queue = Queue::new().await;
    let told = Arc::new(Mutex::new(Vec::new()));
    let teller = Arc::clone(&told);
    let hook = webhook(&server.url(PATH))
        .on_failure(move |sentence| teller.lock().expect("no panic").push(sentence.to_owned()));
    let worker = queue.post([hook]);
    queue.knows(1).await;
    queue.happen(2).await;
    queue.gets(&server, 2).await;
    let state = until_some("the failure is stored", async || {
        queue.webhooks().await.pop().filter(|one| one.failures > 0)
    });
    let state = state.await;
    assert_eq!((state.events_behind, state.is_given_up), (2, false));
    assert!(state.next_try.is_some() && state.webhook == format!("http://{}", server.host()));
    let reason = "it answered with status 500; look into the receiver's log";
    assert_eq!(state.reason.as_deref(), Some(reason));
    server.change(page("200 OK"));
    until_some("it catches up", async || {
        queue.webhooks().await.pop().filter(|one| one.events_behind == 0 && one.failures == 0)
    })
    .await;
    worker.stop().await;
    let posts = posts(&server);
    let ids: Vec<_> = posts.iter().map(|post| post.header("webhook-id")).collect();
    let (tries, last) = ids.split_at(ids.len() - 1);
    assert!(tries.len() >= 3 && tries.iter().all(|id| *id == tries[0]), "{ids:?}");
    assert_ne!(last[0], tries[0], "{ids:?}");
    let told = told.lock().expect("no panic").join("\n");
    let begin = format!(
        "the webhook http://{} did not accept event 1: {reason}; next try in ",
        server.host()
    );
    assert!(told.starts_with(&begin), "{told}");
    assert!(!told.contains("T0k3n") && !told.contains("k3y"), "{told}");
}

#[tokio::test]
async fn a_receiver_that_was_away_gets_the_events_from_the_next_worker() {
    let address = closed().await;
    let url = format!("http://{address}{PATH}");
    let queue = Queue::new().await;
    let mail_server = FaultServer::start(Scenario::default()).await;
    let account = mail_server.account().build().expect("an account");
    let worker = queue.outbox.worker(connector_in(host_builder([account])));
    let worker = Working::start(worker.webhook(webhook(&url)));
    queue.knows(1).await;
    for _ in 0..3 {
        let id = queue.enqueue(&["bob@example.net"]).await;
        queue.reaches(&id, RunState::Sent).await;
    }
    until_some("a post fails", async || {
        queue.webhooks().await.pop().filter(|one| one.failures > 0)
    })
    .await;
    worker.stop().await;
    let Queue { outbox, folder } = queue;
    drop(outbox);
    let server = HttpServer::start_at(address, None, page("200 OK")).await;
    let queue = Queue::at(folder).await;
    let worker = queue.post([webhook(&url)]);
    queue.gets(&server, 3).await;
    queue.happen(1).await;
    queue.gets(&server, 4).await;
    worker.stop().await;
    assert_eq!(numbers(&server), [1, 2, 3, 4]);
    // Another start posts nothing again.
    let worker = queue.post([webhook(&url)]);
    queue.happen(1).await;
    queue.gets(&server, 5).await;
    worker.stop().await;
    assert_eq!(numbers(&server), [1, 2, 3, 4, 5]);
}

#[tokio::test]
async fn a_webhook_that_fails_does_not_delay_another() {
    let server = receiver("200 OK").await;
    // It accepts connections, and never answers.
    let silent = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = silent.local_addr().expect("it is bound");
    let queue = Queue::new().await;
    let failing = [closed().await, address].map(|address| webhook(&format!("http://{address}/")));
    let began = std::time::Instant::now();
    let worker = queue.post(failing.into_iter().chain([webhook(&server.url(PATH))]));
    queue.knows(3).await;
    queue.happen(20).await;
    queue.gets(&server, 20).await;
    // The silent one's first post ends after 15 seconds.
    assert!(began.elapsed() < Duration::from_secs(14), "{:?}", began.elapsed());
    assert_eq!(numbers(&server), (1..=20).collect::<Vec<_>>());
    drop(worker);
}

#[tokio::test]
async fn several_workers_post_each_event_once() {
    let server = receiver("200 OK").await;
    let queue = Queue::new().await;
    let workers = [(); 3].map(|()| queue.post([webhook(&server.url(PATH))]));
    queue.knows(1).await;
    queue.happen(10).await;
    queue.gets(&server, 10).await;
    let [first, second, third] = workers;
    first.stop().await;
    second.stop().await;
    queue.happen(5).await;
    queue.gets(&server, 15).await;
    third.stop().await;
    assert_eq!(numbers(&server), (1..=15).collect::<Vec<_>>());
}

#[tokio::test]
async fn events_share_a_connection() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener.local_addr().expect("it is bound");
    let seen = Arc::new(Mutex::new(0));
    let counted = Arc::clone(&seen);
    let server = tokio::spawn(async move {
        // Only one connection is ever accepted.
        let (mut stream, _) = listener.accept().await.expect("a worker connects");
        let mut bytes = Vec::new();
        while stream.read_buf(&mut bytes).await.unwrap_or(0) > 0 {
            // The body of an event ends with its result.
            if bytes.ends_with(b"\"result\":null}") {
                bytes.clear();
                *counted.lock().expect("no panic") += 1;
                let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK";
                stream.write_all(answer).await.expect("the worker reads");
            }
        }
    });
    let queue = Queue::new().await;
    let worker = queue.post([webhook(&format!("http://{address}/"))]);
    queue.knows(1).await;
    queue.happen(5).await;
    until_some("five posts", async || (*seen.lock().expect("no panic") == 5).then_some(())).await;
    worker.stop().await;
    server.await.expect("it does not panic");
}

#[tokio::test]
async fn a_receiver_that_is_gone_is_given_up_until_a_worker_starts() {
    let server = receiver("410 Gone").await;
    let queue = Queue::new().await;
    let worker = queue.post([webhook(&server.url(PATH))]);
    queue.knows(1).await;
    queue.happen(2).await;
    let state = until_some("it is given up", async || {
        queue.webhooks().await.pop().filter(|one| one.is_given_up)
    });
    let state = state.await;
    assert!(state.reason.is_some_and(|why| why.contains("status 410")), "the reason is kept");
    server.change(page("200 OK"));
    // Longer than the first pause after another failure.
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(numbers(&server), [1]);
    worker.stop().await;
    let worker = queue.post([webhook(&server.url(PATH))]);
    queue.gets(&server, 3).await;
    worker.stop().await;
    assert_eq!(numbers(&server), [1, 1, 2]);
    assert!(!queue.webhooks().await[0].is_given_up);
}

#[tokio::test]
async fn a_redirect_is_not_followed_and_a_pause_that_is_asked_for_is_kept() {
    let other = receiver("200 OK").await;
    let away = format!("302 Found\r\nRetry-After: 3600\r\nLocation: {}", other.url(PATH));
    let server = receiver(&away).await;
    let queue = Queue::new().await;
    let worker = queue.post([webhook(&server.url(PATH))]);
    queue.knows(1).await;
    queue.happen(1).await;
    let state = until_some("it fails", async || {
        queue.webhooks().await.pop().filter(|one| one.failures == 1)
    });
    let state = state.await;
    let why = "it redirects (status 302); give the URL where it ends";
    assert_eq!(state.reason.as_deref(), Some(why));
    let pause = state.next_try.expect("it pauses").since(smtp_connector_outbox::Timestamp::now());
    assert!(pause > Duration::from_secs(3000), "{pause:?}");
    worker.stop().await;
    assert_eq!((other.requests().len(), server.requests().len()), (0, 1));
}

#[tokio::test]
async fn private_addresses_are_refused_unless_they_are_allowed() {
    let server = receiver("200 OK").await;
    let port = server.host().rsplit(':').next().expect("a port").to_owned();
    let public = |url: &str| Webhook::new(url, &Secret::new(SECRET)).expect("it is valid");
    let loopback = "127.0.0.0/8".parse().expect("a range");
    let hooks = [
        public(&server.url(PATH)),
        public(&format!("https://localhost:{port}/")),
        public(&format!("https://[::ffff:127.0.0.1]:{port}/")),
        public("https://no-such-host.invalid/"),
        webhook(&format!("http://localhost:{port}/x")).deny_addresses([loopback]),
    ];
    let queue = Queue::new().await;
    let worker = queue.post(hooks);
    queue.knows(5).await;
    queue.happen(1).await;
    let failed = until_some("all fail", async || {
        let webhooks = queue.webhooks().await;
        webhooks.iter().all(|one| one.failures > 0).then_some(webhooks)
    });
    for one in failed.await {
        let reason = one.reason.expect("a reason");
        let is_denied = reason == "its host is not on the public internet, or is denied";
        let is_private = reason.starts_with(
            "its host cannot be found, or is not on the public internet; check the URL, or allow private",
        );
        assert!(is_denied == one.webhook.starts_with("http://localhost"), "{reason}");
        assert!(is_denied || is_private, "{reason}");
    }
    worker.stop().await;
    assert_eq!(server.requests().len(), 0);
}

/// Returns an address of this machine where no server listens.
async fn closed() -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    listener.local_addr().expect("it is bound")
}
