//! Login (RFC 4954), with one file for each mechanism.
//!
//! This crate implements the mechanisms itself. Two SASL libraries are maintained: rsasl has no CRAM-MD5 and leaves
//! copies of secrets in memory, and scram-rs supports only SCRAM. The cryptography is from ring and RustCrypto.

mod bearer;
mod cram_md5;
mod mechanism;
mod password;
mod scram;

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use tokio::sync::Semaphore;
use tokio::time::{Instant, timeout_at};
use zeroize::Zeroizing;

use self::mechanism::Mechanism;
use crate::client::connection::Connection;
use crate::client::verdict;
use crate::failure::{Failure, FailureCode, Phase};
use crate::replies::Lack;
use crate::replies::reply::RawReply;
use crate::reply::EnhancedStatusCode;
use crate::secret::Secret;
use crate::settings::{Auth, AuthSecret, Credentials, ServerSettings};

/// A message to the server, before base64 encoding.
type Message = Zeroizing<Vec<u8>>;

/// A login with one mechanism.
trait Exchange: Send {
    /// Returns the initial response that is sent with AUTH, or `None` if the server speaks first.
    fn start(&mut self) -> Option<Message> {
        None
    }

    /// Returns the answer to a challenge.
    ///
    /// # Errors
    ///
    /// The challenge is not valid at this point; the text says why.
    fn answer(&mut self, challenge: &[u8]) -> Result<Message, &'static str>;

    /// Reports whether the next answer is too expensive to compute on an async thread.
    fn takes_work(&self) -> bool {
        false
    }

    /// Returns the reason not to trust the server's 235, if there is one.
    fn doubt(&self) -> Option<&'static str> {
        None
    }

    /// Returns the value that was derived from the secret and sent. It is redacted, since the server's reply may repeat
    /// it.
    fn derived(&self) -> Option<&Secret> {
        None
    }

    /// Returns the server's complaint, if it came in a challenge and not in the reply.
    fn complaint(&self) -> Option<String> {
        None
    }
}

/// The most challenges that are answered. No mechanism needs more.
const MAX_ROUNDS: usize = 8;

/// The longest command line, in octets (RFC 5321 section 4.5.3.1.4). An initial response that does not fit in the AUTH
/// line is sent when the server asks for it (RFC 4954 section 4).
const MAX_COMMAND: usize = 512;

/// Logs in with a password or an access token, and returns the name of the mechanism. Only the reply 235 means success.
///
/// If the server offers a mechanism but does not support it, the next mechanism is tried. If the server refuses the
/// secret, no other mechanism is tried, because servers lock accounts after a few failed attempts.
pub(crate) async fn authenticate(
    connection: &mut Connection,
    credentials: &Credentials,
    secret: &Secret,
) -> Result<&'static str, Failure> {
    let server = Arc::clone(&connection.server);
    let offered = connection.extensions.auth.clone();
    let by_token = matches!(credentials.secret, AuthSecret::OAuth2(_));
    let encrypted = connection.stream.is_encrypted();
    let mut refused = None;
    for mechanism in Mechanism::choices(server.auth, by_token, encrypted, &offered) {
        let exchange = mechanism.exchange(&server, &credentials.username, secret);
        let login = Login { connection, server: &server, mechanism, exchange, initial: None };
        match login.run().await {
            Ok(()) => return Ok(mechanism.name()),
            Err(Stopped::Unknown(failure)) => refused = Some(failure),
            Err(Stopped::Failed(failure)) => return Err(failure),
        }
    }
    Err(refused.unwrap_or_else(|| {
        let offered = offered.iter().map(|name| connection.clean(name)).collect::<Vec<_>>();
        no_mechanism(connection, server.auth, by_token, &offered)
    }))
}

/// The reason why a login with one mechanism failed.
enum Stopped {
    Failed(Failure),
    /// The server offers the mechanism but does not support it.
    Unknown(Failure),
}

impl From<Failure> for Stopped {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

/// A login in progress.
struct Login<'c> {
    connection: &'c mut Connection,
    server: &'c ServerSettings,
    mechanism: Mechanism,
    exchange: Box<dyn Exchange>,
    /// The initial response that was sent with AUTH, kept in case the server asks for it again.
    initial: Option<Message>,
}

