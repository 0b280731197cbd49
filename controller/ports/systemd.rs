//! What systemd is told of this process (`Type=notify`, `WatchdogSec=`); without systemd nobody listens, which is no error.

use sd_notify::NotifyState;
use std::time::Duration;

/// The start is over.
pub fn ready() {
    tell(&[NotifyState::Ready]);
}

/// It lives.
pub fn alive() {
    tell(&[NotifyState::Watchdog]);
}

/// The start takes this much longer.
pub fn wait(more: Duration) {
    tell(&[NotifyState::ExtendTimeoutUsec(u32::try_from(more.as_micros()).unwrap_or(u32::MAX))]);
}

/// It ends.
pub fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// How it stands, in one line for `systemctl status`.
pub fn status(text: &str) {
    tell(&[NotifyState::Status(text)]);
}

/// How often systemd wants to hear that it lives; none where it does not watch.
pub fn watchdog() -> Option<Duration> {
    let mut micros = 0;
    sd_notify::watchdog_enabled(false, &mut micros).then(|| Duration::from_micros(micros))
}

fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(false, state) {
        tracing::debug!(%error, "systemd could not be told");
    }
}
