//! The `Settings` document: how one repo wants to be kept. Not a kind: nothing in the world is made from it.

use super::{Mode, Span};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// `spec` of the Settings document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Settings {
    /// The estate's name, shown in reports.
    pub estate: String,
    /// The estate's uuid; it stands in markers on live objects. Written by `driftless init`; another one means another repo.
    pub id: Uuid,
    /// observe (report, change nothing) | enforce (default). The stricter of this and a document's policy.mode holds.
    #[serde(default)]
    pub mode: SettingsMode,
    /// How often reality is looked at without being asked. Default 5m.
    #[serde(default = "five_minutes")]
    pub interval: Span,
    /// How many deletions a day go without an approval.
    #[serde(default)]
    pub prune: Prune,
    /// Where reports are committed.
    #[serde(default)]
    pub reports: Reports,
    /// When changes may be made, the repair of drift included; always, where the list is empty. What is missed is caught
    /// up when the next one opens; `driftless apply --now` does not wait.
    #[serde(default)]
    pub windows: Vec<Window>,
    /// Who may approve held changes: GitHub logins or "org/team". Whose login and teams these are stands in `[[access]]` of
    /// driftless.toml.
    #[serde(default)]
    pub approvers: Vec<String>,
    /// Whether the author of a change may approve it.
    #[serde(default)]
    pub self_approve: bool,
    /// What is done on GitHub.
    #[serde(default)]
    pub github: Github,
    /// How drift is reported besides STATUS.md: commit | issue | pullRequest. Default commit.
    #[serde(default = "by_commit")]
    pub drift: Vec<DriftReport>,
    /// Who is told about what.
    #[serde(default)]
    pub alerts: Vec<Alert>,
    /// Risks that are known and accepted.
    #[serde(default)]
    pub silence: Vec<Silence>,
}

fn five_minutes() -> Span {
    Span(300)
}
fn by_commit() -> Vec<DriftReport> {
    vec![DriftReport::Commit]
}

/// The repo-wide mode.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum SettingsMode {
    /// Puts back what differs.
    #[default]
    Enforce,
    /// Reports what differs and changes nothing.
    Observe,
}

impl SettingsMode {
    /// The stricter of the repo's and a document's mode.
    pub fn with(self, document: Mode) -> Mode {
        match (self, document) {
            (_, Mode::Paused) => Mode::Paused,
            (Self::Observe, _) | (_, Mode::Observe) => Mode::Observe,
            (Self::Enforce, Mode::Enforce) => Mode::Enforce,
        }
    }
}

/// The brake on deletions, counted over 24 hours per kind, zone and host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Prune {
    /// More deletions than this are held. Default 5.
    pub max_deletes: u32,
    /// More than this share is held, from 10 members and 3 deletions on. Default 30.
    #[schemars(range(min = 0, max = 100))]
    pub max_delete_percent: u8,
}

impl Default for Prune {
    fn default() -> Self {
        Self { max_deletes: 5, max_delete_percent: 30 }
    }
}

/// Where reports are committed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Reports {
    /// The branch, created as needed; never the watched one by default. Default driftless/reports.
    pub branch: String,
    /// The folder on it. Default reports.
    pub path: String,
}

impl Default for Reports {
    fn default() -> Self {
        Self { branch: "driftless/reports".to_owned(), path: "reports".to_owned() }
    }
}

/// A time of the week in which changes may be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Window {
    /// Days or ranges of days: mon, tue, wed, thu, fri, sat, sun, mon-fri.
    pub days: Vec<String>,
    /// From and to, such as "08:00-18:00"; "22:00-06:00" ends on the day after.
    #[schemars(regex(pattern = r"^[0-2][0-9]:[0-5][0-9]-[0-2][0-9]:[0-5][0-9]$"))]
    pub hours: String,
    /// An IANA time zone, such as Asia/Manila. Default UTC.
    #[serde(default = "utc")]
    pub timezone: String,
}

impl Window {
    /// The time zone, by its IANA name; none where there is none of that name.
    ///
    /// From the data that the program brings: the same on every machine, also in a container without any.
    pub fn zone(&self) -> Option<jiff::tz::TimeZone> {
        jiff::tz::TimeZoneDatabase::bundled().get(&self.timezone).ok()
    }
    /// From and to in minutes of the day; `24:00` is 1440. None where they are no hours.
    pub fn minutes(&self) -> Option<(u16, u16)> {
        let minutes = |text: &str| {
            let (hour, minute) = text.split_once(':')?;
            Some(hour.parse::<u16>().ok()? * 60 + minute.parse::<u16>().ok()?).filter(|m| *m <= 24 * 60)
        };
        let (from, to) = self.hours.split_once('-')?;
        minutes(from).zip(minutes(to))
    }
    /// Says whether it opens on this day of the week. A range may run over the week's end: `fri-mon`.
    pub fn includes(&self, day: jiff::civil::Weekday) -> bool {
        let at = |word: &str| DAYS.iter().position(|d| *d == word);
        let day = usize::from(day.to_monday_zero_offset().unsigned_abs());
        self.days.iter().any(|days| match days.split_once('-') {
            Some((from, to)) => at(from).zip(at(to)).is_some_and(|(from, to)| {
                if from <= to { (from..=to).contains(&day) } else { day >= from || day <= to }
            }),
            None => at(days) == Some(day),
        })
    }
}

/// The days as they are written, in the order of the week.
pub const DAYS: [&str; 7] = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"];

fn utc() -> String {
    "UTC".to_owned()
}

/// What is done on GitHub.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields, default)]
pub struct Github {
    /// What a pull request from a fork gets. Default validate.
    pub forks: Forks,
    /// Deployment environments to keep.
    pub deployments: Vec<String>,
    /// What follows a commit that does not get ready. Default none.
    pub rollback: Rollback,
}

/// What a pull request from a fork gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Forks {
    /// Its files are checked, nothing is planned.
    #[default]
    Validate,
    /// A plan is made as well.
    Plan,
    /// Nothing at all.
    Ignore,
}

/// What follows a commit that does not get ready.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Rollback {
    /// Nothing but the report.
    #[default]
    None,
    /// A revert is committed.
    Revert,
}

/// A way to report drift.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum DriftReport {
    /// A commit on the report branch.
    Commit,
    /// An issue, kept up to date.
    Issue,
    /// A pull request that takes reality over into git.
    PullRequest,
}

/// Somebody who is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Alert {
    /// A Slack-style webhook address, by the name of its secret.
    pub slack: SecretRef,
    /// The classes of risk that are told. Default all.
    #[serde(default)]
    pub risks: Vec<RiskClass>,
    /// A time of day without messages, such as "22:00-06:00".
    #[serde(default)]
    pub quiet: Option<String>,
}

/// Names a secret value: `{secret: alerts.slack}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SecretRef {
    /// The dotted name.
    pub secret: String,
}

/// How urgent a risk is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub enum RiskClass {
    /// Today.
    P0,
    /// This week.
    P1,
    /// This month.
    P2,
}

/// A risk that is known and accepted until a day.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Silence {
    /// The rule's name, such as ssh-open-to-world.
    pub rule: String,
    /// The resource, as Kind/name.
    pub id: String,
    /// Why it is accepted.
    pub reason: String,
    /// The last day of the silence.
    #[schemars(regex(pattern = r"^\d{4}-\d{2}-\d{2}$"))]
    pub until: String,
}
