//! The pages of `worker --metrics`: whether the worker is ready, and its metrics for Prometheus.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use smtp_connector_outbox::{Outbox, Worker};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;

use super::stop::{Stop, bug};
use super::text;

/// The listener of the pages.
pub(crate) struct Monitoring {
    listener: TcpListener,
    address: SocketAddr,
    metrics: PrometheusHandle,
}

/// The outbox, worker and metrics that the pages report.
struct Subject {
    outbox: Outbox,
    worker: Worker,
    metrics: PrometheusHandle,
}

/// The upper bounds of the histogram of times, in seconds. A message takes milliseconds on a near server, and minutes on
/// one that makes senders wait.
const SECONDS: &[f64] =
    &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0];
/// The upper bounds of the histogram of sizes, in bytes.
const BYTES: &[f64] = &[1e3, 1e4, 1e5, 1e6, 5e6, 1e7, 2.5e7, 1e8];

/// How long the store may take to answer. Kubernetes gives a probe one second by default, Prometheus ten.
const STORE: Duration = Duration::from_millis(900);
/// How often collected values are added to the histograms, so that they do not grow if no one asks for them.
const UPKEEP: Duration = Duration::from_secs(5);
/// The most connections at once. Each program that asks has one.
const CONNECTIONS: usize = 32;
/// The longest wait for a request. Prometheus keeps its connection open, and asks every minute by default.
const REQUEST: Duration = Duration::from_secs(120);

impl Monitoring {
    /// Listens on an address, and records the metrics of this process from now on.
    pub(crate) async fn listen(address: &str) -> Result<Self, Stop> {
        let bound = TcpListener::bind(address).await;
        let listener = bound.map_err(|reason| cannot_listen(address, &reason))?;
        let address = listener.local_addr().map_err(|reason| cannot_listen(address, &reason))?;
        let metrics = PrometheusBuilder::new()
            .set_buckets_for_metric(Matcher::Suffix("_seconds".to_owned()), SECONDS)
            .and_then(|builder| {
                builder.set_buckets_for_metric(Matcher::Suffix("_bytes".to_owned()), BYTES)
            })
            .and_then(PrometheusBuilder::install_recorder)
            .map_err(|reason| bug(format!("the metrics could not be recorded: {reason}")))?;
        Ok(Self { listener, address, metrics })
    }

    /// Returns the address, with the port that the system chose if none was given.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Serves the pages until the process ends.
    pub(crate) fn serve(self, outbox: Outbox, worker: Worker) {
        let Self { listener, metrics, .. } = self;
        tokio::spawn(upkeep(metrics.clone()));
        tokio::spawn(accept(listener, Arc::new(Subject { outbox, worker, metrics })));
    }
}

fn cannot_listen(address: &str, reason: &io::Error) -> Stop {
    let why = match reason.kind() {
        io::ErrorKind::InvalidInput => "write HOST:PORT, such as 127.0.0.1:9465".to_owned(),
        io::ErrorKind::AddrInUse => {
            "another program uses the port; choose another port with --metrics".to_owned()
        }
        _ => format!("{}; choose another address with --metrics", text::reason(reason)),
    };
    Stop::Usage(format!("could not listen on --metrics {address}: {why}"))
}

async fn upkeep(metrics: PrometheusHandle) {
    loop {
        tokio::time::sleep(UPKEEP).await;
        metrics.run_upkeep();
    }
}

async fn accept(listener: TcpListener, subject: Arc<Subject>) {
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        // The semaphore is never closed.
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        let Ok((stream, _)) = listener.accept().await else {
            // The process may have too many open files. Deliveries end within a moment.
            tokio::time::sleep(Duration::from_millis(50)).await;
            continue;
        };
        let subject = Arc::clone(&subject);
        tokio::spawn(async move {
            serve(stream, subject).await;
            drop(place);
        });
    }
}

async fn serve(stream: TcpStream, subject: Arc<Subject>) {
    let service = service_fn(|request| {
        let subject = Arc::clone(&subject);
        async move { Ok::<_, Infallible>(subject.answer(&request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(REQUEST)
        .max_buf_size(16 << 10)
        .serve_connection(TokioIo::new(stream), service);
    // A client that closes early has what it wanted.
    let _ = connection.await;
}

impl Subject {
    async fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        // hyper sends no body with the answer to HEAD.
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let mut answer = page(StatusCode::METHOD_NOT_ALLOWED, "use GET".to_owned());
            answer.headers_mut().insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
            return answer;
        }
        match request.uri().path() {
            "/ready" => match self.ready().await {
                Ok(()) => page(StatusCode::OK, "ready".to_owned()),
                Err(why) => page(StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {why}")),
            },
            "/metrics" => match in_time(self.outbox.record_gauges()).await {
                Ok(()) => metrics(self.metrics.render()),
                // Old values would look like a queue that stands still.
                Err(why) => page(StatusCode::SERVICE_UNAVAILABLE, why),
            },
            _ => page(StatusCode::NOT_FOUND, "the pages are /ready and /metrics".to_owned()),
        }
    }

    async fn ready(&self) -> Result<(), String> {
        if !self.worker.is_taking_runs() {
            return Err("the worker is starting or stopping".to_owned());
        }
        in_time(self.outbox.check()).await
    }
}

/// Waits for the store, and explains why it did not answer.
async fn in_time(
    question: impl Future<Output = smtp_connector_outbox::Result<()>>,
) -> Result<(), String> {
    match timeout(STORE, question).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => Err(match error.hint() {
            Some(hint) => format!("{error}; {hint}"),
            None => error.to_string(),
        }),
        Err(_) => Err(format!(
            "the outbox did not answer within {} ms; another process may hold its database",
            STORE.as_millis()
        )),
    }
}

fn metrics(text: String) -> Response<Full<Bytes>> {
    let mut answer = page(StatusCode::OK, text);
    // The version of the text format.
    let format = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    answer.headers_mut().insert(CONTENT_TYPE, format);
    answer
}

fn page(status: StatusCode, mut text: String) -> Response<Full<Bytes>> {
    if !text.ends_with('\n') {
        text.push('\n');
    }
    let mut answer = Response::new(Full::new(Bytes::from(text)));
    *answer.status_mut() = status;
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    answer.headers_mut().insert(CONTENT_TYPE, plain);
    answer.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    answer
}
