//! Logs on stderr and, where a collector is set, traces to it. Owns the process's subscriber; says nothing itself.

use crate::ports::config::{Config, LogFormat};
#[cfg(feature = "otel")]
use crate::ports::telemetry;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry};

/// What has to be ended, so that nothing told last is lost.
pub struct Logs {
    #[cfg(feature = "otel")]
    traces: Option<telemetry::Traces>,
}

impl Logs {
    /// Sets up logs, as text or JSON, and traces.
    pub fn start(config: &Config, verbose: bool) -> Self {
        let printed = printed(config, verbose);
        #[cfg(feature = "otel")]
        {
            let started = config.telemetry.as_deref().map(telemetry::Traces::start).transpose();
            let (traces, failed) = match started {
                Ok(traces) => (traces, None),
                Err(error) => (None, Some(error)),
            };
            let layer = traces.as_ref().map(telemetry::Traces::layer::<Registry>);
            install([Some(printed), layer].into_iter().flatten().collect());
            if let Some(error) = failed {
                tracing::warn!(error = &error as &dyn std::error::Error, "there are no traces");
            }
            Self { traces }
        }
        #[cfg(not(feature = "otel"))]
        {
            install(vec![printed]);
            if config.telemetry.is_some() {
                tracing::warn!("a collector of traces is set, but this driftless was built without the feature otel");
            }
            Self {}
        }
    }

    /// Sends what is left, and ends.
    pub async fn end(self) {
        #[cfg(feature = "otel")]
        if let Some(traces) = self.traces {
            traces.end().await;
        }
    }
}

fn printed(config: &Config, verbose: bool) -> Box<dyn Layer<Registry> + Send + Sync> {
    let level = if verbose { "debug,hyper=info,h2=info,sqlx=warn" } else { config.log.level.as_str() };
    let filter = EnvFilter::try_new(level).unwrap_or_else(|_| EnvFilter::new("info"));
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr).with_target(false);
    match config.log.format {
        LogFormat::Json => layer.json().flatten_event(true).with_filter(filter).boxed(),
        LogFormat::Text => {
            let colours = !config.no_color && std::io::IsTerminal::is_terminal(&std::io::stderr());
            layer.with_ansi(colours).with_filter(filter).boxed()
        }
    }
}

fn install(layers: Vec<Box<dyn Layer<Registry> + Send + Sync>>) {
    // A second subscriber cannot be set; the first one stays, which is what a test wants.
    let _ = tracing_subscriber::registry().with(layers).try_init();
    // A panic is one more line of the log, in its form.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        let said = panic.payload_as_str().unwrap_or_default();
        tracing::error!(place, said, "a mistake in driftless; please report it");
    }));
}