impl Login<'_> {
    async fn run(mut self) -> Result<(), Stopped> {
        let mut reply = self.start().await?;
        if reply.code == 334
            && let Some(initial) = self.initial.take()
            && self.wants_initial_again(&reply)
        {
            reply = self.say(&line("", &initial), "(answer)").await?;
        }
        for _ in 0..MAX_ROUNDS {
            if reply.code == 235 {
                return match self.exchange.doubt() {
                    None => Ok(()),
                    Some(why) => Err(self.nonsense(&reply, why).into()),
                };
            }
            if reply.code != 334 {
                let failure = self.refused(&reply);
                return Err(match is_unknown_mechanism(&reply, &failure) {
                    true => Stopped::Unknown(failure),
                    false => Stopped::Failed(failure),
                });
            }
            let answer = self.answer(&reply).await?;
            if let Some(derived) = self.exchange.derived() {
                self.connection.redaction.add(derived);
            }
            reply = self.say(&line("", &answer), "(answer)").await?;
        }
        Err(self.nonsense(&reply, "the server keeps sending challenges").into())
    }

    async fn start(&mut self) -> Result<RawReply, Failure> {
        let name = self.mechanism.name();
        let bare = format!("AUTH {name}\r\n");
        let Some(initial) = self.exchange.start() else {
            return self.say(bare.as_bytes(), bare.trim_end()).await;
        };
        let whole = line(&format!("AUTH {name} "), &initial);
        if whole.len() <= MAX_COMMAND {
            self.initial = Some(initial);
            return self.say(&whole, &format!("AUTH {name} ...")).await;
        }
        let reply = self.say(bare.as_bytes(), bare.trim_end()).await?;
        match reply.code.get() {
            334 => self.say(&line("", &initial), "(answer)").await,
            _ => Ok(reply),
        }
    }

    /// Reports whether the server asks again for the initial response that AUTH already contained. A server that
    /// ignores the initial response sends an empty challenge (RFC 4954 section 4). With PLAIN, every challenge means
    /// this, whatever its text.
    fn wants_initial_again(&self, reply: &RawReply) -> bool {
        self.mechanism == Mechanism::Plain || decode(reply).is_empty()
    }

    async fn say(&mut self, line: &[u8], shown: &str) -> Result<RawReply, Failure> {
        let reply = self.connection.secret_line(line, shown).await;
        reply.map_err(|broken| self.connection.broken(Phase::Auth, broken))
    }

    /// Computes the answer to a challenge.
    async fn answer(&mut self, reply: &RawReply) -> Result<Message, Failure> {
        let challenge = decode(reply);
        let answer = if self.exchange.takes_work() {
            let placeholder: Box<dyn Exchange> = Box::new(password::Plain::default());
            let exchange = std::mem::replace(&mut self.exchange, placeholder);
            let deadline = self.connection.clock().stage(self.server.timeouts.command);
            let work = work_out(exchange, challenge, deadline);
            let since = Instant::now();
            let Some((exchange, answer)) = work.await else { return Err(self.too_busy(since)) };
            self.exchange = exchange;
            answer
        } else {
            self.exchange.answer(&challenge)
        };
        answer.map_err(|why| self.nonsense(reply, why))
    }

    fn too_busy(&self, since: Instant) -> Failure {
        let waited = self.connection.clock().waited(since);
        let message = format!(
            "the answer to the server's login challenge was not computed {waited}: other logins use the CPU"
        );
        let failure = Failure::new(FailureCode::Timeout, Phase::Auth, message).later();
        failure.hint("try again later, or set the account's auth to plain")
    }

    fn refused(&self, reply: &RawReply) -> Failure {
        let mut failure = verdict::of(self.connection, Phase::Auth, reply);
        if let Some(complaint) = self.exchange.complaint() {
            /// The most characters shown. A scope may be a list of URLs, and is the longest part.
            const SHOWN: usize = 400;
            // Cut after redaction, because redaction would not find a part of a secret.
            let complaint: String = self.connection.clean(&complaint).chars().take(SHOWN).collect();
            failure.message = format!("{} ({complaint})", failure.message);
        }
        failure
    }

    fn nonsense(&self, reply: &RawReply, why: &str) -> Failure {
        let failure = verdict::of(self.connection, Phase::Auth, reply);
        let message = format!("login by {} failed: {why}", self.mechanism.name());
        let code = FailureCode::Protocol;
        let hint = "set the account's auth to another mechanism, and tell the server's operator";
        Failure { code, message, ..failure }.hint(hint).later()
    }
}

/// Reports whether the server says that it does not know a mechanism: by 504 (RFC 4954 section 4), by the same enhanced
/// code, or in words. A reply that refuses the secret, or that requires another step first, never counts.
fn is_unknown_mechanism(reply: &RawReply, failure: &Failure) -> bool {
    const WORDS: &[&str] = &[
        "mechanism not supported",
        "unsupported authentication mechanism",
        "unrecognized authentication type",
        "unrecognised authentication type",
    ];
    if !reply.is_permanent() || matches!(reply.code.get(), 530 | 534 | 535 | 538) {
        return false;
    }
    let enhanced = failure.reply.as_ref().and_then(|reply| reply.enhanced);
    let is_unknown =
        |code: EnhancedStatusCode| (code.class(), code.subject(), code.detail()) == (5, 5, 4);
    let says = |word: &&str| reply.lines.iter().any(|line| line.to_lowercase().contains(*word));
    reply.code == 504 || enhanced.is_some_and(is_unknown) || WORDS.iter().any(says)
}

