//! Whether anything may be written to the world now, and if not, by whose word. Pure; what follows from it is `cycle`'s.

use crate::model::finding::Weight;
use crate::model::{Estate, Finding, Memory, Plan};
use jiff::Timestamp;

/// The rule of the finding that tells of a halt.
pub const FROZEN: &str = "frozen";

/// Why nothing is written to the world, whatever was planned; looking goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Halt {
    /// By whose word, since when and why: `frozen by ana since 2026-11-26 21:40 UTC: the provider moves the region`.
    pub text: String,
    /// What ends it.
    pub hint: String,
    /// When it ends by itself.
    pub until: Option<Timestamp>,
}

impl Halt {
    /// The same as a finding, so that plan, comment, status and report tell of it.
    pub fn finding(&self) -> Finding {
        Finding {
            id: None,
            weight: Weight::Problem,
            rule: FROZEN.to_owned(),
            text: self.text.clone(),
            hint: self.hint.clone(),
            place: None,
        }
    }

    /// Has a plan tell of it, before everything else that was noticed.
    pub fn told_in(&self, plan: &mut Plan) {
        plan.findings.insert(0, self.finding());
        plan.next_due = plan.next_due.into_iter().chain(self.until).min();
    }
}

/// Says why nothing may be written to the world: the machine's settings say so, or somebody did.
///
/// `config_freeze` is `freeze` of driftless.toml; the estate is for what the repo itself says.
pub fn halted(config_freeze: bool, memory: &Memory, _estate: &Estate, now: Timestamp) -> Option<Halt> {
    if config_freeze {
        return Some(Halt {
            text: "frozen: freeze is set in the settings of the controller's machine".to_owned(),
            hint: "Nothing is changed until freeze = false stands in driftless.toml; looking goes on.".to_owned(),
            until: None,
        });
    }
    let freeze = memory.frozen.as_ref().filter(|freeze| freeze.until.is_none_or(|until| until > now))?;
    let hint = match freeze.until {
        Some(until) => {
            format!("Nothing is changed before {}, or `driftless thaw`; looking goes on.", moment(until))
        }
        None => "Nothing is changed before `driftless thaw`; looking goes on.".to_owned(),
    };
    let text = format!("frozen by {} since {}: {}", freeze.by, moment(freeze.at), freeze.reason);
    Some(Halt { text, hint, until: freeze.until })
}

/// To the minute is what somebody reads at night.
pub fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Freeze, SettingsMode};
    use std::collections::BTreeMap;

    fn estate() -> Estate {
        let settings = r#"{"estate": "test", "id": "9f2c6a1e-0000-4000-8000-00000000000a", "mode": "enforce"}"#;
        let settings: crate::model::Settings = serde_json::from_str(settings).expect("settings");
        assert_eq!(settings.mode, SettingsMode::Enforce);
        Estate { commit: None, settings, documents: BTreeMap::new(), files: 0 }
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("a time")
    }

    #[test]
    fn a_freeze_holds_until_its_end_and_says_by_whom_since_when_and_why() {
        let mut memory = Memory::default();
        assert_eq!(halted(false, &memory, &estate(), at(0)), None);
        let freeze = Freeze { by: "ana".to_owned(), reason: "moving".to_owned(), at: at(0), until: Some(at(600)) };
        memory.frozen = Some(freeze.clone());
        let halt = halted(false, &memory, &estate(), at(599)).expect("it holds");
        assert_eq!(halt.text, "frozen by ana since 1970-01-01 00:00 UTC: moving");
        assert!(halt.hint.contains("1970-01-01 00:10 UTC") && halt.hint.contains("driftless thaw"), "{}", halt.hint);
        assert_eq!(halt.until, Some(at(600)));
        assert_eq!(halted(false, &memory, &estate(), at(600)), None, "it has ended by itself");
        memory.frozen = Some(Freeze { until: None, ..freeze });
        assert!(halted(false, &memory, &estate(), at(1_000_000)).is_some());
    }

    #[test]
    fn the_settings_of_the_machine_come_before_anybodys_word() {
        let halt = halted(true, &Memory::default(), &estate(), at(0)).expect("it holds");
        assert!(halt.text.contains("settings of the controller's machine"), "{}", halt.text);
        assert_eq!(halt.finding().rule, FROZEN);
    }
}
