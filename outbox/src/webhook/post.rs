//! The posts of events, over a connection that is kept for the next one.

use std::time::Duration;

use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, Request, StatusCode};
use smtp_connector_smtp::http_connection::{HttpConnection, HttpError, HttpRules, Unencrypted};
use smtp_connector_smtp::network::{Purpose, Reach};
use tokio::time::{Instant, timeout_at};

use super::Webhook;
use crate::event::Event;
use crate::timestamp::Timestamp;

/// The longest wait for an answer. Standard Webhooks recommends 15 to 30 seconds.
const PATIENCE: Duration = Duration::from_secs(15);

/// The sender of one webhook's posts.
pub(crate) struct Sender {
    webhook: Webhook,
    connection: Option<HttpConnection>,
}

/// The reason why an event was not accepted.
#[derive(Debug)]
pub(crate) struct Refusal {
    /// The rest of a sentence about the webhook, with a hint.
    pub(crate) why: String,
    /// The pause that the receiver asks for.
    pub(crate) retry_after: Option<Duration>,
    /// Whether the receiver does not accept events any more.
    pub(crate) is_gone: bool,
}

impl Sender {
    pub(crate) fn new(webhook: Webhook) -> Self {
        Self { webhook, connection: None }
    }

    /// Posts an event.
    pub(crate) async fn post(&mut self, id: &str, event: &Event) -> Result<(), Refusal> {
        // The connection is kept only after an answer that accepts the event.
        let kept = self.connection.take().filter(HttpConnection::is_open);
        let deadline = Instant::now() + PATIENCE;
        let answered = timeout_at(deadline, self.send(kept, id, event, deadline)).await;
        let answered = answered
            .unwrap_or_else(|_| Err(format!("no answer within {} seconds", PATIENCE.as_secs())));
        let (status, headers) = answered.map_err(Refusal::of)?;
        if status.is_success() {
            return Ok(());
        }
        self.connection = None;
        Err(Refusal {
            retry_after: retry_after(&headers),
            is_gone: status == StatusCode::GONE,
            ..Refusal::of(meaning(status))
        })
    }

    async fn send(
        &mut self,
        kept: Option<HttpConnection>,
        id: &str,
        event: &Event,
        deadline: Instant,
    ) -> Result<(StatusCode, HeaderMap), String> {
        // A server may close a kept connection at any time, so its failure says nothing.
        if let Some(connection) = kept
            && let Ok(answered) = self.exchange(connection, id, event).await
        {
            return Ok(answered);
        }
        let webhook = &self.webhook;
        let rules = HttpRules {
            network: &*webhook.network,
            reach: webhook.reach,
            denied: &webhook.denied,
            unencrypted: match webhook.reach {
                Reach::Anywhere => Unencrypted::PrivateNetworks,
                Reach::Public => Unencrypted::ThisMachine,
            },
            purpose: Purpose::Webhook,
            account: None,
            route: None,
        };
        let opened = HttpConnection::open(&webhook.url, rules, deadline).await;
        let connection = opened.map_err(|error| self.explain(&error))?;
        let answered = self.exchange(connection, id, event).await;
        answered.map_err(|error| self.explain(&error))
    }

    fn explain(&self, error: &HttpError) -> String {
        if self.webhook.reach == Reach::Public && error.is_about_name() {
            // One sentence for all: people who choose the URL must not learn which internal names exist.
            return "its host cannot be found, or is not on the public internet; check the URL, or allow \
                    private hosts (--webhook-private) if the receiver is in your network"
                .to_owned();
        }
        match error.hint() {
            Some(hint) => format!("{error}; {hint}"),
            None => error.to_string(),
        }
    }

    async fn exchange(
        &mut self,
        mut connection: HttpConnection,
        id: &str,
        event: &Event,
    ) -> Result<(StatusCode, HeaderMap), HttpError> {
        let request = request(&self.webhook, id, event, Timestamp::now());
        let (head, body) = connection.send(request).await?.into_parts();
        // The status counts, whatever the body. Without the end of the body, the connection cannot be used again.
        self.connection = body.is_ok().then_some(connection);
        Ok((head.status, head.headers))
    }
}

/// Returns the signed request.
fn request(webhook: &Webhook, id: &str, event: &Event, now: Timestamp) -> Request<Vec<u8>> {
    let seconds = now.as_millis() / 1000;
    // An event has only texts, numbers and JSON, which can always be written.
    let body = serde_json::to_vec(event).unwrap_or_default();
    let signature = webhook.keys.sign(id, seconds, &body);
    let request = Request::post("/")
        .header(CONTENT_TYPE, "application/json")
        .header("webhook-id", id)
        .header("webhook-timestamp", seconds)
        .header("webhook-signature", signature)
        .body(body);
    request.expect("an id, a number and base64 are valid in headers")
}

impl Refusal {
    fn of(why: String) -> Self {
        Self { why, retry_after: None, is_gone: false }
    }
}

fn meaning(status: StatusCode) -> String {
    let code = status.as_u16();
    match status {
        _ if status.is_redirection() => {
            format!("it redirects (status {code}); give the URL where it ends")
        }
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            format!("it answered with status {code}; check that it has the same secret")
        }
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => {
            format!("it answered with status {code}; check the path of the URL")
        }
        StatusCode::GONE => {
            format!(
                "it answered with status {code}, which ends the posts; start a worker with it to begin again"
            )
        }
        _ => format!("it answered with status {code}; look into the receiver's log"),
    }
}

/// Returns the seconds of a header `Retry-After`. A date is not used: the clocks of two machines differ.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok()?;
    Some(Duration::from_secs(seconds))
}