/// Limits how many logins hash a password at the same time. A server chooses the iterations, and can cause repeated
/// logins by refusing them. One worker limits the cost of all servers together to one core. At 4,096 iterations, it
/// serves about 700 logins per second.
static WORKERS: Semaphore = Semaphore::const_new(1);

/// Computes an expensive answer on a blocking thread. Returns `None` if it is not ready before the deadline, or if the
/// process ends.
async fn work_out(
    mut exchange: Box<dyn Exchange>,
    challenge: Vec<u8>,
    deadline: Instant,
) -> Option<(Box<dyn Exchange>, Result<Message, &'static str>)> {
    let turn = timeout_at(deadline, WORKERS.acquire()).await.ok()?.ok()?;
    let work = move || {
        let answer = exchange.answer(&challenge);
        // The work itself releases the permit, since an abandoned login still computes until its answer is ready.
        drop(turn);
        (exchange, answer)
    };
    timeout_at(deadline, tokio::task::spawn_blocking(work)).await.ok()?.ok()
}

/// Decodes a challenge. Text that is not base64 is returned unchanged: some servers send LOGIN's prompts like that. A
/// mechanism that depends on its challenge fails with such text.
fn decode(reply: &RawReply) -> Vec<u8> {
    let text = reply.lines.first().map_or("", |line| line.trim());
    STANDARD.decode(text).unwrap_or_else(|_| text.as_bytes().to_vec())
}

/// Formats a line that ends with a base64 value.
fn line(start: &str, value: &[u8]) -> Zeroizing<Vec<u8>> {
    // Allocated once, because a buffer that grows leaves copies of secrets in memory.
    let length = start.len() + value.len().div_ceil(3) * 4 + 2;
    let mut text = Zeroizing::new(String::with_capacity(length));
    text.push_str(start);
    STANDARD.encode_string(value, &mut text);
    text.push_str("\r\n");
    Zeroizing::new(std::mem::take(&mut *text).into_bytes())
}

fn no_mechanism(
    connection: &Connection,
    asked: Auth,
    by_token: bool,
    offered: &[String],
) -> Failure {
    let (lack, message) = if offered.is_empty() {
        (Lack::Login, "the server does not offer login".to_owned())
    } else {
        let wanted = Mechanism::candidates(asked, by_token, true).map(Mechanism::name);
        let wanted = wanted.collect::<Vec<_>>().join(" or ");
        let offered = offered.join(", ");
        (Lack::Mechanism, format!("the server offers login by {offered}, but not by {wanted}"))
    };
    verdict::of_missing(connection, Phase::Auth, lack, message)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::Duration;

    use super::*;

    /// A slow exchange that counts how many run at the same time.
    struct Slow(Arc<Mutex<(usize, usize)>>);

    impl Exchange for Slow {
        fn answer(&mut self, _: &[u8]) -> Result<Message, &'static str> {
            let change = |by: fn(&mut (usize, usize))| by(&mut self.0.lock().expect("no panic"));
            change(|(now, most)| {
                *now += 1;
                *most = (*most).max(*now);
            });
            std::thread::sleep(Duration::from_millis(20));
            change(|(now, _)| *now -= 1);
            Ok(Message::default())
        }
    }

    #[tokio::test]
    async fn logins_that_make_work_take_turns_also_when_they_are_given_up() {
        let counts = Arc::new(Mutex::new((0, 0)));
        let slow = || Box::new(Slow(Arc::clone(&counts)));
        let soon = Instant::now() + Duration::from_secs(20);
        let mut given_up = Box::pin(work_out(slow(), Vec::new(), soon));
        let begun = timeout_at(Instant::now() + Duration::from_millis(5), &mut given_up).await;
        drop((begun, given_up));
        // It still occupies the worker.
        let late = work_out(slow(), Vec::new(), Instant::now()).await;
        assert!(late.is_none());
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..8 {
            tasks.spawn(work_out(slow(), Vec::new(), soon));
        }
        while let Some(done) = tasks.join_next().await {
            assert!(done.expect("no panic").is_some());
        }
        assert_eq!(*counts.lock().expect("no panic"), (0, 1));
    }

    #[test]
    fn lines_are_written_in_one_piece() {
        let text = line("AUTH PLAIN ", b"\0user\0s3cr3t");
        assert_eq!(text.as_slice(), b"AUTH PLAIN AHVzZXIAczNjcjN0\r\n");
        assert_eq!(text.capacity(), text.len());
    }
}
