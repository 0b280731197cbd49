//! Traces over OTLP (protobuf over HTTP): what was done, when and for how long, sent to a collector. Owns the way there
//! and when it is given up; what a trace holds is said where the work is done, by spans of `tracing`.
//!
//! Guarantees: nothing waits for the collector. Spans go into a bounded queue, a thread of its own sends them, and what
//! does not fit or cannot be sent is lost. Only our own spans and events go out, and those hold no secret, as logs
//! hold none. What happens if interrupted: what was not sent yet is lost; `Traces::end` sends it first.

use opentelemetry::KeyValue;
use opentelemetry::trace::TracerProvider;
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{ExporterBuildError, Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::resource::EnvResourceDetector;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use reqwest::header::{CONTENT_TYPE, USER_AGENT};
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::runtime::Handle;
use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{Layer, layer::Filter};

/// How long the collector may take for one batch.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long a stop may take to send what is left.
const FAREWELL: Duration = Duration::from_secs(3);

/// Why there are no traces.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// There is no HTTPS to send them with.
    #[error("no HTTP client for traces could be made")]
    Client(#[from] reqwest::Error),
    /// The standard variables of OpenTelemetry say what cannot be.
    #[error("traces could not be set up: see the variables OTEL_* of the environment")]
    Exporter(#[from] ExporterBuildError),
}

/// Traces on their way to a collector.
#[derive(Debug)]
pub struct Traces {
    provider: SdkTracerProvider,
    tracer: SdkTracer,
}

impl Traces {
    /// Sends traces to a collector from now on: `endpoint` is its address without `/v1/traces`. Says nothing to it yet.
    ///
    /// To be called within the runtime that sends them.
    pub fn start(endpoint: &str) -> Result<Self, TelemetryError> {
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Sender::new(endpoint)?)
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(format!("{endpoint}/v1/traces"))
            .with_timeout(PATIENCE)
            .build()?;
        let resource = Resource::builder_empty()
            .with_service_name("driftless")
            .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
            .with_detector(Box::new(EnvResourceDetector::new()))
            .build();
        let provider = SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build();
        let tracer = provider.tracer("driftless");
        Ok(Self { provider, tracer })
    }

    /// What the subscriber of the process tells.
    pub fn layer<S>(&self) -> Box<dyn Layer<S> + Send + Sync>
    where
        S: Subscriber + for<'a> LookupSpan<'a> + Send + Sync,
    {
        let layer = tracing_opentelemetry::layer().with_tracer(self.tracer.clone());
        let layer = layer.with_location(false).with_threads(false).with_tracked_inactivity(false);
        layer.with_filter(ours()).boxed()
    }

    /// Sends what is left, for a few seconds at most, and ends.
    pub async fn end(self) {
        let Self { provider, .. } = self;
        let sent = tokio::task::spawn_blocking(move || provider.shutdown_with_timeout(FAREWELL));
        match tokio::time::timeout(FAREWELL + Duration::from_secs(1), sent).await {
            Ok(Ok(Ok(()))) => {}
            Ok(Ok(Err(error))) => tracing::warn!(%error, "the last traces were not sent"),
            Ok(Err(_)) | Err(_) => tracing::warn!("the last traces were not sent in time"),
        }
    }
}

/// Our own spans: runs and changes, and around them what is told to traces alone. Nothing of a library's.
fn ours<S>() -> impl Filter<S> {
    Targets::new().with_target("driftless", LevelFilter::INFO).with_target("driftless::trace", LevelFilter::DEBUG)
}

/// Sends on the program's own client and runtime: the exporter's thread has neither.
#[derive(Debug)]
struct Sender {
    http: reqwest::Client,
    runtime: Handle,
    /// Whether headers may hold a token.
    private: bool,
    /// Whether the last batch arrived, so that an outage is told once.
    heard: std::sync::Arc<AtomicBool>,
}

impl Sender {
    fn new(endpoint: &str) -> Result<Self, TelemetryError> {
        let private = url::Url::parse(endpoint).is_ok_and(|url| super::config::Config::is_private(&url));
        let http = reqwest::Client::builder().timeout(PATIENCE).redirect(reqwest::redirect::Policy::none()).build()?;
        Ok(Self { http, runtime: Handle::current(), private, heard: std::sync::Arc::new(AtomicBool::new(true)) })
    }
}

type Sent<'a> = Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'a>>;

impl HttpClient for Sender {
    fn send_bytes<'a, 'b>(&'a self, request: Request<Bytes>) -> Sent<'b>
    where
        'a: 'b,
        Self: 'b,
    {
        let (parts, body) = request.into_parts();
        let more = parts.headers.keys().any(|name| name != CONTENT_TYPE && name != USER_AGENT);
        if more && !self.private {
            return Box::pin(async {
                Err("the headers of OTEL_EXPORTER_OTLP_HEADERS are not sent over plain http: use https".into())
            });
        }
        let asked = self.http.request(parts.method, parts.uri.to_string()).headers(parts.headers).body(body);
        let heard = self.heard.clone();
        let task = self.runtime.spawn(async move {
            let answer = asked.send().await.map_err(reqwest::Error::without_url);
            told(&heard, &answer);
            answer.map(|answer| answer.status())
        });
        Box::pin(async move { Ok(Response::builder().status(task.await??).body(Bytes::new())?) })
    }
}

/// Tells when the collector stops taking traces, and when it takes them again; not each time.
fn told(heard: &AtomicBool, answer: &Result<reqwest::Response, reqwest::Error>) {
    let why = match answer {
        Ok(answer) if answer.status().is_success() => None,
        Ok(answer) => Some(format!("it answered {}", answer.status())),
        Err(error) => Some(error.to_string()),
    };
    let before = heard.swap(why.is_none(), Ordering::Relaxed);
    match why {
        Some(why) if before => tracing::warn!(why, "the collector takes no traces; they are lost until it does"),
        None if !before => tracing::info!("the collector takes traces again"),
        _ => {}
    }
}
