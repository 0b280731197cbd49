//! Backup policies of droplets. Backups themselves are never taken.

use axum::http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::call::{Answer, Call, Problem, Reply};
use super::clock::stamp;
use super::droplets::{self, Droplet};
use super::pages;
use super::state::World;

const DAYS: [&str; 7] = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
const HOURS: [u8; 6] = [0, 4, 8, 12, 16, 20];
const DAY_MS: u64 = 86_400_000;
const HOUR_MS: u64 = 3_600_000;

/// When backups of a droplet are taken.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct BackupPolicy {
    /// `daily` or `weekly`.
    pub plan: String,
    /// `SUN` to `SAT`; only for a weekly plan.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub weekday: Option<String>,
    /// 0, 4, 8, 12, 16 or 20 (UTC).
    #[serde(default)]
    pub hour: u8,
}

impl Default for BackupPolicy {
    fn default() -> Self {
        Self { plan: "weekly".to_owned(), weekday: Some("SUN".to_owned()), hour: 0 }
    }
}

impl BackupPolicy {
    /// Fails as the API does on a plan, day or hour that does not exist; fills the day of a weekly plan.
    pub(super) fn checked(mut self) -> Result<Self, Problem> {
        if !HOURS.contains(&self.hour) {
            return Err(invalid("hour must be one of 0, 4, 8, 12, 16, 20"));
        }
        match self.plan.as_str() {
            "daily" => self.weekday = None,
            "weekly" => {
                let day = self.weekday.unwrap_or_else(|| "SUN".to_owned());
                if !DAYS.contains(&day.as_str()) {
                    return Err(invalid("weekday must be one of SUN to SAT"));
                }
                self.weekday = Some(day);
            }
            _ => return Err(invalid("plan must be daily or weekly")),
        }
        Ok(self)
    }

    fn retention(&self) -> u32 {
        if self.plan == "daily" { 7 } else { 28 }
    }
}

fn invalid(what: &str) -> Problem {
    Problem::unprocessable(format!("backup_policy is invalid: {what}"))
}

#[derive(Serialize)]
struct Record<'a> {
    droplet_id: u64,
    backup_enabled: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    backup_policy: Option<Policy<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next_backup_window: Option<BackupWindow>,
}

#[derive(Serialize)]
struct Policy<'a> {
    #[serde(flatten)]
    policy: &'a BackupPolicy,
    window_length_hours: u32,
    retention_period_days: u32,
}

/// When the next backup will be taken.
#[derive(Serialize)]
pub(super) struct BackupWindow {
    start: String,
    end: String,
}

/// Returns the next window after `now`; none where backups are off.
pub(super) fn window(droplet: &Droplet, now: u64) -> Option<BackupWindow> {
    let policy = droplet.backup_policy.as_ref()?;
    let today = now / DAY_MS;
    let start = (0..=7)
        .map(|ahead| today + ahead)
        .filter(|day| match &policy.weekday {
            // 1970-01-01 was a Thursday.
            Some(name) => DAYS.get(((day + 4) % 7) as usize) == Some(&name.as_str()),
            None => true,
        })
        .map(|day| day * DAY_MS + u64::from(policy.hour) * HOUR_MS)
        .find(|start| *start > now)?;
    Some(BackupWindow { start: stamp(start), end: stamp(start + 4 * HOUR_MS) })
}

fn record(droplet: &Droplet, now: u64) -> Record<'_> {
    Record {
        droplet_id: droplet.id,
        backup_enabled: droplet.backup_policy.is_some(),
        backup_policy: droplet.backup_policy.as_ref().map(|policy| Policy {
            policy,
            window_length_hours: 4,
            retention_period_days: policy.retention(),
        }),
        next_backup_window: window(droplet, now),
    }
}

/// Answers `GET /v2/droplets/{id}/backups/policy`.
pub(super) fn get(world: &World, call: &Call<'_>, id: &str) -> Answer {
    let droplet = droplets::find(world, id)?;
    Reply::one(StatusCode::OK, "policy", &record(droplet, call.now))
}

/// Answers `GET /v2/droplets/backups/policies`: an object keyed by droplet id.
pub(super) fn list(world: &World, call: &Call<'_>) -> Answer {
    pages::map(call, "policies", world.droplets.values(), |droplet| (droplet.id.to_string(), record(droplet, call.now)))
}

/// Answers `GET /v2/droplets/backups/supported_policies`.
pub(super) fn supported() -> Answer {
    let plan = |name: &str, days: &[&str], kept: u32| {
        json!({
            "name": name,
            "possible_window_starts": HOURS,
            "window_length_hours": 4,
            "retention_period_days": kept,
            "possible_days": days,
        })
    };
    let all = [plan("weekly", &DAYS, 28), plan("daily", &[], 7)];
    Reply::one(StatusCode::OK, "supported_policies", &all)
}
